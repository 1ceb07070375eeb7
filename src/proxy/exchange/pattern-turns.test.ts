import { expect, test } from 'vitest';
import { patternTime } from '../../lib/pattern-time.ts';
import { PatternTurns } from './pattern-turns.ts';

const LONG = `/${'a'.repeat(300)}`;

function createTurns(nowMs = { value: 0 }) {
  const ends: (() => void)[] = [];
  const turns = new PatternTurns(
    () => nowMs.value,
    (run) => void ends.push(run),
  );
  return { turns, endTurn: () => ends.splice(0).forEach((run) => run()), dueEnds: () => ends.length };
}

function takePatterns(ms: number): void {
  patternTime.totalMs += ms;
}

const served = { serial: 1, isServing: (serial: number) => serial === 1 };

test('hosts with costly patterns share 5 ms of a turn, however many ask for them', () => {
  const { turns, endTurn } = createTurns();
  const host = {};
  const entered: number[] = [];
  const ask = (number: number) => {
    const enter = () => {
      entered.push(number);
      takePatterns(2);
      turns.charge(host, 2);
    };
    if (turns.isSpent && turns.hasToWait(host, '/')) turns.putOff(served, enter);
    else enter();
  };
  for (let number = 0; number < 8; number++) ask(number);
  expect(entered).toEqual([0, 1, 2]);
  endTurn();
  expect(entered).toEqual([0, 1, 2, 3, 4, 5]);
  endTurn();
  expect(entered).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  endTurn();
  expect(turns.isSpent).toBe(false);
});

test('a request of another host waits for nobody', () => {
  const nowMs = { value: 0 };
  const { turns } = createTurns(nowMs);
  const hostile = {};
  takePatterns(6);
  turns.charge(hostile, 6);
  expect(turns.isSpent).toBe(true);
  expect(turns.hasToWait({}, '/')).toBe(false);
  expect(turns.hasToWait({}, LONG)).toBe(true);
  expect(turns.hasToWait(hostile, '/')).toBe(true);
  nowMs.value = 60_000;
  expect(turns.hasToWait(hostile, '/')).toBe(false);
});

test('one whose client left while it waited is not entered', () => {
  const { turns, endTurn, dueEnds } = createTurns();
  takePatterns(6);
  const gone = { serial: 1, isServing: () => false };
  turns.putOff(gone, () => expect.unreachable());
  turns.putOff(gone, () => expect.unreachable());
  expect(dueEnds()).toBe(1);
  endTurn();
  expect(dueEnds()).toBe(0);
});

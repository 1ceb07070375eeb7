import { expect, test } from 'vitest';
import { FairTurns, TurnShare } from './fair-turns.ts';

/** Turns that the test begins, and users that spend all of a turn and have more. */
function turnsOf() {
  const jobs: (() => void)[] = [];
  const turns = new FairTurns({ share: 10, crowd: 30, crowdedShare: 2 }, (job) => jobs.push(job));
  const gone: string[] = [];
  const user = (name: string): TurnShare => {
    const share: TurnShare = new TurnShare(turns, {
      goOn() {
        gone.push(name);
        share.call();
      },
    });
    return share;
  };
  return { turns, jobs, gone, user, turn: () => jobs.shift()?.() };
}

/** Spends so much; answers whether that was allowed. */
function spend(share: TurnShare, units: number, isAll: boolean): boolean {
  if (!share.begin()) return false;
  share.left -= units;
  share.end(isAll);
  return true;
}

test('what does not fit a turn waits for the next one, one user at a time and in their order', () => {
  const { gone, user, turn, jobs } = turnsOf();
  for (const name of ['a', 'b', 'c']) spend(user(name), 10, false);
  expect(jobs.length).toBe(1);
  turn();
  expect(gone).toEqual(['a']);
  turn();
  turn();
  expect(gone).toEqual(['a', 'b', 'c']);
  expect(jobs.length).toBe(0);
});

test('a user that waits goes on only when it is called', () => {
  const { user, turn } = turnsOf();
  const [first, second] = [user('a'), user('b')];
  spend(first, 10, false);
  spend(second, 10, false);
  turn();
  expect(first.begin()).toBe(true);
  expect(second.begin()).toBe(false);
  turn();
  expect(second.begin()).toBe(true);
});

test('a user that had more than a turn waits with what comes next, until a turn has room for all it has', () => {
  const { user, turn } = turnsOf();
  const share = user('a');
  spend(share, 10, false);
  turn();
  expect(spend(share, 9, true)).toBe(true);
  expect(spend(share, 1, true)).toBe(false);
  turn();
  expect(spend(share, 1, true)).toBe(true);
  expect(spend(share, 1, true)).toBe(true);
});

test('shares are whole again in each turn in which much was spent', () => {
  const { user, turn, jobs } = turnsOf();
  const share = user('a');
  spend(share, 1, true);
  expect(jobs.length).toBe(0);
  spend(share, 5, true);
  expect(jobs.length).toBe(1);
  turn();
  share.begin();
  expect(share.left).toBe(10);
});

test('several calls of one turn have one share', () => {
  const { user } = turnsOf();
  const share = user('a');
  spend(share, 6, true);
  spend(share, 4, true);
  expect(spend(share, 1, true)).toBe(false);
  expect(share.isWaiting).toBe(true);
});

test('what one user throws keeps no other from its turn', () => {
  const { turns, jobs, gone, user, turn } = turnsOf();
  turns.await({
    goOn() {
      throw new Error('x');
    },
  });
  spend(user('a'), 10, false);
  expect(turn).toThrow('x');
  expect(jobs.length).toBe(1);
  turn();
  expect(gone).toEqual(['a']);
});

test('who comes to a crowded turn has little of it, and its share in the next', () => {
  const { user, turn } = turnsOf();
  const late = user('late');
  turn();
  for (const name of ['a', 'b', 'c']) spend(user(name), 10, true);
  turn();
  for (const name of ['d', 'e', 'f']) spend(user(name), 10, true);
  late.begin();
  expect(late.left).toBe(2);
  late.end(true);
  turn();
  late.begin();
  expect(late.left).toBe(10);
});

test('what is spent little by little, over many turns, crowds none', () => {
  const { user, turn } = turnsOf();
  for (let i = 0; i < 40; i++) {
    spend(user(`${i}`), 1, true);
    turn();
  }
  const share = user('a');
  turn();
  share.begin();
  expect(share.left).toBe(10);
});

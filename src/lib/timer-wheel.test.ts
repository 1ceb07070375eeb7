import { afterEach, beforeEach, expect, test } from 'vitest';
import { Timer, Timers } from './timer-wheel.ts';

let timers: Timers;
let fired: string[];
beforeEach(() => {
  timers = new Timers({ tickMs: 10, now: () => 0 });
  fired = [];
});
afterEach(() => timers.close());

function timer(name: string, then?: (self: Timer) => void): Timer {
  const made: Timer = new Timer({
    onTimer: () => {
      fired.push(name);
      then?.(made);
    },
  });
  return made;
}

test('fires once, not before its time and at most two ticks after it', () => {
  timers.arm(timer('a'), 95);
  timers.advance(9);
  expect(fired).toEqual([]);
  timers.advance(2);
  expect(fired).toEqual(['a']);
  timers.advance(2000);
  expect(fired).toEqual(['a']);
});

test('armed later, it waits; armed sooner, it comes forward', () => {
  const later = timer('later');
  const sooner = timer('sooner');
  timers.arm(later, 50);
  timers.arm(later, 500);
  timers.arm(sooner, 500);
  timers.arm(sooner, 50);
  timers.advance(10);
  expect(fired).toEqual(['sooner']);
  timers.advance(45);
  expect(fired).toEqual(['sooner', 'later']);
});

test('waits longer than the wheel goes round', () => {
  timers.arm(timer('long'), 30_000);
  timers.advance(3000);
  expect(fired).toEqual([]);
  timers.advance(2);
  expect(fired).toEqual(['long']);
});

test('disarmed or cancelled it stays silent, and can be armed again', () => {
  const disarmed = timer('disarmed');
  const cancelled = timer('cancelled');
  timers.arm(disarmed, 50);
  timers.arm(cancelled, 50);
  timers.disarm(disarmed);
  timers.cancel(cancelled);
  timers.advance(20);
  expect(fired).toEqual([]);
  timers.arm(cancelled, 10);
  timers.arm(disarmed, 0);
  timers.advance(20);
  expect(fired).toEqual(['cancelled']);
});

test('owners may arm and cancel while timers fire', () => {
  const victim = timer('victim');
  const again = timer('again', (self) => {
    timers.cancel(victim);
    if (fired.length < 3) timers.arm(self, 10);
  });
  timers.arm(victim, 50);
  timers.arm(again, 50);
  timers.advance(50);
  expect(fired.filter((name) => name === 'again').length).toBe(3);
  // Told in the order they were armed the other way round: the one that cancels comes first.
  expect(fired).not.toContain('victim');
});

test('a stall of the event loop makes waits longer, not all of them due', async () => {
  let now = 0;
  const stalled = new Timers({ tickMs: 5, now: () => now });
  const seen = await new Promise<string>((resolve) => {
    const short = new Timer({ onTimer: () => resolve('fired') });
    stalled.arm(short, 1_000);
    now = 10_000;
    setTimeout(() => resolve('waiting'), 40);
  });
  stalled.close();
  expect(seen).toBe('waiting');
});

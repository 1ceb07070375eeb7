import { expect, test } from 'vitest';
import { BodyBudget } from './body-budget.ts';

const MIB = 1_048_576;

function budgetsOf(count: number): BodyBudget[] {
  const spooledBlocks = new Int32Array(new SharedArrayBuffer(4 * count));
  return Array.from(
    { length: count },
    (_, index) => new BodyBudget({ memoryBytes: 8 * MIB, spoolBytes: 8 * MIB, spooledBlocks, index }),
  );
}

test('one client may hold a quarter of the memory, all together all of it', () => {
  const [budget] = budgetsOf(1);
  const uses = ['a', 'b', 'c', 'd', 'e'].map((address) => budget!.open(address));
  for (const use of uses.slice(0, 4)) budget!.addMemory(use, 2 * MIB);
  expect(uses.map((use) => budget!.isMemoryOver(use))).toEqual([false, false, false, false, false]);
  budget!.addMemory(uses[0]!, 1);
  expect(uses.map((use) => budget!.isMemoryOver(use))).toEqual([true, true, true, true, true]);
  budget!.addMemory(uses[1]!, -MIB);
  expect(uses.map((use) => budget!.isMemoryOver(use))).toEqual([true, false, false, false, false]);
});

test('one client may have half of the disk', () => {
  const [budget] = budgetsOf(1);
  const first = budget!.open('a');
  expect(budget!.open('a')).toBe(first);
  expect(budget!.takeSpool(first, 4 * MIB)).toBe(true);
  expect(budget!.takeSpool(first, 1)).toBe(false);
  budget!.giveSpool(first, MIB);
  expect(budget!.takeSpool(first, MIB)).toBe(true);
});

test('the disk is one for all workers, and a worker that starts anew has nothing on it', () => {
  const [one, other] = budgetsOf(2);
  expect(one!.takeSpool(one!.open('a'), 4 * MIB)).toBe(true);
  expect(other!.takeSpool(other!.open('b'), 4 * MIB)).toBe(true);
  expect(one!.takeSpool(one!.open('c'), 1)).toBe(false);
  const spooledBlocks = new Int32Array(new SharedArrayBuffer(8)).fill(2_048);
  const again = new BodyBudget({ memoryBytes: MIB, spoolBytes: 8 * MIB, spooledBlocks, index: 0 });
  expect([...spooledBlocks]).toEqual([0, 2_048]);
  expect(again.takeSpool(again.open('a'), 1)).toBe(false);
});

test('addresses without a body are kept, but not many of them', () => {
  const [budget] = budgetsOf(1);
  const first = budget!.open('10.0.0.1');
  budget!.close(first);
  expect(budget!.open('10.0.0.1')).toBe(first);
  const uses = Array.from({ length: 5_000 }, (_, i) => budget!.open(`address ${i}`));
  expect(budget!.addressCount).toBe(5_001);
  for (const use of uses) budget!.close(use);
  expect(budget!.addressCount).toBeLessThanOrEqual(1_025);
  expect(budget!.open('10.0.0.1')).toBe(first);
});

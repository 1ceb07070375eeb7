import { expect, test } from 'vitest';
import { FairTurns } from '../../lib/fair-turns.ts';
import { InputQueue } from './input-queue.ts';

/** A queue whose user takes as much as it is told to. */
function queueOf(): { queue: InputQueue; told: string[]; take: (octets: number) => void } {
  const told: string[] = [];
  let most = 0;
  const queue = new InputQueue(
    {
      useInput(buffer, start, end) {
        const taken = Math.min(most, end - start);
        if (taken > 0) told.push(buffer.toString('latin1', start, start + taken));
        return start + taken;
      },
      onInputUsed() {},
      onInputEnd: () => void told.push('end'),
      onInputFailed(fault) {
        throw fault;
      },
    },
    new FairTurns({ share: 1_000, crowd: 3_000, crowdedShare: 100 }),
  );
  return { queue, told, take: (octets) => (most = octets) };
}

const nextTick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

test('the end comes behind what is about to be used', async () => {
  const { queue, told, take } = queueOf();
  const bytes = Buffer.from('onetwo');
  take(3);
  queue.push(bytes, 0, bytes.length, true);
  queue.processSoon();
  queue.end();
  expect(told).toEqual(['one']);
  await nextTick();
  expect(told).toEqual(['one', 'two', 'end']);
});

test('the end is told at once where nothing is to be used any more', () => {
  const { queue, told } = queueOf();
  queue.end();
  expect(told).toEqual(['end']);
  const bytes = Buffer.from('left');
  const other = queueOf();
  other.queue.push(bytes, 0, bytes.length, true);
  other.queue.end();
  expect(other.told).toEqual(['end']);
});

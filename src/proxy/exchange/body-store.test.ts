import { expect, test } from 'vitest';
import { BodyBudget } from './body-budget.ts';
import { BodyStore } from './body-store.ts';

const READ_BYTES = 65_536;

function openStore(areGiven = true): BodyStore {
  const budget = new BodyBudget({
    memoryBytes: 2 ** 30,
    spoolBytes: 0,
    spooledBlocks: new Int32Array(new SharedArrayBuffer(4)),
    index: 0,
  });
  const store = new BodyStore({ onStoreReady() {}, onStoreFailed() {} }, { budget, spool: undefined });
  store.open('192.0.2.1', areGiven);
  return store;
}

/** What a socket read. */
function readOf(length = READ_BYTES, room = length): Buffer {
  return Buffer.from(new ArrayBuffer(room), 0, length).fill('a');
}

function isGivenBack(buffer: Buffer): boolean {
  return (buffer.buffer as ArrayBuffer).detached;
}

test('the memory of a body waits for no collector run once it was sent and is not kept', () => {
  const store = openStore();
  const reads = [readOf(), readOf(40_000), readOf(20_000)];
  for (const read of reads) store.append(read, 0, read.length);
  store.end();
  const parts: Buffer[] = [];
  while (store.take(parts) > 0);
  store.free();
  expect(reads.map(isGivenBack)).toEqual([false, false, false]);
  store.forget();
  expect(reads.map(isGivenBack)).toEqual([false, false, false]);
  store.free();
  expect(reads.map(isGivenBack)).toEqual([true, true, true]);
});

test('what is still to be handed out of a body that is not kept stays', () => {
  const store = openStore();
  const reads = [readOf(), readOf(), readOf()];
  store.append(reads[0]!, 0, READ_BYTES);
  store.append(reads[1]!, 0, READ_BYTES);
  store.forget();
  store.take([]);
  store.append(reads[2]!, 0, READ_BYTES);
  store.free();
  expect(reads.map(isGivenBack)).toEqual([true, true, false]);
});

const kept: readonly { name: string; buffer: () => Buffer; start?: number; end?: number; given?: boolean }[] =
  [
    { name: 'whose first bytes are a head', buffer: () => readOf(), start: 100 },
    { name: 'whose last bytes are the next request', buffer: () => readOf(), end: READ_BYTES - 100 },
    { name: 'that is not given', buffer: () => readOf(), given: false },
    { name: 'that has room for what another socket reads', buffer: () => readOf(60_000, READ_BYTES) },
  ];
for (const { name, buffer: create, start = 0, end, given = true } of kept) {
  test(`a buffer ${name} is left alone`, () => {
    const store = openStore(given);
    const buffer = create();
    store.append(readOf(), 0, READ_BYTES);
    store.append(buffer, start, end ?? buffer.length);
    store.forget();
    store.take([]);
    store.free();
    expect(isGivenBack(buffer)).toBe(false);
  });
}

test('a body that was sent twice is left to the collector, as the first try may still be busy with it', () => {
  const store = openStore();
  const read = readOf();
  store.append(read, 0, read.length);
  store.take([]);
  store.rewind();
  store.take([]);
  store.forget();
  store.free();
  expect(isGivenBack(read)).toBe(false);
});

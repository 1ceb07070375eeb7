import type { IncomingMessage } from 'node:http';
import { expect, test } from 'vitest';
import { createReviewBodies } from './review-bodies.ts';

/** A request of one piece, which ends when it is told to. */
function requestFrom(remoteAddress: string, bytes: number) {
  const taken = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  async function* pieces() {
    yield Buffer.alloc(bytes, 'x');
    taken.resolve();
    await over.promise;
  }
  const request = Object.assign(pieces(), { socket: { remoteAddress } }) as unknown as IncomingMessage;
  return { request, taken: taken.promise, end: over.resolve, fail: over.reject };
}

test('bodies that are being read are bounded, for each address and together, and make room when they end', async () => {
  const bodies = createReviewBodies({ one: 100, ofAddress: 60, all: 100 });
  const readWhole = (address: string, bytes: number) => {
    const { request, end } = requestFrom(address, bytes);
    end();
    return bodies.read(request);
  };
  const text = (bytes: number) => ({ text: 'x'.repeat(bytes) });

  const first = requestFrom('a', 50);
  const result = bodies.read(first.request);
  await first.taken;
  expect(await readWhole('a', 20)).toEqual({ status: 503 });
  expect(await readWhole('b', 40)).toEqual(text(40));
  expect(await readWhole('b', 55)).toEqual({ status: 503 });
  first.end();
  expect(await result).toEqual(text(50));
  expect(await readWhole('a', 55)).toEqual(text(55));
  expect(await readWhole('c', 100)).toEqual({ status: 413 });
});

test('a client that goes gives back what it held', async () => {
  const bodies = createReviewBodies({ one: 100, ofAddress: 60, all: 60 });
  const { request, taken, fail } = requestFrom('a', 50);
  const result = bodies.read(request);
  await taken;
  fail(new Error('gone'));
  await expect(result).rejects.toThrow('gone');
  const next = requestFrom('a', 50);
  next.end();
  expect(await bodies.read(next.request)).toEqual({ text: 'x'.repeat(50) });
});

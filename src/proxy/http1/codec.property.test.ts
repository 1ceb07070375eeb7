import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareRequests, compareResponses } from '../../../test/fuzz/compare.ts';
import { readRequests, readResponses } from '../../../test/protocol/codec/drive.ts';
import { chunkHead, CHUNK_END, LAST_CHUNK, lastChunk } from './chunked-encoder.ts';
import { ChunkedDecoder } from './chunked-decoder.ts';

const TOKENS = [
  'GET',
  'POST',
  'HEAD',
  ' ',
  ' ',
  '/',
  '/a?b',
  'HTTP/1.1',
  'HTTP/1.0',
  '\r\n',
  '\r\n',
  '\r\n',
  '\n',
  '\r',
  '\t',
  ':',
  ': ',
  'Host: a\r\n',
  'Host: b\r\n',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Connection: close\r\n',
  'X: y\r\n',
  'X_Y: z\r\n',
  'abc',
  '3\r\nabc\r\n',
  '0\r\n\r\n',
  ';a=b',
  '\0',
  '\x7f',
  '\xe9',
  '200 OK',
  '204',
  '100',
];

/** Texts that are nearly messages: most begin as one. */
const nearly = (lead: readonly string[]): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.constantFrom('', ...lead), fc.array(fc.constantFrom(...TOKENS), { maxLength: 14 }))
    .map(([start, rest]) => Buffer.from(start + rest.join(''), 'latin1'));

const requests = nearly([
  'GET / HTTP/1.1\r\nHost: a\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n',
]);
const responses = nearly(['HTTP/1.1 200 OK\r\n', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n']);
const cuts = fc.array(fc.nat({ max: 300 }), { maxLength: 12 });

test('requests mean the same however the bytes are cut', () => {
  fc.assert(
    fc.property(requests, cuts, (bytes, at) => {
      expect(readRequests(bytes, at)).toEqual(readRequests(bytes));
    }),
    { numRuns: 5000 },
  );
});

test('responses mean the same however the bytes are cut', () => {
  fc.assert(
    fc.property(responses, cuts, fc.constantFrom('GET', 'HEAD'), (bytes, at, method) => {
      expect(readResponses(bytes, [method], at)).toEqual(readResponses(bytes, [method]));
    }),
    { numRuns: 5000 },
  );
});

test('what the codec accepts, llhttp accepts with the same meaning', async () => {
  await fc.assert(
    fc.asyncProperty(requests, async (bytes) => {
      expect(await compareRequests(bytes, [])).toBeUndefined();
    }),
    { numRuns: 3000 },
  );
  await fc.assert(
    fc.asyncProperty(responses, fc.constantFrom('GET', 'HEAD'), async (bytes, method) => {
      expect(await compareResponses(bytes, method, [])).toBeUndefined();
    }),
    { numRuns: 2000 },
  );
});

test('what is encoded in chunks decodes to itself', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 })), cuts, (chunks, at) => {
      const data = chunks.map((chunk) => Buffer.from(chunk).toString('latin1'));
      const body = data.map((text) => chunkHead(text.length) + text + CHUNK_END).join('') + LAST_CHUNK;
      const head = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
      const { messages } = readRequests(Buffer.from(head + body, 'latin1'), at);
      expect(messages.map((message) => message.body)).toEqual([data.join('')]);
    }),
  );
});

test('trailers are sent on behind the last chunk, and a decoder serves one body after another', () => {
  const decoder = new ChunkedDecoder();
  const first = Buffer.from('0\r\nX-Sum:  1 \r\nHost: b\r\n\r\n');
  decoder.next(first, 0, first.length);
  expect(decoder.position).toBe(first.length);
  expect(lastChunk(decoder.trailers)).toBe('0\r\nX-Sum: 1\r\n\r\n');
  decoder.reset();
  const second = Buffer.from(LAST_CHUNK);
  decoder.next(second, 0, second.length);
  expect(lastChunk(decoder.trailers)).toBe(LAST_CHUNK);
});

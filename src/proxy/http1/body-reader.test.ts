import { expect, test } from 'vitest';
import type { ExchangeEvents } from '../exchange/events.ts';
import { BodyReader } from './body-reader.ts';
import type { Http1RequestHead } from './heads.ts';

function readerOf(minBytesPerSecond: number): BodyReader {
  const reader = new BodyReader();
  reader.begin({ framing: 'chunked' } as Http1RequestHead);
  reader.want(0, 60_000, minBytesPerSecond);
  return reader;
}

function exchangeOf(calls: string[] = []): ExchangeEvents {
  return {
    onBodyData: (buffer: Buffer, start: number, end: number) => {
      calls.push(buffer.toString('latin1', start, end));
      return true;
    },
    onBodyRead: () => calls.push('read'),
    onBodyEnd: () => calls.push('end'),
  } as unknown as ExchangeEvents;
}

test('a body may come in as slowly as it likes where no rate is asked for', () => {
  const reader = readerOf(0);
  const bytes = Buffer.from('1\r\nx\r\n');
  reader.read(exchangeOf(), bytes, 0, bytes.length);
  expect(reader.isLate(1e12)).toBe(false);
});

test('a burst of small chunks buys no more time than its bytes', () => {
  const reader = readerOf(500);
  const bytes = Buffer.from('1\r\nx\r\n'.repeat(2_000));
  reader.read(exchangeOf(), bytes, 0, bytes.length);
  const dueAtMs = 60_000 + (bytes.length / 500) * 1_000;
  expect(reader.isLate(dueAtMs)).toBe(false);
  expect(reader.isLate(dueAtMs + 1)).toBe(true);
});

test('all chunks of a read are told as one read, and the end as the end', () => {
  const reader = readerOf(0);
  const calls: string[] = [];
  const exchange = exchangeOf(calls);
  const bytes = Buffer.from('1\r\na\r\n2\r\nbc\r\n0\r\n\r\n');
  expect(reader.read(exchange, bytes, 0, 8)).toBe(8);
  expect(reader.read(exchange, bytes, 8, bytes.length)).toBe(bytes.length);
  expect(calls).toEqual(['a', 'read', 'bc', 'end']);
});

test('what is behind a body that was refused is not handed over', () => {
  const reader = readerOf(0);
  const calls: string[] = [];
  const exchange = exchangeOf(calls);
  exchange.onBodyData = () => {
    calls.push('data');
    return false;
  };
  const bytes = Buffer.from('1\r\na\r\n1\r\nb\r\n0\r\n\r\n');
  reader.read(exchange, bytes, 0, bytes.length);
  expect(calls).toEqual(['data']);
});

test('of a burst of small chunks as many are read as there are units left of the turn, and the rest later', () => {
  const calls: string[] = [];
  const reader = readerOf(0);
  const bytes = Buffer.from('1\r\nx\r\n'.repeat(5));
  const rest = reader.read(exchangeOf(calls), bytes, 0, bytes.length, { left: 3 });
  expect(calls).toEqual(['x', 'x', 'x', 'read']);
  reader.read(exchangeOf(calls), bytes, rest, bytes.length, { left: 10 });
  expect(calls.slice(4)).toEqual(['x', 'x', 'read']);
});

import { describe, expect, test } from 'vitest';
import { compareRequests, compareResponses } from '../../fuzz/compare.ts';
import type { CodecCase } from './case.ts';
import { LIMITS, readRequests, readResponses } from './drive.ts';
import type { Reading } from './drive.ts';
import { RFC9112_2 } from './rfc9112-2-message.ts';
import { RFC9112_3 } from './rfc9112-3-request-line.ts';
import { RFC9112_4 } from './rfc9112-4-status-line.ts';
import { RFC9112_5 } from './rfc9112-5-fields.ts';
import { RFC9112_6 } from './rfc9112-6-framing.ts';
import { RFC9112_7 } from './rfc9112-7-chunked.ts';
import { RFC9112_9 } from './rfc9112-9-connection.ts';

const CASES = [RFC9112_2, RFC9112_3, RFC9112_4, RFC9112_5, RFC9112_6, RFC9112_7, RFC9112_9].flat();

function readingOf(entry: CodecCase, cuts: readonly number[]): Reading {
  const bytes = Buffer.from(entry.raw, 'latin1');
  const limits = { ...LIMITS, ...entry.limits };
  return entry.kind === 'request'
    ? readRequests(bytes, cuts, limits)
    : readResponses(bytes, entry.methods ?? ['GET'], cuts, limits);
}

describe('the codec refuses what is ambiguous and reads the rest', () => {
  for (const entry of CASES) {
    test(entry.name, async () => {
      const bytes = Buffer.from(entry.raw, 'latin1');
      const everywhere = Array.from(bytes, (_, i) => i);
      for (const cuts of [[], everywhere]) {
        const reading = readingOf(entry, cuts);
        expect(reading.error).toBe(entry.error);
        expect(reading.messages).toMatchObject(entry.messages ?? []);
        expect(reading.underWay).toBe(entry.underWay ?? 'nothing');
        expect(reading.unread).toBe(entry.unread ?? 0);
      }
      if (entry.limits !== undefined) return;
      const difference =
        entry.kind === 'request'
          ? await compareRequests(bytes, [])
          : await compareResponses(bytes, entry.methods?.[0] ?? 'GET', []);
      expect(difference).toBeUndefined();
    });
  }
});

test('every case has a name of its own', () => {
  const names = CASES.map((entry) => entry.name);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

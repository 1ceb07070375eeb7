import { expect, test } from 'vitest';
import { parsedLines } from '../message/head-text.ts';
import { RequestLines } from './request-lines.ts';

for (const { name, lines, isTaken = false, want } of [
  {
    name: 'Host first, as it usually is',
    lines: 'Host: a.test\r\nX: 1\r\n',
    want: ['a.test', '', 'X: 1\r\n'],
  },
  {
    name: 'with an id behind it',
    lines: 'Host: a.test\r\nX-Request-ID: 1f\r\nX: 1\r\n',
    want: ['a.test', '1f', 'X: 1\r\n'],
  },
  {
    name: 'an id elsewhere is a line like others',
    lines: 'Host: a.test\r\nX: 1\r\nX-Request-ID: 1f\r\n',
    want: ['a.test', '', 'X: 1\r\nX-Request-ID: 1f\r\n'],
  },
  {
    name: 'Host elsewhere',
    lines: 'X: 1\r\nhost:a.test \r\nY: 2\r\n',
    want: ['a.test', '', 'X: 1\r\nY: 2\r\n'],
  },
  { name: 'no Host', lines: 'X-Host: 1\r\n', want: ['', '', 'X-Host: 1\r\n'] },
  {
    name: 'trailers taken',
    lines: 'Host: a\r\n',
    isTaken: true,
    want: ['a', '', 'te: trailers\r\n'],
  },
]) {
  test(name, () => {
    const read = new RequestLines();
    read.read(parsedLines('Host: before\r\nX-Request-ID: before\r\n'), true);
    read.read(parsedLines(lines), isTaken);
    expect([read.authority, read.requestId, read.lines]).toEqual(want);
  });
}

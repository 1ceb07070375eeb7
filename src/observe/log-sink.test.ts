import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogSink } from './log-sink.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'serin-log-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('lines are written in order, bytes as they are', async () => {
  const path = join(directory, 'access.log');
  const sink = createLogSink({ path });
  sink.write('a\n');
  sink.write('caf\u00c3\u00a9\n');
  await sink.flush();
  expect(readFileSync(path, 'utf8')).toBe('a\ncaf\u00e9\n');
  sink.write('b\n');
  await sink.close();
  expect(readFileSync(path, 'utf8')).toBe('a\ncaf\u00e9\nb\n');
  expect(sink.droppedLines).toBe(0);
});

test('what is buffered is written by the clock', async () => {
  const path = join(directory, 'access.log');
  const sink = createLogSink({ path, flushMs: 1 });
  sink.write('a\n');
  await expect.poll(() => readFileSync(path, 'latin1'), { interval: 1 }).toBe('a\n');
  await sink.close();
});

test('two writers of one file lose nothing and break no line', async () => {
  const path = join(directory, 'access.log');
  const sinks = [createLogSink({ path, flushBytes: 1000 }), createLogSink({ path, flushBytes: 1500 })];
  for (let i = 0; i < 5000; i++) for (const [n, sink] of sinks.entries()) sink.write(`${n}:${i}\n`);
  await Promise.all(sinks.map((sink) => sink.close()));
  const lines = readFileSync(path, 'latin1').trimEnd().split('\n');
  expect(lines.length).toBe(10_000);
  for (const n of [0, 1]) {
    expect(lines.filter((line) => line.startsWith(`${n}:`))).toEqual(
      Array.from({ length: 5000 }, (_, i) => `${n}:${i}`),
    );
  }
});

test('a rotated file is opened anew', async () => {
  const path = join(directory, 'access.log');
  const sink = createLogSink({ path });
  sink.write('a\n');
  await sink.flush();
  renameSync(path, `${path}.1`);
  sink.write('b\n');
  await sink.flush();
  sink.reopen();
  sink.write('c\n');
  await sink.close();
  expect(readFileSync(`${path}.1`, 'latin1')).toBe('a\nb\n');
  expect(readFileSync(path, 'latin1')).toBe('c\n');
});

test('reopening while a write is in flight loses nothing', async () => {
  const path = join(directory, 'access.log');
  const sink = createLogSink({ path, flushBytes: 10 });
  for (let i = 0; i < 100; i++) {
    sink.write(`line ${i}\n`);
    sink.reopen();
  }
  await sink.close();
  expect(readFileSync(path, 'latin1')).toBe(Array.from({ length: 100 }, (_, i) => `line ${i}\n`).join(''));
});

test('a file that cannot be opened is reported once, and its lines are counted', async () => {
  const errors: unknown[] = [];
  const sink = createLogSink({
    path: join(directory, 'no', 'such', 'folder'),
    report: (error) => errors.push(error),
  });
  sink.write('a\n');
  sink.write('b\n');
  sink.reopen();
  await sink.close();
  expect(sink.droppedLines).toBe(2);
  expect(errors).toMatchObject([{ code: 'ENOENT' }]);
});

test('a disk that is full is reported once, and what it does not take is counted', async () => {
  const errors: unknown[] = [];
  const lost: number[] = [];
  const sink = createLogSink({
    path: '/dev/full',
    report: (error) => errors.push(error),
    dropped: (lines) => lost.push(lines),
  });
  sink.write('a\n');
  await sink.flush();
  sink.write('b\n');
  await sink.flush();
  await sink.close();
  expect(sink.droppedLines).toBe(2);
  expect(lost).toEqual([1, 1]);
  expect(errors).toMatchObject([{ code: 'ENOSPC' }]);
});

test('a pipe whose reader stops is never waited for: the rest is kept up to the limit, then counted', async () => {
  const path = join(directory, 'pipe');
  execFileSync('mkfifo', [path]);
  const reader = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const sink = createLogSink({ path, flushBytes: 8192, maxBehindBytes: 200_000 });
  const line = `${'x'.repeat(99)}\n`;
  const total = 5000;
  for (let i = 0; i < total; i++) sink.write(line);
  // A pipe holds 64 KiB; what is behind is bounded.
  expect(sink.droppedLines).toBeGreaterThan(1000);
  const kept = total - sink.droppedLines;
  const flushed = sink.flush();
  let received = '';
  const chunk = Buffer.alloc(65_536);
  const drain = (): void => {
    try {
      for (;;) received += chunk.toString('latin1', 0, readSync(reader, chunk));
    } catch (error) {
      expect(error).toMatchObject({ code: 'EAGAIN' });
    }
  };
  await expect
    .poll(() => (drain(), received.length), { interval: 1, timeout: 10_000 })
    .toBe(kept * line.length);
  await flushed;
  expect(received).toBe(line.repeat(kept));
  await sink.close();
  closeSync(reader);
});

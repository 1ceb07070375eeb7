import { expect, test } from 'vitest';
import { createLog } from './log.ts';

const lines = (format: 'text' | 'json') => {
  const written: string[] = [];
  const log = createLog({ level: 'info', format, write: (line) => written.push(line) });
  log.debug('not shown');
  log.warn(
    { name: 'a/web', count: 2, path: '/with space', error: new Error('broken "x"') },
    'kept the last table',
  );
  return written;
};

test('writes one readable line per entry', () => {
  const [line, ...more] = lines('text');
  expect(more).toEqual([]);
  expect(line!.replace(/^\S+/, 'TIME')).toBe(
    'TIME warn  kept the last table name=a/web count=2 path="/with space" error="broken \\"x\\""\n',
  );
});

test('writes JSON when asked', () => {
  const [line] = lines('json');
  expect(JSON.parse(line!)).toMatchObject({ level: 40, name: 'a/web', count: 2, msg: 'kept the last table' });
});

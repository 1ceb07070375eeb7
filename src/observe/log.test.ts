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
  expect(JSON.parse(line!)).toMatchObject({
    level: 'warn',
    name: 'a/web',
    count: 2,
    msg: 'kept the last table',
  });
});

for (const format of ['text', 'json'] as const) {
  test(`a newline and escape codes in what a tenant wrote forge no ${format} line`, () => {
    const written: string[] = [];
    const log = createLog({ level: 'info', format, write: (line) => written.push(line) });
    const forged = 'x\n2026-01-01T00:00:00.000Z info  all is well\u001b[2K\u009b1A\u007f';
    log.warn({ [`key\n${forged}`]: forged, path: '\u009b2J', error: new Error(forged) }, forged);
    expect(written).toHaveLength(1);
    // oxlint-disable-next-line no-control-regex -- none may be left
    expect(written[0]).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]|\n./);
    expect(written[0]).toContain('all is well\\u001b[2K\\u009b1A\\u007f');
    if (format === 'json') expect(JSON.parse(written[0]!)).toMatchObject({ msg: forged, path: '\u009b2J' });
  });
}

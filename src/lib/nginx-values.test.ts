import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { parseGoBool, parseGoInt, parseNginxSize, parseNginxTimeMs, splitList } from './nginx-values.ts';

describe('values as nginx and Go read them', () => {
  const cases: [string, unknown, unknown][] = [
    ['bool true', parseGoBool('T'), true],
    ['bool 0', parseGoBool('0'), false],
    ['bool yes', parseGoBool('yes'), undefined],
    ['int', parseGoInt('-12'), -12],
    ['int with space', parseGoInt(' 1'), undefined],
    ['int beyond the safe range', parseGoInt('99999999999999999999'), undefined],
    ['size', parseNginxSize('8k'), 8192],
    ['size upper case', parseNginxSize('1M'), 1_048_576],
    ['size plain', parseNginxSize('512'), 512],
    ['size b', parseNginxSize('5b'), undefined],
    ['time in seconds', parseNginxTimeMs('75'), 75_000],
    ['time with unit', parseNginxTimeMs('10m'), 600_000],
    ['time of two parts', parseNginxTimeMs('1h 30m'), 5_400_000],
    ['time of ms', parseNginxTimeMs('250ms'), 250],
    ['time of seconds and a part', parseNginxTimeMs('75 1m'), 135_000],
    ['time without a unit at the end', parseNginxTimeMs('1m 75'), undefined],
    ['time nonsense', parseNginxTimeMs('soon'), undefined],
    ['list', splitList(' a, ,b '), ['a', 'b']],
  ];
  for (const [name, got, want] of cases) test(name, () => expect(got).toEqual(want));
});

test('what looks like a time is not read twice over', async () => {
  const module = JSON.stringify(new URL('./nginx-values.ts', import.meta.url).href);
  const script = `const { parseNginxTimeMs } = await import(${module});
    console.log(parseNginxTimeMs('1'.repeat(1_000_000) + 'x'));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 20_000,
  });
  expect(stdout).toBe('undefined\n');
});

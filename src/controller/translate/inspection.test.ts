import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { IngressObject } from '../store/objects.ts';
import { inspectIngress } from './inspection.ts';

function refused(path: string): boolean {
  const rules = [{ field: 'spec.rules[0]', host: 'a.test', paths: [{ field: 'f', path }] }];
  return inspectIngress({ rules, tls: [] } as unknown as IngressObject) !== undefined;
}

const cases: [path: string, isRefused: boolean][] = [
  ['/alias /x;', true],
  ['/aliasx\n;', true],
  ['/;alias', false],
  ['/alia;s', false],
  ['/root;', true],
  ['/alias;root', true],
  ['/etc/passwd', true],
  ['/etc/hosts', false],
  ['/var/run/secrets/x', true],
  ['/x_by_lua', true],
  ['/alias/x', false],
];
for (const [path, isRefused] of cases) {
  test(`${JSON.stringify(path)} is ${isRefused ? 'refused' : 'let in'}`, () =>
    expect(refused(path)).toBe(isRefused));
}

test('a path of blanks behind `alias` does not hold the control plane', async () => {
  const script = `
    const { inspectIngress } = await import(${JSON.stringify(new URL('./inspection.ts', import.meta.url).href)});
    for (const word of ['alias', 'root']) {
      const path = '/' + word + ' '.repeat(600_000);
      const rules = [{ field: 'r', host: '', paths: [{ field: 'f', path }] }];
      console.log(inspectIngress({ rules, tls: [] }) === undefined);
    }`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    timeout: 20_000,
  });
  expect(stdout).toBe('true\ntrue\n');
});

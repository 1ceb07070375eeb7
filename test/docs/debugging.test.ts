import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createViews } from '../../src/admin/views.ts';

const PAGE = readFileSync(new URL('../../docs/debugging.md', import.meta.url), 'utf8');
const [, TOOLS = ''] = PAGE.split("## From ingress-nginx's tools");

/** All subcommands of ingress-nginx's two tools, and those of their flags that ask for something else. */
const COMMANDS = [
  ...['backends all', 'backends list', 'backends get', 'certs get', 'conf', 'general'].map(
    (one) => `/dbg ${one}`,
  ),
  ...['backends', 'backends --list', 'backends --backend', 'certs --host', 'conf', 'conf --host', 'exec'],
  ...['general', 'info', 'ingresses', 'lint', 'logs', 'ssh'],
].map((command) => (command.startsWith('/') ? command : `kubectl ingress-nginx ${command}`));

for (const command of COMMANDS) {
  test(`docs/debugging.md names what takes the place of ${command}`, () => {
    const row = TOOLS.split('\n').find((line) =>
      new RegExp(`^\\|[^|]*\`${command}(?: [A-Z]+)?\``).test(line),
    );
    expect(row?.split(/(?<!\\)\|/)[2]?.trim()).toMatch(/`/);
  });
}

test('the views that docs/debugging.md names are there, and none is left out', () => {
  const named = [...PAGE.matchAll(/(?:\$api|\/api)\/(\w+)/g)].map(([, view]) => view);
  const views = createViews({ live: () => undefined, endpointsOf: () => [] } as never);
  expect([...new Set(named)].toSorted()).toEqual([...views.keys()].toSorted());
});

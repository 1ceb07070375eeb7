import { expect, test } from 'vitest';
import type { HostModel } from '../../model/model.ts';
import { indexWildcards } from './wildcard-hosts.ts';

const host = (name: string, namespace = name): HostModel => ({
  name,
  aliases: [],
  certificateNames: [],
  policies: {},
  routes: [],
  source: { kind: 'Ingress', namespace, name: 'web' },
});

const hosts = [host('*.a.test'), host('*.b.a.test'), host('*.c.example'), host('d.test'), host('_')];
const cases: [alias: string, want: readonly string[]][] = [
  ['x.a.test', ['*.a.test']],
  ['a.test', []],
  ['y.x.a.test', []],
  ['*.a.test', ['*.a.test', '*.b.a.test']],
  ['*.test', ['*.a.test', '*.b.a.test']],
  ['*.x.a.test', []],
  ['.x.a.test', ['*.a.test']],
  ['.a.test', ['*.a.test', '*.b.a.test']],
  ['x.*', ['*.a.test', '*.b.a.test', '*.c.example']],
  ['x.a.*', ['*.a.test']],
  ['x.b.*', ['*.b.a.test']],
  ['x.c.example.*', []],
];
for (const [alias, want] of cases) {
  test(`alias ${alias} takes names of ${want.join(', ') || 'none'}`, () => {
    expect(
      indexWildcards(hosts)
        .takenBy(alias)
        .map(({ name }) => name),
    ).toEqual(want);
  });
}

test('few are kept of many, each of another namespace', () => {
  const many = Array.from({ length: 1_000 }, (_, i) => host(`*.h${i}.test`, `team-${Math.floor(i / 100)}`));
  const taken = indexWildcards(many).takenBy('*.test');
  expect(taken.map(({ source }) => source.namespace)).toEqual(['team-0', 'team-1', 'team-2', 'team-3']);
});

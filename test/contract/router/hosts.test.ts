import { describe, expect, test } from 'vitest';
import { hostModel, modelOf, routeModel } from '../../fixtures/models.ts';
import { routerOf } from '../../fixtures/routers.ts';

interface Case {
  readonly name: string;
  /** Host to its aliases. */
  readonly hosts: Readonly<Record<string, readonly string[]>>;
  /** Request name to the host entry that serves it. */
  readonly want: Readonly<Record<string, string>>;
}

const cases: Case[] = [
  {
    name: 'exact names, all else to the catch-all',
    hosts: { 'a.test': [], 'b.test': [], _: [] },
    want: { 'a.test': 'a.test', 'b.test': 'b.test', 'c.test': '_', '10.0.0.1': '_', '': '_', '[::1]': '_' },
  },
  {
    name: 'a wildcard host is one label deep',
    hosts: { '*.a.test': [], _: [] },
    want: {
      'x.a.test': '*.a.test',
      'x-1_y.a.test': '*.a.test',
      'a.test': '_',
      'x.y.a.test': '_',
      '.a.test': '_',
      'x!.a.test': '_',
    },
  },
  {
    name: 'an exact host beats a wildcard',
    hosts: { '*.a.test': [], 'x.a.test': [], _: [] },
    want: { 'x.a.test': 'x.a.test', 'y.a.test': '*.a.test' },
  },
  {
    name: 'an exact alias',
    hosts: { 'a.test': ['alias.test'], _: [] },
    want: { 'alias.test': 'a.test', 'x.alias.test': '_' },
  },
  {
    name: 'a host beats an alias of the same name',
    hosts: { 'a.test': ['b.test'], 'b.test': [], _: [] },
    want: { 'b.test': 'b.test' },
  },
  {
    name: 'a wildcard alias is any depth, the longest wins, and it beats a wildcard host',
    hosts: { 'a.test': ['*.w.test'], 'b.test': ['*.x.w.test'], '*.w.test': [], _: [] },
    want: { 'q.w.test': 'a.test', 'q.r.w.test': 'a.test', 'q.x.w.test': 'b.test', 'w.test': '_' },
  },
  {
    name: 'a trailing wildcard alias comes after leading ones',
    hosts: { 'a.test': ['www.*'], 'b.test': ['*.org'], _: [] },
    want: { 'www.net': 'a.test', 'www.a.net': 'a.test', 'www.org': 'b.test', www: '_' },
  },
  {
    name: 'a leading dot is the name itself and all below',
    hosts: { 'a.test': ['.w.test'], _: [] },
    want: { 'w.test': 'a.test', 'x.y.w.test': 'a.test', 'xw.test': '_' },
  },
  {
    name: 'regex aliases in the order of host names, after wildcards of hosts that sort before',
    hosts: { 'a.test': ['~^x\\d+\\.'], 'b.test': ['~^x.*'], '*.w.test': [], _: [] },
    want: { 'x1.w.test': '*.w.test', 'x1.v.test': 'a.test', 'xy.v.test': 'b.test', 'v.test': '_' },
  },
  {
    name: 'a regex alias of a wildcard host comes before those of later hosts',
    hosts: { '*.a.test': ['~^x'], '*.b.test': [], 'c.test': ['~.'], _: [] },
    want: { 'x.b.test': '*.a.test', 'y.b.test': '*.b.test', z: 'c.test' },
  },
  {
    name: 'a regex alias that cannot be read matches nothing',
    hosts: { 'a.test': ['~(', 'b.test'], _: [] },
    want: { 'b.test': 'a.test', '(': '_' },
  },
  {
    name: 'names that objects carry are names like any other',
    hosts: { constructor: [], _: [] },
    want: { constructor: 'constructor', toString: '_', ['__proto__']: '_' },
  },
  {
    name: 'without a catch-all, an empty one stands in',
    hosts: { 'a.test': [] },
    want: { 'b.test': '_' },
  },
];

describe('hosts (docs/reference/routing.md §2)', () => {
  for (const { name, hosts, want } of cases) {
    test(name, () => {
      const models = Object.entries(hosts).map(([host, aliases]) =>
        hostModel(host, [routeModel('/')], { aliases }),
      );
      const router = routerOf(modelOf(models));
      const got = Object.fromEntries(
        Object.keys(want).map((asked) => [asked, router.hostOf(asked).entry.name]),
      );
      expect(got).toEqual(want);
    });
  }

  test('the catch-all counts as not configured, every other host as configured', () => {
    const router = routerOf(modelOf([hostModel('_', []), hostModel('a.test', [])]));
    expect(router.hostOf('x').isConfigured).toBe(false);
    expect(router.hostOf('a.test').isConfigured).toBe(true);
    expect(router.hostOf('x').match('/')).toBeUndefined();
  });
});

import { describe, expect, test } from 'vitest';
import type { RouteModel } from '../../../src/model/model.ts';
import { hostModel, modelOf, routeModel, type RouteWords } from '../../fixtures/models.ts';
import { printMatch, routerOf } from '../../fixtures/routers.ts';

const prefix = (path: string, over: RouteWords = {}) => routeModel(path, over);
const exact = (path: string, over: RouteWords = {}) => routeModel(path, { pathType: 'exact', ...over });
const regex = (path: string, over: RouteWords = {}) =>
  routeModel(path, { policies: { rewrite: { isRegex: true } }, ...over });
const rewritten = (path: string, target: string, over: RouteWords = {}) =>
  routeModel(path, { policies: { rewrite: { isRegex: false, target } }, ...over });
const many = Array.from({ length: 20 }, (_, i) => prefix(`/many/${i}`));

interface Case {
  readonly name: string;
  readonly routes: readonly RouteModel[];
  /** Normalised request path to what it matches. */
  readonly want: Readonly<Record<string, string>>;
}

const plain: Case[] = [
  {
    name: 'prefix / takes everything',
    routes: [prefix('/')],
    want: { '/': 'prefix /', '/a': 'prefix /', '/a/b': 'prefix /' },
  },
  {
    name: 'a prefix ends at a segment and minds case',
    routes: [prefix('/foo')],
    want: {
      '/foo': 'prefix /foo',
      '/foo/': 'prefix /foo',
      '/foo/x': 'prefix /foo',
      '/foobar': '404',
      '/Foo': '404',
    },
  },
  {
    name: 'a prefix with slash redirects to itself',
    routes: [prefix('/foo/'), prefix('/')],
    want: {
      '/foo/': 'prefix /foo/',
      '/foo/x': 'prefix /foo/',
      '/foo': '301 /foo/',
      '/foobar': 'prefix /',
    },
  },
  {
    name: 'exact is exact',
    routes: [exact('/foo')],
    want: { '/foo': 'exact /foo', '/foo/': '404', '/foo/x': '404' },
  },
  {
    name: 'exact with slash redirects too',
    routes: [exact('/foo/')],
    want: { '/foo/': 'exact /foo/', '/foo': '301 /foo/', '/foo/x': '404' },
  },
  {
    name: 'an explicit exact takes the twin of a prefix',
    routes: [prefix('/foo'), exact('/foo')],
    want: { '/foo': 'exact /foo', '/foo/': 'prefix /foo', '/foo/x': 'prefix /foo' },
  },
  {
    name: 'exact with slash beside a prefix with slash',
    routes: [prefix('/foo/'), exact('/foo/')],
    want: { '/foo/': 'exact /foo/', '/foo/x': 'prefix /foo/', '/foo': '301 /foo/' },
  },
  {
    name: 'no redirect where the path without slash is an exact one',
    routes: [prefix('/foo/'), exact('/foo')],
    want: { '/foo': 'exact /foo', '/foo/x': 'prefix /foo/' },
  },
  {
    name: 'no redirect where the path without slash is a prefix',
    routes: [prefix('/foo/'), prefix('/foo')],
    want: { '/foo': 'prefix /foo', '/foo/': 'prefix /foo/', '/foo/x': 'prefix /foo/' },
  },
  {
    name: 'no redirect to a denied route',
    routes: [prefix('/foo/', { deniedStatus: 503 }), prefix('/')],
    want: { '/foo': 'prefix /', '/foo/': 'prefix /foo/' },
  },
  {
    name: 'the longest prefix wins, whatever the order',
    routes: [prefix('/a'), prefix('/a/b/c'), prefix('/a/b'), prefix('/')],
    want: { '/a/b/c/d': 'prefix /a/b/c', '/a/b/x': 'prefix /a/b', '/a/bc': 'prefix /a', '/ab': 'prefix /' },
  },
  {
    name: 'regex characters are literal',
    routes: [prefix('/a.b')],
    want: { '/a.b': 'prefix /a.b', '/axb': '404' },
  },
  {
    name: 'paths compare by their bytes',
    routes: [prefix('/caf\u00e9')],
    want: { '/caf\u00c3\u00a9': 'prefix /caf\u00e9', '/caf\u00e9': '404' },
  },
  {
    name: 'a target equal to the path is no rewrite',
    routes: [rewritten('/', '/'), prefix('/foo')],
    want: { '/foobar': 'prefix /', '/FOO': 'prefix /' },
  },
  {
    name: 'an empty target is no rewrite',
    routes: [rewritten('/foo', '')],
    want: { '/foobar': '404' },
  },
  {
    name: 'twenty prefixes are looked up, not tried',
    routes: [...many, prefix('/many/1/deep'), exact('/many/2/x'), prefix('/many/3/'), prefix('/')],
    want: {
      '/many/1': 'prefix /many/1',
      '/many/1/deep/er': 'prefix /many/1/deep',
      '/many/1/deeper': 'prefix /many/1',
      '/many/2/x': 'exact /many/2/x',
      '/many/2/x/y': 'prefix /many/2',
      '/many/3': 'prefix /many/3',
      '/many/3/x': 'prefix /many/3/',
      '/many/20': 'prefix /',
      '/many': 'prefix /',
    },
  },
];

const regexes: Case[] = [
  {
    name: 'one regex makes all paths of the host regexes, open at the end, without case',
    routes: [regex('/re[0-9]'), prefix('/foo'), exact('/bar')],
    want: {
      '/re5x': 'prefix /re[0-9]',
      '/foobar': 'prefix /foo',
      '/FOO/x': 'prefix /foo',
      '/bar/baz': 'exact /bar',
      '/BAR': 'exact /bar',
      '/x/foo': '404',
    },
  },
  {
    name: 'literal dots become any character',
    routes: [regex('/r'), prefix('/a.b')],
    want: { '/axb': 'prefix /a.b' },
  },
  {
    name: 'longest path text first, even where a literal is closer (docs/reference/routing.md §4)',
    routes: [prefix('/foo/bar/bar'), regex('/foo/bar/[A-Z0-9]{3}')],
    want: { '/foo/bar/bar': 'prefix /foo/bar/[A-Z0-9]{3}' },
  },
  {
    name: 'equal length in descending string order',
    routes: [regex('/[a-c]b'), regex('/(a)bc'), regex('/x...b')],
    want: { '/abc': 'prefix /[a-c]b', '/xabcb': 'prefix /x...b' },
  },
  {
    name: 'no slash redirect',
    routes: [regex('/r'), prefix('/foo/')],
    want: { '/foo': '404', '/foo/x': 'prefix /foo/' },
  },
  {
    name: 'a victim keeps the rank of its path without slash',
    routes: [regex('/fooo'), prefix('/foo')],
    want: { '/foooo': 'prefix /fooo', '/foo/o': 'prefix /foo' },
  },
  {
    name: 'a victim beside an exact one only takes what is behind the slash',
    routes: [regex('/r'), prefix('/foo'), exact('/foo')],
    want: { '/foo/x': 'prefix /foo', '/foo': 'exact /foo', '/foobar': 'exact /foo' },
  },
  {
    name: 'an implicit / with a target of its own spreads (docs/reference/annotations.md §2.1)',
    routes: [rewritten('/', '/same', { isImplicit: true }), rewritten('/same', '/same')],
    want: { '/samesame': 'prefix /same', '/SAME': 'prefix /same', '/x': 'prefix /' },
  },
  {
    name: 'the dashboard of the walk-through',
    routes: [rewritten('/dashboard(/|$)(.*)', '/$2'), prefix('/web')],
    want: {
      '/dashboard': 'prefix /dashboard(/|$)(.*)',
      '/dashboard/x': 'prefix /dashboard(/|$)(.*)',
      '/dashboards': '404',
      '/web/x': 'prefix /web',
    },
  },
  {
    name: 'an invalid regex only loses its own path',
    routes: [regex('/bad('), regex('/good[0-9]')],
    want: { '/bad(': '404', '/good1': 'prefix /good[0-9]' },
  },
  {
    name: 'alternatives at the top are not anchored but the first, as nginx reads ^a|b',
    routes: [regex('/a|/b')],
    want: { '/a': 'prefix /a|/b', '/x/b': 'prefix /a|/b', '/x/a': '404' },
  },
  {
    name: 'a look-ahead at a fixed place',
    routes: [regex('/(?!api/)(.*)')],
    want: { '/app': 'prefix /(?!api/)(.*)', '/API/x': '404', '/api': 'prefix /(?!api/)(.*)' },
  },
  {
    name: 'a part that minds case',
    routes: [regex('/x(?-i)Foo')],
    want: { '/XFoo': 'prefix /x(?-i)Foo', '/xfoo': '404' },
  },
  {
    name: 'a pattern that is refused stands for what begins as it does',
    routes: [regex('/long.x/(a|b)', { isPatternRefused: true, deniedStatus: 503 }), regex('/')],
    want: { '/long': 'prefix /long.x/(a|b)', '/LONGER': 'prefix /long.x/(a|b)', '/lon': 'prefix /' },
  },
  {
    name: 'use-regex decides by itself',
    routes: [regex('/'), prefix('/foo')],
    want: { '/FOOx': 'prefix /foo', '/x': 'prefix /' },
  },
  {
    name: 'a thousand regexes, first match by rank',
    routes: [
      ...Array.from({ length: 1000 }, (_, i) => regex(`/svc${i}/v[0-9]+(/|$)(.*)`)),
      regex('/svc1.*'),
      regex('/(svc|api)7/v1/very/long/path/text'),
    ],
    want: {
      '/SVC7/v1/very/long/path/text': 'prefix /(svc|api)7/v1/very/long/path/text',
      '/svc7/v1/x': 'prefix /svc7/v[0-9]+(/|$)(.*)',
      '/svc10/v2': 'prefix /svc10/v[0-9]+(/|$)(.*)',
      '/svc10/w2': 'prefix /svc1.*',
      '/svc999/v3/a': 'prefix /svc999/v[0-9]+(/|$)(.*)',
      '/svc2/w': '404',
    },
  },
];

for (const [title, cases] of [
  ['paths without regex (docs/reference/routing.md §3)', plain],
  ['paths of a regex host (docs/reference/routing.md §4)', regexes],
] as const) {
  describe(title, () => {
    for (const { name, routes, want } of cases) {
      test(name, () => {
        const router = routerOf(modelOf([hostModel('a.test', routes)]));
        const match = (path: string) => router.hostOf('a.test').match(path);
        const got = Object.fromEntries(Object.keys(want).map((path) => [path, printMatch(match(path))]));
        expect(got).toEqual(want);
      });
    }
  });
}

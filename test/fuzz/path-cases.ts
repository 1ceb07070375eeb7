import type { Random } from './generate.ts';

export interface RandomPath {
  readonly path: string;
  readonly type: 'Prefix' | 'Exact' | 'ImplementationSpecific';
}

/** What matters of an Ingress to how its paths are matched and rewritten. */
export interface RandomIngress {
  readonly paths: readonly RandomPath[];
  readonly isRegex: boolean;
  readonly rewrite: string | undefined;
  readonly prefix: string | undefined;
}

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

const SEGMENTS = ['a', 'b', 'ab', 'A', 'a.b', 'x', 'foo', 'bar', 'a-b', 'a_b', '1', '12'];
const EXPRESSIONS = [
  '/a(/|$)(.*)',
  '/(a|b)/(.*)',
  '/a.b',
  '/[a-z]+/x',
  '/a/?(.*)',
  '/ab(.*)',
  '/a$',
  String.raw`/(.+)\.b`,
  String.raw`/\d+`,
  '/a{2}',
  '/(a)(b)?',
  '/A',
  '/(.*)',
  '/foo/(.*)/bar',
  '/foo(/.*)?',
  '/(?!a)(.*)',
  '/a(?=/b)',
  '/a/b(.*)$',
  String.raw`/(\w+)/(\w+)`,
  '/([^/]+)/(.*)',
  '/foo|/bar',
  '/x(/|$)(a|b)?',
  '/.+/b',
  '/foo/?$',
  '//a',
  '/[^a]',
  '/é',
];
const REWRITES = [
  '/$1',
  '/$2',
  '/x/$1',
  '/',
  '/x',
  '/$1$2',
  '/x$3',
  '/$1/',
  '/a/$1-$2',
  '/$2/$1',
  '$1',
  '/x/$2/y',
  '/a',
  '/foo/$1',
];
const PREFIXES = ['/p', '/$1', '/p/$2'];
/** What stands in targets beside plain segments; one character is one byte. */
const ODDITIES = (
  '%2F %2f .. . %2e%2e %2E %20 + %25 %3F %3f %23 %C3%A9 \u00c3\u00a9 %ff ; : @ " < \\ | ^ ` {} %5C %7e ~ %61 %41 ' +
  "' & = %26 %3B %2B %22 * ! $1 %24 , ( ) %00 % %g1 %0a %7f %1 %C3 [ ] %5b"
).split(' ');
const QUERIES = ['?q=1', '?', '?a=/b', '?%2F', '?x?y', '#f', '?a#b', '?\u00c3\u00a9'];
const ENDINGS = ['/', '', '/x', 'x', '/a/b', '//', '/..', '/.', '/../a', '?q=1', '?', '/?a=/'];
const WHOLE_TARGETS = ['*', 'a', '/..', '//', '/', '/.', '/%2e', '/%2e%2e/', 'http:///a'];

/** The Ingresses of one host, the oldest first: plain paths, expressions, or both. */
export function randomIngresses(random: Random): RandomIngress[] {
  const kind = pick(random, ['plain', 'plain', 'regex', 'regex', 'mixed'] as const);
  return times(Math.floor(random() * 3) + 1, (index) =>
    randomIngress(random, kind === 'regex' || (kind === 'mixed' && index === 0)),
  );
}

function randomIngress(random: Random, isExpression: boolean): RandomIngress {
  const count = Math.floor(random() * 3) + 1;
  if (!isExpression) {
    const types = ['Prefix', 'Prefix', 'Exact', 'ImplementationSpecific'] as const;
    const paths = times(count, () => ({ path: plainPath(random), type: pick(random, types) }));
    return { paths, isRegex: false, rewrite: undefined, prefix: undefined };
  }
  const types = ['ImplementationSpecific', 'ImplementationSpecific', 'Prefix', 'Exact'] as const;
  const paths = times(count, () => ({
    path: random() < 0.25 ? plainPath(random) : pick(random, EXPRESSIONS),
    type: pick(random, types),
  }));
  const isRewriting = random() < 0.6;
  return {
    paths,
    isRegex: !isRewriting,
    rewrite: isRewriting ? pick(random, REWRITES) : undefined,
    prefix: isRewriting && random() < 0.2 ? pick(random, PREFIXES) : undefined,
  };
}

function plainPath(random: Random): string {
  const path = times(Math.floor(random() * 3) + (random() < 0.1 ? 0 : 1), () => `/${pick(random, SEGMENTS)}`);
  return path.length === 0 ? '/' : path.join('') + (random() < 0.25 ? '/' : '');
}

/** A request target, as often as not near a path of the host; one character is one byte. */
export function randomTarget(random: Random, paths: readonly RandomPath[]): string {
  if (random() < 0.02) return pick(random, WHOLE_TARGETS);
  if (random() < 0.4) {
    const near = pick(random, paths).path.replace(/[()|$*?^\\[\]+]/g, '');
    const path = near.startsWith('/') ? near : `/${near}`;
    return path.replaceAll('é', '%C3%A9') + (random() < 0.5 ? pick(random, ENDINGS) : '');
  }
  const segments = times(Math.floor(random() * 4) + 1, () => `/${randomSegment(random)}`);
  return segments.join('') + (random() < 0.3 ? '/' : '') + (random() < 0.25 ? pick(random, QUERIES) : '');
}

function randomSegment(random: Random): string {
  const drawn = random();
  if (drawn < 0.1) return '';
  if (drawn < 0.35) return pick(random, ODDITIES);
  return pick(random, SEGMENTS) + (random() < 0.15 ? pick(random, ODDITIES) : '');
}

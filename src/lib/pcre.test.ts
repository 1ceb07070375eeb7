import { describe, expect, test } from 'vitest';
import { Pattern } from './pattern.ts';
import { toRegex, type PathRegex } from './pcre.ts';

function regexOf(pattern: string): PathRegex {
  const result = toRegex(pattern);
  if (!result.ok) throw new Error(result.problem);
  return result;
}

function groupsOf(pattern: string, path: string): string[] | undefined {
  const compiled = new Pattern(regexOf(pattern), true);
  const match = compiled.exec(path);
  expect(compiled.test(path)).toBe(match !== null);
  return match === null ? undefined : [match[0], ...[1, 2, 3].map((n) => compiled.captureOf(match, n))];
}

const matching: { pattern: string; path: string; want: string[] | undefined }[] = [
  { pattern: '/something(/|$)(.*)', path: '/something/new', want: ['/something/new', '/', 'new', ''] },
  { pattern: '/something(/|$)(.*)', path: '/something', want: ['/something', '', '', ''] },
  { pattern: '/something(/|$)(.*)', path: '/somethings', want: undefined },
  { pattern: '/foo.bar', path: '/fooxbar', want: ['/fooxbar', '', '', ''] },
  { pattern: '/Foo', path: '/foo/x', want: ['/foo', '', '', ''] },
  { pattern: '/foo$', path: '/foo\n', want: ['/foo', '', '', ''] },
  { pattern: '/foo\\z', path: '/foo\n', want: undefined },
  { pattern: '\\A/foo\\Z', path: '/foo\n', want: ['/foo', '', '', ''] },
  { pattern: '/a.b', path: '/a\rb', want: ['/a\rb', '', '', ''] },
  { pattern: '/a.b', path: '/a\nb', want: undefined },
  { pattern: '(?s)/a.b', path: '/a\nb', want: ['/a\nb', '', '', ''] },
  { pattern: '(?i)/foo', path: '/FOO', want: ['/FOO', '', '', ''] },
  { pattern: '(?-i)/foo', path: '/FOO', want: undefined },
  { pattern: '/a(?-i)b|/c', path: '/C', want: undefined },
  { pattern: '/a(?-i)b|/c', path: '/c', want: ['/c', '', '', ''] },
  { pattern: '/(?-i:a)b', path: '/aB', want: ['/aB', '', '', ''] },
  { pattern: '/(a(?-i)b)c', path: '/AbC', want: ['/AbC', 'Ab', '', ''] },
  { pattern: '/(?x) a b # note', path: '/ab', want: ['/ab', '', '', ''] },
  { pattern: '/(?U)(a+)', path: '/aaa', want: ['/a', 'a', '', ''] },
  { pattern: '/(?m)a$', path: '/a\nb', want: ['/a', '', '', ''] },
  { pattern: '/[[:alpha:]]+', path: '/ab1', want: ['/ab', '', '', ''] },
  { pattern: '/[[:^digit:]_]+', path: '/ab1', want: ['/ab', '', '', ''] },
  { pattern: '/[]a]+', path: '/]a', want: ['/]a', '', '', ''] },
  { pattern: '/[^]a]+', path: '/b]', want: ['/b', '', '', ''] },
  { pattern: '/[\\w-]+', path: '/a-b.c', want: ['/a-b', '', '', ''] },
  { pattern: '/[\\w-z]+', path: '/a-z', want: ['/a-z', '', '', ''] },
  { pattern: '/[a\\-c]+', path: '/a-b', want: ['/a-', '', '', ''] },
  { pattern: '/[\\h]', path: '/\t', want: ['/\t', '', '', ''] },
  { pattern: '/\\s', path: '/\u00a0', want: undefined },
  { pattern: '/\\h', path: '/\u00a0', want: ['/\u00a0', '', '', ''] },
  { pattern: '/\\Qa.b\\E+', path: '/a.bb', want: ['/a.bb', '', '', ''] },
  { pattern: '/\\x41\\x{42}\\103', path: '/ABC', want: ['/ABC', '', '', ''] },
  { pattern: '/(?<id>\\d+)/\\k<id>', path: '/12/12', want: ['/12/12', '12', '', ''] },
  { pattern: "/(?'id'\\d+)/(?P=id)", path: '/12/13', want: undefined },
  { pattern: '/(?P<id>\\d+)/\\g{-1}', path: '/12/12', want: ['/12/12', '12', '', ''] },
  { pattern: '/(a)\\1', path: '/aa', want: ['/aa', 'a', '', ''] },
  { pattern: '/(?>a+)a', path: '/aaa', want: undefined },
  { pattern: '/a++a', path: '/aaa', want: undefined },
  { pattern: '/(a)*+(b)', path: '/aab', want: ['/aab', 'a', 'b', ''] },
  { pattern: '/(?>(x)|y)(b)\\2', path: '/ybb', want: ['/ybb', '', 'b', ''] },
  { pattern: '/x{2}{2}', path: '/xxxx', want: ['/xxxx', '', '', ''] },
  { pattern: '/a{,2}', path: '/a{,2}', want: ['/a{,2}', '', '', ''] },
  { pattern: '/(?#note)a', path: '/a', want: ['/a', '', '', ''] },
  { pattern: '/(?=a)*b', path: '/b', want: ['/b', '', '', ''] },
  { pattern: '/(?<=/)a', path: '/a', want: ['/a', '', '', ''] },
  { pattern: '/caf\u00e9', path: '/caf\u00c3\u00a9', want: ['/caf\u00c3\u00a9', '', '', ''] },
  { pattern: '/a"b', path: '/a"b', want: ['/a"b', '', '', ''] },
  { pattern: '/a}]b', path: '/a}]b', want: ['/a}]b', '', '', ''] },
];

describe('toRegex', () => {
  for (const { pattern, path, want } of matching) {
    test(`${pattern} on ${JSON.stringify(path)}`, () => expect(groupsOf(pattern, path)).toEqual(want));
  }
});

const refused: { pattern: string; problem: string }[] = [
  { pattern: '/foo(', problem: 'missing )' },
  { pattern: '/foo)', problem: 'unmatched )' },
  { pattern: '/[a', problem: 'missing terminating ]' },
  { pattern: '/[z-a]', problem: 'range out of order' },
  { pattern: '*', problem: 'a quantifier follows nothing' },
  { pattern: '/(+)', problem: 'a quantifier follows nothing' },
  { pattern: '/a{3,2}', problem: 'numbers out of order' },
  { pattern: '/(?R)', problem: '(?R is not supported' },
  { pattern: '/(?(1)a|b)', problem: '(?( is not supported' },
  { pattern: '/(*FAIL)', problem: '(* is not supported' },
  { pattern: '/\\p{L}', problem: '\\p is not supported' },
  { pattern: '/a\\K', problem: '\\K is not supported' },
  { pattern: '/a\\', problem: '\\ at the end' },
  { pattern: '/\\2(a)', problem: 'there is no group 2' },
  { pattern: '/\\k<x>', problem: 'no group before it is named x' },
  { pattern: '/[[:foo:]]', problem: 'unknown POSIX class' },
  { pattern: '/\\x{1F600}', problem: 'is not supported' },
];

describe('toRegex refuses', () => {
  for (const { pattern, problem } of refused) {
    test(pattern, () => {
      const result = toRegex(pattern);
      expect(result.ok).toBe(false);
      expect(!result.ok && result.problem).toContain(problem);
    });
  }
});

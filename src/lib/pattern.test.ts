import { describe, expect, test } from 'vitest';
import { Pattern } from './pattern.ts';
import { ANY_CASE, EXACT_CASE, OF_PATH, toRegex, type PathRegex } from './pcre.ts';
import type { ConvertOptions } from './pcre-converter.ts';

function regexOf(pattern: string, options: ConvertOptions = OF_PATH): PathRegex {
  const regex = toRegex(pattern, options);
  if (!regex.ok) throw new Error(regex.problem);
  return regex;
}

const ways: [pattern: string, options: ConvertOptions, isTimed: boolean][] = [
  ['/something(/|$)(.*)', OF_PATH, false],
  ['/(a+)+$', OF_PATH, false],
  ['/(?!api/|static/)(.*)', OF_PATH, false],
  ['/v1/((?!internal)[^/]+)/x', OF_PATH, false],
  ['/foo(?=/|$)(.*)', OF_PATH, false],
  ['/(.*)(?<!\\.html)$', OF_PATH, false],
  ['/[0-9a-f]{32}/[a-z]{1,63}', OF_PATH, false],
  ['/(?m)^a', OF_PATH, false],
  ['^(?!good)', ANY_CASE, false],
  ['(?!good)bad', ANY_CASE, true],
  ['/.*(?!x)y', OF_PATH, true],
  ['/(?:(?!x)y)+', OF_PATH, true],
  ['/(?:(?!x)y|z)', OF_PATH, true],
  ['/(?=(a))b', OF_PATH, true],
  ['/(a)\\1', OF_PATH, true],
  ['/a++b', OF_PATH, true],
  ['/(?:[a-z]{8}-){9}', OF_PATH, true],
  ['/a{300}', OF_PATH, true],
  ['/a$|/a\\z', OF_PATH, true],
];
describe('matched in linear time, or timed', () => {
  for (const [pattern, options, isTimed] of ways) {
    test(pattern, () => expect(regexOf(pattern, options).isTimed === true).toBe(isTimed));
  }
});

const cases: [pattern: string, options: ConvertOptions, text: string, isMatched: boolean][] = [
  ['/(?!api/)(.*)', OF_PATH, '/API/x', false],
  ['/(?!api/)(.*)', OF_PATH, '/ap/x', true],
  ['/(?!admin$)(.*)', OF_PATH, '/admin', false],
  ['/(?!admin$)(.*)', OF_PATH, '/admin\n', false],
  ['/(?!admin$)(.*)', OF_PATH, '/admins', true],
  ['/foo(?=/|$)', OF_PATH, '/foobar', false],
  ['/foo(?=/|$)', OF_PATH, '/foo\n', true],
  ['/(?:(?!x)[a-z])+$', OF_PATH, '/axb', false],
  ['/[0-9a-f]{32}$', OF_PATH, `/${'0F'.repeat(16)}`, true],
  ['/[0-9a-f]{32}$', OF_PATH, `/${'0F'.repeat(15)}0`, false],
  ['/[a-z]{3,40}$', OF_PATH, `/${'a'.repeat(40)}`, true],
  ['/[a-z]{3,40}$', OF_PATH, `/${'a'.repeat(41)}`, false],
  ['/[a-z]{20,}$', OF_PATH, `/${'a'.repeat(19)}`, false],
  ['/[a-z]{20,}$', OF_PATH, `/${'a'.repeat(50)}`, true],
  ['/(ab)\\1', OF_PATH, '/abAB', true],
  ['/(?-i)(ab)\\1', OF_PATH, '/abAB', false],
  ['/caf\u00e9', OF_PATH, '/CAF\u00c3\u00a9', true],
  ['/caf\u00e9', OF_PATH, '/caf\u00e3\u00a9', false],
  ['bot', EXACT_CASE, 'a Bot', false],
  ['bot', ANY_CASE, 'a Bot', true],
];
describe('Pattern', () => {
  for (const [pattern, options, text, isMatched] of cases) {
    test(`${pattern} on ${JSON.stringify(text)}`, () =>
      expect(new Pattern(regexOf(pattern, options), options.isAnchored).test(text)).toBe(isMatched));
  }

  test('groups keep their numbers where a look-ahead has groups of its own', () => {
    const pattern = new Pattern(regexOf('/(?!(x)(y))(a)(b)'), true);
    const match = pattern.exec('/ab')!;
    expect([1, 2, 3, 4].map((number) => pattern.captureOf(match, number))).toEqual(['', '', 'a', 'b']);
  });
});

const costly: [name: string, pattern: string, problem: string][] = [
  ['length', `/${'[a-z]'.repeat(500)}`, 'more than 2048 characters'],
  ['counts', '/((a{1000}){1000}){1000}', 'too large'],
];
for (const [name, pattern, problem] of costly) {
  test(`a pattern of too much ${name} is refused as costly`, () => {
    const regex = toRegex(pattern);
    expect(regex).toMatchObject({ ok: false, isCostly: true });
    expect(!regex.ok && regex.problem).toContain(problem);
  });
}

test('groups nested without end are refused', () => {
  const regex = toRegex(`/${'('.repeat(900)}a${')'.repeat(900)}`);
  expect(regex).toMatchObject({ ok: false });
  expect(!regex.ok && regex.problem).toContain('nested deeper');
});

test('one that V8 cannot compile matches nothing, and throws nothing', () => {
  const pattern = new Pattern({ source: '[a-z]'.repeat(100_000), weight: 1, hasLoop: false }, false);
  expect(pattern.test('a'.repeat(10))).toBe(false);
  expect(pattern.exec('b')).toBeNull();
});

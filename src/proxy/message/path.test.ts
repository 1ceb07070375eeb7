import fc from 'fast-check';
import { expect, test } from 'vitest';
import { normalisePath, scanPath } from './path.ts';

const cases: readonly (readonly [path: string, want: string | undefined])[] = [
  ['/', '/'],
  ['/a', '/a'],
  ['/a/', '/a/'],
  ['/a/b.c/d', '/a/b.c/d'],
  ['//', '/'],
  ['//a///b//', '/a/b/'],
  ['/.', '/'],
  ['/./a/.', '/a/'],
  ['/a/..', '/'],
  ['/a/../', '/'],
  ['/a/./b/../c', '/a/c'],
  ['/a//../b', '/b'],
  ['/.hidden/..a/...', '/.hidden/..a/...'],
  ['/%61%2Fb', '/a/b'],
  ['/a%2f..%2Fadmin', '/admin'],
  ['/a/..%2fadmin', '/admin'],
  ['/%2e%2E/a', undefined],
  ['/a%3Fb%23c', '/a?b#c'],
  ['/a%252e', '/a%2e'],
  ['/%c3%a9', '/\u00c3\u00a9'],
  ['/a+b;c=d,e', '/a+b;c=d,e'],
  ['/..', undefined],
  ['/a/../..', undefined],
  ['/a/../../b', undefined],
  ['/%00', undefined],
  ['/%', undefined],
  ['/%4', undefined],
  ['/%g1', undefined],
  ['/%1g', undefined],
  ['a', undefined],
  ['', undefined],
];

for (const [path, want] of cases) {
  test(`${path} is ${want ?? 'refused'}`, () => expect(normalisePath(path)).toBe(want));
}

test('a path that is already normal is handed back as it is', () => {
  const segment = fc.stringMatching(/^[a-z0-9_~-]{1,8}$/);
  fc.assert(
    fc.property(fc.array(segment), (segments) => {
      const path = `/${segments.join('/')}`;
      expect(normalisePath(path)).toBe(path);
    }),
  );
});

test('what comes out begins with a slash and holds no empty and no dot segment', () => {
  const piece = fc.constantFrom('/', '/', '.', '..', 'a', '%2e', '%2f', '%41', '%25', 'b', '%zz', '%00');
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const normal = normalisePath(`/${pieces.join('')}`);
      if (normal === undefined) return;
      expect(normal).toMatch(/^\//);
      expect(normal.slice(1)).not.toMatch(/(^|\/)\.{1,2}(\/|$)/);
      expect(normal).not.toContain('//');
    }),
    { numRuns: 2000 },
  );
});

test('the path ends at the query or the fragment, and a path that is not normal says so', () => {
  expect(scanPath('/a?b#c')).toBe(2);
  expect(scanPath('/a#b?c')).toBe(2);
  expect(scanPath('/abc')).toBe(4);
  expect(scanPath('/a?%2e//')).toBe(2);
  expect(scanPath('/a/.b?c')).toBe(~5);
  expect(scanPath('/a%20')).toBe(~5);
});

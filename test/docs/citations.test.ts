import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { anchorsOf, brokenLinks, findCitations, missingQuotes, sectionsOf, type Pages } from './pages.ts';

const ROOT = join(import.meta.dirname, '../..');
const CITING = ['src', 'test', 'loadtest', 'docker', 'manifests', 'docs', 'CHANGELOG.d'];

function filesBelow(path: string): string[] {
  const full = join(ROOT, path);
  if (!existsSync(full)) return [];
  return readdirSync(full, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

const rootPages = readdirSync(ROOT).filter((name) => name.endsWith('.md'));
const paths = [...CITING.flatMap(filesBelow), ...rootPages].filter(
  (path) =>
    // The tests of this reader are about citations that lead nowhere.
    !path.startsWith('test/docs/'),
);
const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const markdown = paths.filter((path) => path.endsWith('.md'));
const pages: Pages = new Map(
  markdown.map((path) => {
    const text = textOf(path);
    return [path, { sections: sectionsOf(text), anchors: anchorsOf(text) }];
  }),
);

describe('the tree', () => {
  test('there are citations and links to look at', () => {
    expect(paths.length).toBeGreaterThan(300);
    expect(pages.get('docs/reference/routing.md')?.sections.size).toBeGreaterThan(12);
  });

  test('every citation names a page, and a section that it has', () => {
    const broken = paths.flatMap((path) =>
      findCitations(path, textOf(path), pages).map((problem) => `${path}:${problem}`),
    );
    expect(broken).toEqual([]);
  });

  test('every link between pages leads to a file, and its anchor to a heading', () => {
    const isThere = (path: string): boolean => existsSync(join(ROOT, path));
    const broken = markdown.flatMap((path) =>
      brokenLinks(path, textOf(path), pages, isThere).map((link) => `${path}: ${link}`),
    );
    expect(broken).toEqual([]);
  });

  test('every source file that a page names is there', () => {
    const named = markdown
      .filter((path) => !path.startsWith('CHANGELOG'))
      .flatMap((path) =>
        [...textOf(path).matchAll(/`((?:[\w.-]+\/)+[\w.-]+\.ts)`/g)].map(
          (match) => [path, match[1]!] as const,
        ),
      );
    const missing = named.filter(
      ([page, file]) =>
        ![ROOT, join(ROOT, 'src'), join(ROOT, dirname(page))].some((from) => existsSync(join(from, file))),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(missing).toEqual([]);
  });

  test('every quoted piece of code is in the file that it is quoted from', () => {
    const missing = markdown.flatMap((path) =>
      missingQuotes(textOf(path), textOf).map((quote) => `${path}: ${quote}`),
    );
    expect(missing).toEqual([]);
    expect(textOf('CONTRIBUTING.md')).toMatch(/^```ts src\/features\//m);
  });
});

describe('the reader of citations', () => {
  const known: Pages = new Map([
    ['docs/reference/routing.md', { sections: new Set(['2', '2.1', '5']), anchors: new Set(['5-paths']) }],
    ['docs/other.md', { sections: new Set(), anchors: new Set(['a-request']) }],
  ]);
  const cases: { name: string; text: string; path?: string; want: string[] }[] = [
    { name: 'a section that is there', text: '// (docs/reference/routing.md §5)', want: [] },
    { name: 'several sections', text: '// docs/reference/routing.md §2.1, §5 and §2-5', want: [] },
    { name: 'an RFC', text: '// RFC 9112 §6.3 and §7, X.690 §8.3.2', want: [] },
    { name: 'an RFC by its number, in a test name', text: "test('9110 §5.1: x')", want: [] },
    { name: 'a citation over the end of a line', text: ' * docs/reference/routing.md\n * §5', want: [] },
    { name: 'an anchor', text: '// docs/other.md#a-request', want: [] },
    { name: 'the page itself', text: 'see §2.1', path: 'docs/reference/routing.md', want: [] },
    {
      name: 'the router page, in a name of a protocol test',
      text: "'routing §5: x'",
      path: 'test/protocol/codec/a.ts',
      want: [],
    },
    {
      name: 'a section that is missing',
      text: '\n// docs/reference/routing.md §6',
      want: ['2: docs/reference/routing.md §6'],
    },
    {
      name: 'the second of two',
      text: '// docs/reference/routing.md §5, §9',
      want: ['1: docs/reference/routing.md §9'],
    },
    {
      name: 'a page that is missing',
      text: '// docs/reference/gone.md §5',
      want: ['1: docs/reference/gone.md §5', '1: docs/reference/gone.md'],
    },
    {
      name: 'a page without its folder',
      text: '// (routing.md §5)',
      want: ['1: routing.md §5', '1: routing.md'],
    },
    { name: 'a page and a number', text: '// other.md 5', want: ['1: other.md'] },
    { name: 'a section of nothing', text: '// as in §5', want: ['1: as in §5'] },
    { name: 'a document that is not in the tree', text: '// DESIGN §5 lists it', want: ['1: DESIGN §5'] },
    { name: 'an anchor that is missing', text: '// docs/other.md#gone', want: ['1: docs/other.md#gone'] },
  ];
  for (const { name, text, path = 'src/a.ts', want } of cases) {
    test(name, () => expect(findCitations(path, text, known)).toEqual(want));
  }

  test('anchors are those that forges make', () => {
    const text = '# A `b-c`: d, e!\n\n## 2.1 What\n\n## 2.1 What\n\n```\n# no heading\n```\n';
    expect([...anchorsOf(text)]).toEqual(['a-b-c-d-e', '21-what', '21-what-1']);
  });

  test('links are read outside of code, and hold their anchors', () => {
    const text =
      '[a](reference/routing.md#5-paths) [b](reference/routing.md#6) [c](gone.md) [d](#here) `[e](x)` [f](https://a.test/)\n# Here\n';
    const own: Pages = new Map([...known, ['docs/a.md', { sections: new Set(), anchors: anchorsOf(text) }]]);
    const isThere = (path: string): boolean => own.has(path);
    expect(brokenLinks('docs/a.md', text, own, isThere)).toEqual(['reference/routing.md#6', 'gone.md']);
  });

  test('a quote is found as it stands, or not', () => {
    const read = (): string => 'const a = 1;\nconst b = 2;\n';
    expect(missingQuotes('```ts src/a.ts\nconst a = 1;\n```\n', read)).toEqual([]);
    expect(missingQuotes('```ts src/a.ts\nconst c = 1;\n```\n', read)).toEqual(['src/a.ts: const c = 1;']);
  });
});

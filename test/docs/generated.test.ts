import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderConfigMapDoc } from '../../src/controller/settings/docs.ts';
import { TRANSLATE_CONFIG_KEYS } from '../../src/controller/translate/annotation-settings.ts';
import { features } from '../../src/features/registry.ts';

const featureKeys = features.flatMap((feature) => {
  const own = Object.values(feature.annotations as Record<string, { configMapKey?: string }>);
  const keys = [
    ...own.flatMap(({ configMapKey }) => configMapKey ?? []),
    ...Object.keys(feature.configMapKeys ?? {}),
  ];
  return keys.map((key) => [key, feature.name] as const);
});

const pages: [page: string, text: string][] = [
  ['configmap.md', renderConfigMapDoc(featureKeys, TRANSLATE_CONFIG_KEYS)],
];
for (const [page, text] of pages) {
  test(`docs/${page} is what the code says`, () => {
    const file = new URL(`../../docs/${page}`, import.meta.url);
    if (process.env['UPDATE_DOCS'] !== undefined) writeFileSync(file, text);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });
}

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const linked = [...readme.matchAll(/\]\(([^)#]+)\)/g)].map(([, path]) => path!);

test('every page that the README links exists', () => {
  for (const path of linked)
    expect(() => readFileSync(new URL(`../../${path}`, import.meta.url)), path).not.toThrow();
});

test('every page that the README links is in the package, whose first page it is', () => {
  const { files } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    files: string[];
  };
  const isIn = (path: string) => files.some((file) => path === file || path.startsWith(`${file}/`));
  expect(linked.filter((path) => !isIn(path))).toEqual([]);
});

import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderConfigMapDoc } from '../../src/controller/settings/docs.ts';
import { TRANSLATE_CONFIG_KEYS } from '../../src/controller/translate/annotation-settings.ts';
import { KNOWN_ANNOTATIONS } from '../../src/controller/translate/known-annotations.ts';
import { renderAnnotationsDoc } from '../../src/features/docs.ts';
import { features } from '../../src/features/registry.ts';

const defined = new Set<string>();
for (const { annotations } of features) {
  for (const [name, spec] of Object.entries(annotations) as [string, { aliases?: string[] }][]) {
    defined.add(name);
    for (const alias of spec.aliases ?? []) defined.add(alias);
  }
}
const unsupported = [...KNOWN_ANNOTATIONS]
  .filter(([name]) => !defined.has(name))
  .map(([name, { consequence }]) => ({ name, consequence }));
const featureKeys = features.flatMap((feature) => {
  const own = Object.values(feature.annotations as Record<string, { configMapKey?: string }>);
  const keys = [
    ...own.flatMap(({ configMapKey }) => configMapKey ?? []),
    ...Object.keys(feature.configMapKeys ?? {}),
  ];
  return keys.map((key) => [key, feature.name] as const);
});

const pages: [page: string, text: string][] = [
  ['annotations.md', renderAnnotationsDoc(features, unsupported)],
  ['configmap.md', renderConfigMapDoc(featureKeys, TRANSLATE_CONFIG_KEYS)],
];
for (const [page, text] of pages) {
  test(`docs/${page} is what the code says`, () => {
    const file = new URL(`../../docs/${page}`, import.meta.url);
    if (process.env['UPDATE_DOCS'] !== undefined) writeFileSync(file, text);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });
}

test('every page that the README links exists', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  for (const [, path] of readme.matchAll(/\]\(([^)#]+)\)/g)) {
    expect(() => readFileSync(new URL(`../../${path}`, import.meta.url)), path).not.toThrow();
  }
});

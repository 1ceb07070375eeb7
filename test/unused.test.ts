import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { INERT_KEYS } from '../src/controller/settings/inert-keys.ts';
import { DATA_PLANE_KEYS } from '../src/controller/settings/keys.ts';
import { KNOWN_KEYS } from '../src/controller/settings/known-keys.ts';
import { TRANSLATE_CONFIG_KEYS } from '../src/controller/translate/annotation-settings.ts';
import { KNOWN_ANNOTATIONS } from '../src/controller/translate/known-annotations.ts';
import { configMapKeysOf, type AnnotationSpec } from '../src/features/kit/feature.ts';
import { features } from '../src/features/registry.ts';
import { FINDING_REASONS } from '../src/model/finding.ts';
import { PROXY_ERRORS } from '../src/proxy/message/proxy-errors.ts';

const SRC = join(import.meta.dirname, '../src');

/** Text of all sources but tests and the file named. */
function sourcesWithout(file: string): string {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && path !== file)
    .map((path) => readFileSync(join(SRC, path), 'utf8'))
    .join('\n');
}

test('every error code is raised by something', () => {
  const text = sourcesWithout('proxy/message/proxy-errors.ts');
  expect(Object.keys(PROXY_ERRORS).filter((code) => !text.includes(`'${code}'`))).toEqual([]);
});

test('no annotation that a feature defines is told as one that is not supported', () => {
  const defined = features.flatMap(({ annotations }) =>
    Object.entries<AnnotationSpec<unknown>>(annotations).flatMap(([name, { aliases = [] }]) => [
      name,
      ...aliases,
    ]),
  );
  expect(defined.filter((name) => KNOWN_ANNOTATIONS.has(name))).toEqual([]);
});

test('no ConfigMap key that something reads is told as one that is not honoured', () => {
  const read = [
    ...Object.keys(DATA_PLANE_KEYS),
    ...Object.keys(INERT_KEYS),
    ...TRANSLATE_CONFIG_KEYS,
    ...features.flatMap(configMapKeysOf),
  ];
  expect(read.filter((key) => KNOWN_KEYS.has(key))).toEqual([]);
});

test('every reason of a finding is given by something', () => {
  const text = sourcesWithout('model/finding.ts');
  expect(FINDING_REASONS.filter((reason) => !text.includes(`'${reason}'`))).toEqual([]);
});

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { features } from '../src/features/registry.ts';

const TRANSLATE = join(import.meta.dirname, '../src/controller/translate');

/** What translation must know of a feature, the feature declares (features/kit/feature.ts). */
test('translation names no feature', () => {
  const named = readdirSync(TRANSLATE)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && file !== 'known-annotations.ts')
    .flatMap((file) => {
      // A split may be of kind `canary`, too.
      const text = readFileSync(join(TRANSLATE, file), 'utf8').replaceAll(/kind(:| [!=]==) '\w+'/g, '');
      return features.filter(({ name }) => text.includes(`'${name}'`)).map(({ name }) => `${file}: ${name}`);
    });
  // The kind of an upstream is a matter of its Service, too.
  expect(named).toEqual(['backends.ts: service-upstream']);
});

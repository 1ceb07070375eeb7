import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { features } from '../src/features/registry.ts';

const SRC = join(import.meta.dirname, '../src');
/** What the core enforces has names of the model (model/policy.ts), which the features that say it share. */
const OF_THE_CORE = [
  'load-balance',
  'health-check',
  'backend-protocol',
  'proxy-ssl',
  'limit-rate',
  'auth-tls',
  'ssl-ciphers',
  'ssl-prefer-server-ciphers',
  'www-redirect',
];

/** `file: feature` of all files of a folder with something in them that stands for the feature. */
function named(folder: string, signOf: (feature: string) => string): string[] {
  return readdirSync(join(SRC, folder), { recursive: true, encoding: 'utf8' })
    .filter(
      (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.endsWith('known-annotations.ts'),
    )
    .flatMap((file) => {
      // A split may be of kind `canary`, too.
      const text = readFileSync(join(SRC, folder, file), 'utf8').replaceAll(/kind(:| [!=]==) '\w+'/g, '');
      const found = features.filter(({ name }) => text.includes(signOf(name)));
      return found.map(({ name }) => `${file}: ${name}`);
    });
}

/** What translation must know of a feature, the feature declares (features/kit/feature.ts). */
test('translation names no feature', () => {
  expect(named('controller/translate', (feature) => `'${feature}'`)).toEqual([]);
});

test('the data plane reads no policies by name but those that it enforces itself', () => {
  const found = named('proxy', (feature) => `policies['${feature}']`);
  expect(found.filter((one) => !OF_THE_CORE.some((name) => one.endsWith(`: ${name}`)))).toEqual([]);
  expect(found.length).toBeGreaterThan(0);
});

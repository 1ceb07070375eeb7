import { expect, test } from 'vitest';
import type { CertificateModel } from '../model/model.ts';
import { parseArgs } from './args.ts';
import { toTranslateOptions } from './translate-options.ts';

const optionsOf = (...argv: string[]) =>
  toTranslateOptions(parseArgs(['controller', ...argv], '1.2.3').flags, false, {} as CertificateModel);

test('hosts are shared by all namespaces unless ownership is asked for', () => {
  expect(optionsOf().hostOwnership).toBe('none');
  expect(optionsOf('--host-ownership=namespace').hostOwnership).toBe('namespace');
});

test('a kind of ownership that there is not is refused', () => {
  expect(() => optionsOf('--host-ownership=team')).toThrow(
    '--host-ownership: "team" is neither none nor namespace',
  );
});

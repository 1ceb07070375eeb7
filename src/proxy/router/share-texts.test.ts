import { expect, test } from 'vitest';
import { hostModel, modelOf, routeModel } from '../../../test/fixtures/models.ts';
import { compile } from '../../controller/compile/compile.ts';
import { DEFAULT_SETTINGS } from '../../table/settings.ts';
import { shareTexts } from './share-texts.ts';

test('the entry says what it said, with and without upstreams, canaries and patterns', () => {
  const routes = [routeModel('/a'), routeModel('/b'), routeModel('/c.*')];
  const { hosts } = compile(modelOf([hostModel('h', routes), hostModel('i', [])]), DEFAULT_SETTINGS, 1);
  expect(hosts.length).toBeGreaterThan(1);
  for (const host of hosts) expect(shareTexts(structuredClone(host))).toEqual(host);
});

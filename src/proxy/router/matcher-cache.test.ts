import { expect, test } from 'vitest';
import { hostModel, modelOf, routeModel } from '../../../test/fixtures/models.ts';
import { compile } from '../../controller/compile/compile.ts';
import { DEFAULT_SETTINGS } from '../../table/settings.ts';
import type { HostEntry } from '../../table/table.ts';
import { MatcherCache } from './matcher-cache.ts';

const hostOf = (name: string, ...paths: string[]): HostEntry =>
  compile(
    modelOf([
      hostModel(
        name,
        paths.map((path) => routeModel(path)),
      ),
    ]),
    DEFAULT_SETTINGS,
    1,
  ).hosts.find((host) => host.name === name)!;

test('hosts with the same paths share a matcher, others do not', () => {
  const cache = new MatcherCache();
  const matcher = cache.matcherOf(hostOf('a', '/x', '/y'));
  expect(cache.matcherOf(hostOf('b', '/y', '/x'))).toBe(matcher);
  expect(cache.matcherOf(hostOf('a', '/x'))).not.toBe(matcher);
  expect(cache.matcherOf({ ...hostOf('a', '/x', '/y'), isRegex: true })).not.toBe(matcher);
});

import { expect, test } from 'vitest';
import { features } from './registry.ts';

/*
 * What answers before what (docs/reference/evaluation-order.md §1) is the order of the registry, within a stage. That requests see it is
 * shown in test/feature/.
 */
const ORDER = {
  host: ['blocklists', 'www-redirect', 'app-root'],
  route: ['cors', 'redirect', 'rewrite', 'ssl-redirect'],
  access: ['limits', 'ip-access', 'basic-auth', 'jwt', 'external-auth'],
} as const;

for (const [stage, names] of Object.entries(ORDER)) {
  test(`${stage}: ${names.join(', ')}`, () => {
    const ofStage = features.filter((feature) => (feature.stage ?? 'route') === stage);
    const listed: readonly string[] = names;
    expect(ofStage.map(({ name }) => name).filter((name) => listed.includes(name))).toEqual(names);
  });
}

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CATCH_ALL } from '../../lib/catch-all.ts';
import { splitList } from '../../lib/nginx-values.ts';
import { createObjectStore } from '../store/object-store.ts';
import type { IngressObject } from '../store/objects.ts';
import { readObject } from '../store/read-object.ts';
import { createRelatedIngresses } from './related.ts';

const PREFIX = 'nginx.ingress.kubernetes.io';

/** What the index answers, by looking at all. */
function scan(ingress: IngressObject, all: readonly IngressObject[]): readonly IngressObject[] {
  const names = namesOf(ingress);
  const services = servicesOf(ingress);
  return all.filter((other) => {
    if (other.namespace === ingress.namespace) {
      if (other.name === ingress.name) return false;
      if (!services.isDisjointFrom(servicesOf(other))) return true;
    }
    return !names.isDisjointFrom(namesOf(other));
  });
}

function namesOf({ rules, annotations, defaultBackend }: IngressObject): Set<string> {
  const names = new Set(rules.map(({ host }) => (host === '' ? CATCH_ALL : host.toLowerCase())));
  if (defaultBackend !== undefined) names.add(CATCH_ALL);
  const aliases = annotations.get(`${PREFIX}/server-alias`);
  if (aliases !== undefined) for (const alias of splitList(aliases)) names.add(alias.toLowerCase());
  return names;
}

function servicesOf({ rules, defaultBackend }: IngressObject): Set<string> {
  const services = new Set<string>();
  if (defaultBackend?.kind === 'service') services.add(defaultBackend.service);
  for (const { paths } of rules)
    for (const { backend } of paths) if (backend.kind === 'service') services.add(backend.service);
  return services;
}

const text = (...values: string[]) => fc.constantFrom(...values);
const backend = text('web', 'api', 'b', '').map((name) =>
  name === '' ? { resource: { kind: 'Bucket', name: 'web' } } : { service: { name, port: { number: 80 } } },
);
const rule = fc.record({
  // Some as no host is, but as a key of the index might be.
  host: text('', 'a.test', 'A.test', 'b.test', '*.test', '_', 'a/web', 'S a/web'),
  http: fc.record({
    paths: fc.array(fc.record({ path: text('/', '/a'), pathType: text('Prefix'), backend }), {
      maxLength: 2,
    }),
  }),
});
const ingress = fc
  .record({
    namespace: text('a', 'b'),
    name: text('one', 'two', 'three', 'four'),
    created: text('', '2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'),
    alias: text('', 'b.test', 'B.test, a.test', 's a/web', 'a/web', '_'),
    rules: fc.array(rule, { maxLength: 2 }),
    defaultBackend: fc.option(backend, { nil: undefined }),
  })
  .map(({ namespace, name, created, alias, rules, defaultBackend }) => {
    const read = readObject('Ingress', {
      metadata: {
        namespace,
        name,
        ...(created === '' ? {} : { creationTimestamp: created }),
        annotations: alias === '' ? {} : { [`${PREFIX}/server-alias`]: alias },
      },
      spec: { rules, ...(defaultBackend === undefined ? {} : { defaultBackend }) },
    });
    if (!read.ok) throw new Error(read.problem.problem);
    return read.object as IngressObject;
  });
type Change =
  | { readonly kind: 'set' | 'delete'; readonly ingress: IngressObject }
  | { readonly kind: 'replace'; readonly ingresses: readonly IngressObject[] }
  | { readonly kind: 'forbid' };
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), ingress }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), ingress }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('replace' as const), ingresses: fc.array(ingress) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'forbid' as const }) },
);

test('whatever came, changed and went, the index answers what a look at all Ingresses does', () => {
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 1, maxLength: 20 }),
      ingress,
      fc.nat(20),
      (changes, asked, at) => {
        const store = createObjectStore();
        const related = createRelatedIngresses(PREFIX);
        const early = createRelatedIngresses(PREFIX);
        store.watchIngresses(early.changed);
        for (const [index, one] of changes.entries()) {
          // Whoever comes later is told of what is there.
          if (index === at % changes.length) store.watchIngresses(related.changed);
          if (one.kind === 'set') store.apply({ kind: 'Ingress', type: 'set', object: one.ingress });
          else if (one.kind === 'delete')
            store.apply({ kind: 'Ingress', type: 'delete', object: one.ingress });
          else if (one.kind === 'replace') store.replace('Ingress', one.ingresses);
          else {
            store.setForbidden('Ingress', true);
            store.setForbidden('Ingress', false);
          }
          const wanted = scan(asked, store.snapshot().ingresses);
          expect(early.of(asked)).toEqual(wanted);
          if (index >= at % changes.length) expect(related.of(asked)).toEqual(wanted);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('what has gone leaves nothing behind', () => {
  const related = createRelatedIngresses(PREFIX);
  const read = readObject('Ingress', {
    metadata: { namespace: 'a', name: 'one' },
    spec: { rules: [{ host: 'a.test' }] },
  });
  if (!read.ok) throw new Error(read.problem.problem);
  const one = read.object as IngressObject;
  related.changed(undefined, one);
  related.changed(one, { ...one, rules: [] });
  expect(related.of({ ...one, name: 'two' })).toEqual([]);
});

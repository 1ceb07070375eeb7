import { describe, expect, test } from 'vitest';
import { createObjectStore, type ObjectStore, type StoreImpact } from './object-store.ts';
import type { Kind } from './objects.ts';
import { readObject } from './read-object.ts';

function set(store: ObjectStore, kind: Kind, raw: unknown): StoreImpact {
  const result = readObject(kind, raw);
  if (!result.ok) throw new Error(result.problem.problem);
  return store.apply({ kind, type: 'set', object: result.object });
}

const ingress = (more: object = {}) => ({
  metadata: { name: 'a', namespace: 'x', resourceVersion: '1', ...more },
  spec: { rules: [{ host: 'a.test' }] },
});
const slice = (ports: readonly object[], addresses: readonly string[] = ['192.0.2.1']) => ({
  metadata: { name: 's-1', namespace: 'x', labels: { 'kubernetes.io/service-name': 's' } },
  addressType: 'IPv4',
  ports,
  endpoints: [{ addresses, conditions: { ready: true } }],
});

describe('what a change asks for', () => {
  const cases: readonly {
    name: string;
    kind: Kind;
    before?: unknown;
    after: unknown;
    impact: StoreImpact;
  }[] = [
    { name: 'a new Ingress', kind: 'Ingress', after: ingress(), impact: 'config' },
    {
      name: 'another resourceVersion, managed fields',
      kind: 'Ingress',
      before: ingress(),
      after: ingress({ resourceVersion: '2', managedFields: [{ manager: 'kubectl' }] }),
      impact: 'none',
    },
    {
      name: 'the status alone',
      kind: 'Ingress',
      before: ingress(),
      after: { ...ingress(), status: { loadBalancer: { ingress: [{ ip: '192.0.2.9' }] } } },
      impact: 'none',
    },
    {
      name: 'an annotation',
      kind: 'Ingress',
      before: ingress(),
      after: ingress({ annotations: { a: 'b' } }),
      impact: 'config',
    },
    {
      name: "kubectl's own annotation",
      kind: 'Ingress',
      before: ingress(),
      after: ingress({ annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' } }),
      impact: 'none',
    },
    {
      name: 'an object made anew',
      kind: 'Ingress',
      before: ingress({ uid: '1' }),
      after: ingress({ uid: '2' }),
      impact: 'config',
    },
    {
      name: 'addresses of a slice',
      kind: 'EndpointSlice',
      before: slice([{ port: 80 }]),
      after: slice([{ port: 80 }], ['192.0.2.2']),
      impact: 'endpoints',
    },
    {
      name: 'ports of a slice alone',
      kind: 'EndpointSlice',
      before: slice([{ port: 80 }]),
      after: slice([{ port: 81 }]),
      impact: 'endpoints',
    },
    {
      name: "what a slice says of its Pods' nodes",
      kind: 'EndpointSlice',
      before: slice([{ port: 80 }]),
      after: { ...slice([{ port: 80 }]), metadata: { ...slice([]).metadata, annotations: { x: 'y' } } },
      impact: 'none',
    },
    {
      name: 'an address of a load balancer',
      kind: 'Service',
      before: { metadata: { name: 's' }, spec: { type: 'LoadBalancer' } },
      after: {
        metadata: { name: 's' },
        spec: { type: 'LoadBalancer' },
        status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } },
      },
      impact: 'none',
    },
    {
      name: 'a key of a Secret',
      kind: 'Secret',
      before: { metadata: { name: 's' }, data: { a: 'YQ==' } },
      after: { metadata: { name: 's' }, data: { a: 'Yg==' } },
      impact: 'config',
    },
  ];
  for (const { name, kind, before, after, impact } of cases) {
    test(name, () => {
      const store = createObjectStore();
      if (before !== undefined) set(store, kind, before);
      expect(set(store, kind, after)).toBe(impact);
    });
  }

  test('a deletion, and one of what was not there', () => {
    const store = createObjectStore();
    set(store, 'Ingress', ingress());
    const object = { namespace: 'x', name: 'a' };
    expect(store.apply({ kind: 'Ingress', type: 'delete', object })).toBe('config');
    expect(store.apply({ kind: 'Ingress', type: 'delete', object })).toBe('none');
  });
});

describe('replace', () => {
  test('takes away what is no longer listed, and says the largest impact', () => {
    const store = createObjectStore();
    set(store, 'Service', { metadata: { name: 'a' } });
    set(store, 'Service', { metadata: { name: 'b' } });
    const b = store.get('Service', { namespace: 'default', name: 'b' })!;
    expect(store.replace('Service', [b])).toBe('config');
    expect([...store.snapshot().services.keys()]).toEqual(['default/b']);
    expect(store.replace('Service', [b])).toBe('none');
  });

  test('a relist of equal objects changes nothing and keeps their identity', () => {
    const store = createObjectStore();
    set(store, 'EndpointSlice', slice([{ port: 80 }]));
    const snapshot = store.snapshot();
    const again = readObject('EndpointSlice', slice([{ port: 80 }]));
    if (!again.ok) throw new Error('unread');
    expect(store.replace('EndpointSlice', [again.object])).toBe('none');
    expect(store.snapshot()).toBe(snapshot);
  });
});

describe('snapshot', () => {
  test('is frozen, and shares the kinds that did not change', () => {
    const store = createObjectStore();
    set(store, 'Service', { metadata: { name: 'a' } });
    const before = store.snapshot();
    expect(Object.isFrozen(before)).toBe(true);
    set(store, 'Ingress', ingress());
    const after = store.snapshot();
    expect(after.services).toBe(before.services);
    expect(before.ingresses).toEqual([]);
    expect(after.ingresses).toHaveLength(1);
    expect(store.snapshot()).toBe(after);
  });

  test('finds slices by the label of their Service alone', () => {
    const store = createObjectStore();
    set(store, 'EndpointSlice', slice([{ port: 80 }]));
    set(store, 'EndpointSlice', { ...slice([]), metadata: { name: 's-2', namespace: 'x' } });
    const other = { ...slice([]).metadata, name: 'named-by-hand' };
    set(store, 'EndpointSlice', { ...slice([]), metadata: other });
    const { slicesByService } = store.snapshot();
    expect([...slicesByService.keys()]).toEqual(['x/s']);
    expect(slicesByService.get('x/s')!.map(({ name }) => name)).toEqual(['named-by-hand', 's-1']);
  });

  test('orders Ingresses by age, then by name downwards, then those without age by file', () => {
    const store = createObjectStore();
    const add = (name: string, creationTimestamp?: string, order?: string) => {
      const result = readObject('Ingress', { metadata: { name, creationTimestamp } }, { order });
      if (result.ok) store.apply({ kind: 'Ingress', type: 'set', object: result.object });
    };
    add('file-b', undefined, 'b#1');
    add('file-a', undefined, 'a#1');
    add('a', '2026-01-02T00:00:00Z');
    add('b', '2026-01-02T00:00:00Z');
    add('old', '2026-01-01T00:00:00Z');
    expect(store.snapshot().ingresses.map(({ name }) => name)).toEqual(['old', 'b', 'a', 'file-a', 'file-b']);
  });

  test('a kind that may not be listed is empty and said to be so', () => {
    const store = createObjectStore();
    set(store, 'IngressClass', { metadata: { name: 'nginx' }, spec: { controller: 'c' } });
    expect(store.setForbidden('IngressClass', true)).toBe('config');
    expect(store.setForbidden('IngressClass', true)).toBe('none');
    const snapshot = store.snapshot();
    expect(snapshot.classes.size).toBe(0);
    expect(snapshot.forbiddenKinds.has('IngressClass')).toBe(true);
  });
});

describe('key sets', () => {
  const keySet = { keys: [{ kty: 'OKP' }], problem: '' };

  test('stand in the snapshot until they are not followed any more', () => {
    const store = createObjectStore();
    const before = store.snapshot();
    expect(store.setKeySet('https://id.test/', keySet)).toBe('config');
    const after = store.snapshot();
    expect([before.keySets.size, after.keySets.get('https://id.test/'), store.snapshot()]).toEqual([
      0,
      keySet,
      after,
    ]);
    store.setKeySet('https://id.test/', undefined);
    expect(store.snapshot().keySets.size).toBe(0);
  });
});

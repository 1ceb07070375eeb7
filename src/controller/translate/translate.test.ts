import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { features } from '../../features/registry.ts';
import { findingMessage } from '../../model/finding.ts';
import type { CertificateModel, HostModel } from '../../model/model.ts';
import { createObjectStore, type ObjectStore } from '../store/object-store.ts';
import type { Kind } from '../store/objects.ts';
import { readObject } from '../store/read-object.ts';
import { resolveEndpoints } from './endpoints.ts';
import { DEFAULT_TRANSLATE_OPTIONS, type TranslateOptions } from './options.ts';
import { createTranslator, translate } from './translate.ts';

const NOW_MS = Date.UTC(2026, 10, 23);
const options: TranslateOptions = {
  ...DEFAULT_TRANSLATE_OPTIONS,
  isWithoutClassServed: true,
  configMap: { namespace: 'infra', name: 'settings' },
  fallbackCertificate: { id: 'fallback' } as CertificateModel,
};

function put(store: ObjectStore, kind: Kind, raw: unknown): void {
  const result = readObject(kind, raw);
  if (!result.ok) throw new Error(result.problem.problem);
  store.apply({ kind, type: 'set', object: result.object });
}

const ingress = (name: string, host: string, annotations: Record<string, string> = {}, service = name) => ({
  metadata: {
    name,
    namespace: 'shop',
    uid: name,
    annotations: Object.fromEntries(
      Object.entries(annotations).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]),
    ),
  },
  spec: {
    rules: [
      {
        host,
        http: {
          paths: [
            { path: '/x', pathType: 'Prefix', backend: { service: { name: service, port: { number: 80 } } } },
          ],
        },
      },
    ],
  },
});
const service = (name: string, port = 80) => ({
  metadata: { name, namespace: 'shop' },
  spec: { ports: [{ port }] },
});

describe('what did not change keeps its identity', () => {
  test('hosts and upstreams of other Ingresses, whatever changes', () => {
    const store = createObjectStore();
    const translator = createTranslator(options, features);
    for (const name of ['a', 'b', 'c']) {
      put(store, 'Ingress', ingress(name, `${name}.test`, { 'server-alias': `www.${name}.test` }));
      put(store, 'Service', service(name));
    }
    const before = translator.translate(store.snapshot(), NOW_MS).model;
    put(store, 'Ingress', ingress('b', 'b.test', { 'proxy-read-timeout': '7' }));
    const after = translator.translate(store.snapshot(), NOW_MS).model;
    const same = (of: 'hosts' | 'upstreams') => after[of].map((item, index) => item === before[of][index]);
    expect(after.hosts.map(({ name }) => name)).toEqual(['_', 'a.test', 'b.test', 'c.test']);
    expect(same('hosts')).toEqual([true, true, false, true]);
    expect(same('upstreams')).toEqual([true, false, true]);

    put(store, 'Service', service('c', 81));
    const third = translator.translate(store.snapshot(), NOW_MS);
    expect(third.model.hosts.map((host, index) => host === after.hosts[index])).toEqual([
      true,
      true,
      true,
      false,
    ]);
    expect(third.findings.map(({ reason }) => reason)).toEqual(['UnknownPort']);
  });

  test('a setting that changes reaches every host', () => {
    const store = createObjectStore();
    const translator = createTranslator(options, features);
    const timeout = () => {
      const { hosts } = translator.translate(store.snapshot(), NOW_MS).model;
      return hosts.find(({ name }) => name === 'a.test')!.routes[1]!.policies.timeouts!.readTimeoutMs;
    };
    put(store, 'Ingress', ingress('a', 'a.test'));
    expect(timeout()).toBe(60_000);
    const settings = { namespace: 'infra', name: 'settings' };
    put(store, 'ConfigMap', { metadata: settings, data: { 'proxy-read-timeout': '9' } });
    expect(timeout()).toBe(9_000);
    // A ConfigMap that is gone leaves its last data in force.
    store.apply({ kind: 'ConfigMap', type: 'delete', object: settings });
    expect(timeout()).toBe(9_000);
  });

  test('a Secret that comes later is taken, and was asked for before', () => {
    const store = createObjectStore();
    const translator = createTranslator(options, features);
    put(store, 'Service', service('a'));
    put(
      store,
      'Ingress',
      ingress('a', 'a.test', { 'proxy-ssl-secret': 'shop/client', 'backend-protocol': 'HTTPS' }),
    );
    const before = translator.translate(store.snapshot(), NOW_MS);
    expect(before.references).toEqual({
      secrets: [{ namespace: 'shop', name: 'client' }],
      configMaps: [{ namespace: 'infra', name: 'settings' }],
      keySets: [],
    });
    expect(before.model.hosts[1]!.routes[1]!.deniedStatus).toBe(503);
    put(store, 'Secret', {
      metadata: { name: 'client', namespace: 'shop' },
      stringData: { 'ca.crt': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n' },
    });
    const after = translator.translate(store.snapshot(), NOW_MS);
    expect(after.findings).not.toEqual(before.findings);
  });
});

describe('versions that are refused', () => {
  const refused = ingress('a', 'new.test', { 'server-alias': 'a b;c' });

  test('the one accepted before is served until a good one comes', () => {
    const store = createObjectStore();
    const translator = createTranslator(options, features);
    const hosts = () => translator.translate(store.snapshot(), NOW_MS).model.hosts.map(({ name }) => name);
    put(store, 'Service', service('a'));
    put(store, 'Ingress', ingress('a', 'old.test'));
    expect(hosts()).toEqual(['_', 'old.test']);
    put(store, 'Ingress', refused);
    expect(hosts()).toEqual(['_', 'old.test']);
    expect(hosts()).toEqual(['_', 'old.test']);
    put(store, 'Ingress', ingress('a', 'good.test'));
    expect(hosts()).toEqual(['_', 'good.test']);
    put(store, 'Ingress', refused);
    expect(hosts()).toEqual(['_', 'good.test']);
    store.apply({ kind: 'Ingress', type: 'delete', object: { namespace: 'shop', name: 'a' } });
    expect(hosts()).toEqual(['_']);
    put(store, 'Ingress', refused);
    expect(hosts()).toEqual(['_']);
  });

  test('a ConfigMap that forbids what is served leaves it in force, and says so', () => {
    const store = createObjectStore();
    const translator = createTranslator(options, features);
    put(store, 'Service', service('a'));
    put(store, 'Ingress', ingress('a', 'a.test', { 'server-alias': 'b.test' }));
    translator.translate(store.snapshot(), NOW_MS);
    put(store, 'ConfigMap', {
      metadata: { namespace: 'infra', name: 'settings' },
      data: { 'annotations-risk-level': 'Low' },
    });
    const { model, findings } = translator.translate(store.snapshot(), NOW_MS);
    expect(model.hosts.map(({ name }) => name)).toEqual(['_', 'a.test']);
    expect(findings.map(findingMessage)).toEqual([
      'metadata.annotations[server-alias]: "b.test" is an annotation of risk high, above annotations-risk-level; ' +
        'the Ingress is not taken in; the version accepted before is served',
    ]);
  });
});

test('a change of an IngressClass is followed at once', () => {
  const store = createObjectStore();
  const translator = createTranslator({ ...options, isWithoutClassServed: false }, features);
  const raw = ingress('a', 'a.test');
  put(store, 'Ingress', { ...raw, spec: { ...raw.spec, ingressClassName: 'nginx' } });
  const served = () => translator.translate(store.snapshot(), NOW_MS).served.map(({ name }) => name);
  expect(served()).toEqual([]);
  put(store, 'IngressClass', { metadata: { name: 'nginx' }, spec: { controller: 'k8s.io/ingress-nginx' } });
  expect(served()).toEqual(['a']);
  store.apply({ kind: 'IngressClass', type: 'delete', object: { namespace: '', name: 'nginx' } });
  expect(served()).toEqual([]);
});

function goodHostOf(store: ObjectStore): HostModel | undefined {
  const { hosts } = translate(store.snapshot(), options, features, NOW_MS).model;
  return hosts.find(({ name }) => name === 'good.test');
}

describe('whatever users write', () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom(
      '/',
      '',
      'a.test',
      '*.a.test',
      '_',
      '~(',
      '/x(',
      '{}',
      '$1',
      'true',
      '-1',
      'ns/name',
      '\n',
      '\0',
      '__proto__',
      'constructor',
    ),
  );
  const keys = features.flatMap(({ annotations }) => Object.keys(annotations));
  const annotations = fc.dictionary(
    fc
      .constantFrom(...keys, 'auth-url', 'nonsense', '__proto__')
      .map((key) => `nginx.ingress.kubernetes.io/${key}`),
    text,
    { maxKeys: 6 },
  );
  const backend = fc.record({
    service: fc.record({
      name: text,
      port: fc.record({ number: fc.integer(), name: text }, { requiredKeys: [] }),
    }),
  });
  const path = fc.record(
    {
      path: text,
      pathType: fc.constantFrom('Exact', 'Prefix', 'ImplementationSpecific', 'x'),
      backend: fc.oneof(backend, fc.anything()),
    },
    { requiredKeys: ['path'] },
  );
  const junkIngress = fc.record({
    metadata: fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      namespace: fc.constantFrom('x', 'y'),
      annotations,
    }),
    spec: fc.record(
      {
        rules: fc.array(
          fc.record(
            {
              host: text,
              http: fc.record({
                paths: fc.array(
                  fc.oneof({ weight: 4, arbitrary: path }, { weight: 1, arbitrary: fc.anything() }),
                  { maxLength: 4 },
                ),
              }),
            },
            { requiredKeys: [] },
          ),
          { maxLength: 3 },
        ),
        tls: fc.array(
          fc.record({ hosts: fc.array(text, { maxLength: 2 }), secretName: text }, { requiredKeys: [] }),
          { maxLength: 2 },
        ),
        defaultBackend: backend,
      },
      { requiredKeys: ['rules'] },
    ),
  });

  test('translation gives a model and findings, the same each time, and every route names an upstream that is there', () => {
    fc.assert(
      fc.property(
        fc.array(junkIngress, { maxLength: 5 }),
        fc.constantFrom('route', 'upstream'),
        (ingresses, canaryScope) => {
          const store = createObjectStore();
          for (const raw of ingresses) put(store, 'Ingress', raw);
          put(store, 'Service', { metadata: { name: 'a', namespace: 'x' }, spec: { ports: [{ port: 80 }] } });
          const snapshot = store.snapshot();
          const own = { ...options, canaryScope } as const;
          const { model, findings } = translate(snapshot, own, features, NOW_MS);
          expect(translate(snapshot, own, features, NOW_MS)).toEqual({
            model,
            findings,
            references: expect.anything(),
            served: expect.anything(),
          });
          const ids = new Set(model.upstreams.map(({ id }) => id));
          for (const { routes } of model.hosts) {
            for (const { backend } of routes) {
              if (backend === undefined || backend.kind === 'weighted') continue;
              expect(ids).toContain(backend.upstreamId);
              for (const canary of backend.kind === 'canary' ? backend.canaries : [])
                expect(ids).toContain(canary.upstreamId);
            }
          }
          for (const upstream of model.upstreams) resolveEndpoints(snapshot, upstream, () => []);
          for (const { problem, consequence } of findings)
            expect(problem !== '' && consequence !== '').toBe(true);
          structuredClone(model);
        },
      ),
      { numRuns: 400 },
    );
  });

  test('every route has the policies that the core needs, the catch-all without an Ingress too', () => {
    const store = createObjectStore();
    put(store, 'Ingress', ingress('a', 'a.test'));
    const { model } = translate(store.snapshot(), options, features, NOW_MS);
    const routes = model.hosts.flatMap((host) => host.routes);
    expect(routes.map(({ labels, path }) => `${labels.host}${path}`)).toEqual(['_/', 'a.test/', 'a.test/x']);
    for (const { policies } of routes) {
      expect(policies).toMatchObject({
        timeouts: { connectTimeoutMs: 5_000, sendTimeoutMs: 60_000, readTimeoutMs: 60_000 },
        body: { maxBodyBytes: 1_048_576, isRequestBuffered: true, maxResponseHeadBytes: 4_096 },
        retry: { conditions: ['error', 'timeout'], tries: 3 },
        'backend-protocol': { protocol: 'http' },
        logging: { isAccessLogged: true },
      });
    }
  });

  test('a bad Ingress changes nothing for a good one', () => {
    fc.assert(
      fc.property(junkIngress, (raw) => {
        const alone = createObjectStore();
        const together = createObjectStore();
        for (const store of [alone, together]) {
          put(store, 'Service', service('good'));
          put(store, 'Ingress', ingress('good', 'good.test'));
        }
        put(together, 'Ingress', { ...raw, metadata: { ...raw.metadata, namespace: 'zz' } });
        expect(goodHostOf(together)).toEqual(goodHostOf(alone));
      }),
      { numRuns: 200 },
    );
  });
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { features } from '../../features/registry.ts';
import { createSelfSigned } from '../../lib/self-signed.ts';
import type { CertificateModel, Model } from '../../model/model.ts';
import { DEFAULT_SETTINGS } from '../../table/settings.ts';
import type { RouteTable } from '../../table/table.ts';
import { compile, createCompiler } from '../compile/compile.ts';
import { diffTables } from '../publish/table-diff.ts';
import { UpstreamIndex } from '../upstream-index.ts';
import { createObjectStore, type ObjectStore } from '../store/object-store.ts';
import type { Kind } from '../store/objects.ts';
import { readObject } from '../store/read-object.ts';
import { DEFAULT_TRANSLATE_OPTIONS, type TranslateOptions } from './options.ts';
import { createTranslator, translate } from './translate.ts';

const NOW_MS = Date.UTC(2026, 10, 23);
const options: TranslateOptions = {
  ...DEFAULT_TRANSLATE_OPTIONS,
  isWithoutClassServed: true,
  isPassthroughEnabled: true,
  configMap: { namespace: 'a', name: 'settings' },
  tcpServices: { namespace: 'a', name: 'tcp' },
  defaultBackendService: { namespace: 'a', name: 's' },
  fallbackCertificate: { id: 'fallback' } as CertificateModel,
};

/** `undefined` as `raw`: the object goes. */
interface Change {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly raw: Readonly<Record<string, unknown>> | undefined;
}

function apply(store: ObjectStore, { kind, namespace, name, raw }: Change): void {
  if (raw === undefined) {
    store.apply({ kind, type: 'delete', object: { namespace, name } });
    return;
  }
  const minutes = [...name].reduce((sum, char) => sum + char.charCodeAt(0), 0) % 3;
  const result = readObject(kind, {
    ...raw,
    metadata: {
      namespace,
      name,
      uid: `${namespace}-${name}`,
      creationTimestamp: new Date(NOW_MS - minutes * 60_000).toISOString(),
      ...(raw['metadata'] as object | undefined),
    },
  });
  if (!result.ok) throw new Error(result.problem.problem);
  store.apply({ kind, type: 'set', object: result.object });
}

const pairs = ['x', 'y'].map((name) => createSelfSigned([`${name}.test`], NOW_MS));
const namespace = fc.constantFrom('a', 'a-b');
const serviceName = fc.constantFrom('s', 't', 'b-s');
const port = fc.constantFrom({ number: 80 }, { name: 'http' }, { number: 8_443 });
const backend = fc.record({ service: fc.record({ name: serviceName, port }) });
const host = fc.constantFrom('x.test', 'y.test', '*.test', 'www.x.test', 'v.test', 'w.test', '');
const ANNOTATIONS: readonly (readonly [key: string, values: readonly string[]])[] = [
  ['canary', ['true']],
  ['canary-weight', ['10', 'x']],
  ['server-alias', ['z.test', 'y.test', 'z.test,u.test', 'u.test,v.test', '*.z.test']],
  ['from-to-www-redirect', ['true']],
  ['use-regex', ['true']],
  ['rewrite-target', ['/r', '/$1']],
  ['load-balance', ['ewma', 'round_robin']],
  ['upstream-hash-by', ['$request_uri', '$host']],
  ['proxy-read-timeout', ['7', '8']],
  ['auth-type', ['basic']],
  ['auth-secret', ['basic', 'pair']],
  ['custom-headers', ['a/headers']],
  ['auth-url', ['http://s.a.svc.cluster.local/check']],
  ['ssl-passthrough', ['true']],
  ['auth-tls-secret', ['a/pair']],
  ['service-upstream', ['true']],
  ['backend-protocol', ['HTTPS', 'GRPC']],
];
const annotations = fc
  .array(
    fc
      .constantFrom(...ANNOTATIONS)
      .chain(([key, values]) => fc.tuple(fc.constant(key), fc.constantFrom(...values))),
    {
      maxLength: 3,
    },
  )
  .map((list) =>
    Object.fromEntries(list.map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value])),
  );
const paths = fc.array(
  fc.record({
    path: fc.constantFrom('/', '/p', '/p/', '/q.*', '/[bad'),
    pathType: fc.constantFrom('Prefix', 'Exact', 'ImplementationSpecific'),
    backend,
  }),
  { maxLength: 3 },
);
const ingress = fc.record({
  metadata: fc.record({ annotations }),
  spec: fc.record(
    {
      rules: fc.array(fc.record({ host, http: fc.record({ paths }) }), { maxLength: 2 }),
      tls: fc.array(
        fc.record({
          hosts: fc.array(host, { maxLength: 2 }),
          secretName: fc.constantFrom('pair', 'other', ''),
        }),
        {
          maxLength: 1,
        },
      ),
      defaultBackend: backend,
      ingressClassName: fc.constantFrom('nginx', 'elsewhere'),
    },
    { requiredKeys: ['rules'] },
  ),
});
const service = fc.record({
  spec: fc.record({
    type: fc.constantFrom('ClusterIP', 'ExternalName', 'nonsense'),
    clusterIP: fc.constantFrom('None', '192.0.2.1'),
    externalName: fc.constant('example.test'),
    ports: fc.array(fc.record({ name: fc.constant('http'), port: fc.constantFrom(80, 8_443, -1) }), {
      maxLength: 1,
    }),
  }),
});
const secret = fc.constantFrom<Record<string, unknown>>(
  ...pairs.map(({ certificate, key }) => ({
    stringData: { 'tls.crt': certificate, 'tls.key': key, 'ca.crt': certificate },
  })),
  { stringData: { auth: 'u:{SHA}x' } },
  { data: { 'tls.crt': '!' } },
);
const settings = fc.record(
  {
    'proxy-read-timeout': fc.constantFrom('3', '4', 'x'),
    'global-allowed-response-headers': fc.constantFrom('X-A', ''),
  },
  { requiredKeys: [] },
);
const gone = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 4 });
const named = (
  kind: Kind,
  names: readonly string[],
  raw: fc.Arbitrary<Record<string, unknown> | undefined>,
) => fc.record({ kind: fc.constant(kind), namespace, name: fc.constantFrom(...names), raw });
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 6, arbitrary: named('Ingress', ['i', 'j', 'k', 'l', 'm'], gone(ingress)) },
  { weight: 3, arbitrary: named('Service', ['s', 't', 'b-s'], gone(service)) },
  { weight: 2, arbitrary: named('Secret', ['pair', 'other', 'basic'], gone(secret)) },
  { weight: 1, arbitrary: named('ConfigMap', ['headers'], gone(fc.constant({ data: { 'X-A': 'b' } }))) },
  { weight: 1, arbitrary: named('ConfigMap', ['tcp'], gone(fc.constant({ data: { '9000': 'a/s:80' } }))) },
  {
    weight: 1,
    arbitrary: named(
      'ConfigMap',
      ['settings'],
      settings.map((data) => ({ data })),
    ),
  },
  {
    weight: 1,
    arbitrary: gone(fc.constant({ spec: { controller: 'k8s.io/ingress-nginx' } })).map((raw) => ({
      kind: 'IngressClass' as const,
      namespace: '',
      name: 'nginx',
      raw,
    })),
  },
);

function servicesOf({ upstreams }: Model): string[] {
  const keys = new Set(upstreams.map(({ namespace: of, service: to }) => `${of}/${to}`));
  return [...keys].toSorted();
}

test('what a translator makes of change after change is what one makes of the end alone', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 12 }),
      fc.constantFrom('none', 'namespace'),
      fc.constantFrom('route', 'upstream'),
      (rounds, hostOwnership, canaryScope) => {
        const own: TranslateOptions = { ...options, hostOwnership, canaryScope };
        const store = createObjectStore();
        const translator = createTranslator(own, features);
        const compiler = createCompiler();
        const index = new UpstreamIndex();
        let table: RouteTable | undefined;
        const objects = new Map<string, Change>();
        for (const round of rounds) {
          for (const one of round) {
            apply(store, one);
            objects.set(`${one.kind} ${one.namespace}/${one.name}`, one);
          }
          const stepped = translator.translate(store.snapshot(), NOW_MS);
          const fresh = createObjectStore();
          for (const one of objects.values()) apply(fresh, one);
          const atOnce = translate(fresh.snapshot(), own, features, NOW_MS);
          // Of a version that is refused the one before is served: that is history, and told elsewhere.
          if (atOnce.findings.some(({ reason }) => reason === 'RefusedIngress')) return;
          expect(stepped).toEqual(atOnce);
          const compiled = compiler.compile(stepped.model, DEFAULT_SETTINGS, 1);
          const compiledAtOnce = compile(atOnce.model, DEFAULT_SETTINGS, 1);
          expect(compiled).toEqual(compiledAtOnce);
          // A copy knows nothing of what led to it.
          if (table !== undefined)
            expect(diffTables(table, compiled)).toEqual(diffTables(table, compiledAtOnce));
          table = compiled;
          index.take(stepped.model.upstreams, () => {});
          const ids = stepped.model.upstreams.map(({ id }) => id);
          expect(ids.map((id) => index.get(id))).toEqual(stepped.model.upstreams);
          expect([...index.services()].toSorted()).toEqual(servicesOf(stepped.model));
        }
      },
    ),
    { numRuns: 100 },
  );
});

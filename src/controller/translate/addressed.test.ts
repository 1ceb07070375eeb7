import { describe, expect, test } from 'vitest';
import { defineFeature, type Feature } from '../../features/kit/feature.ts';
import { parseAuthority } from '../../features/kit/upstream-address.ts';
import { plainText } from '../../features/kit/values.ts';
import { features } from '../../features/registry.ts';
import type { CertificateModel, Model } from '../../model/model.ts';
import { createObjectStore, type ObjectStore } from '../store/object-store.ts';
import type { Kind } from '../store/objects.ts';
import { readObject } from '../store/read-object.ts';
import { resolveEndpoints } from './endpoints.ts';
import { DEFAULT_TRANSLATE_OPTIONS, type TranslateOptions } from './options.ts';
import { createTranslator, translate } from './translate.ts';

/** Asks for an upstream by the address its annotation names, and says what is wrong with it. */
const asking: Feature = defineFeature({
  name: 'asking',
  doc: '',
  scope: 'route',
  annotations: { ask: { parse: plainText, risk: 'low', onInvalid: 'default', doc: '' } },
  translate: ({ ask }, { upstream, findings, source }) => {
    if (ask === undefined) return undefined;
    const [scheme = '', authority = ''] = ask.split('://');
    const parsed = parseAuthority(authority, scheme === 'https' ? 'https' : 'http');
    const named = parsed.ok ? upstream(parsed.value) : undefined;
    const problem = parsed.ok ? named?.problem : parsed.problem;
    if (problem !== undefined)
      findings.warn(source, 'InvalidAnnotation', { field: 'ask', problem, consequence: '' });
    return { upstream: named?.id };
  },
}) as Feature;

const canary = features.find(({ name }) => name === 'canary')!;
const options: TranslateOptions = {
  ...DEFAULT_TRANSLATE_OPTIONS,
  isWithoutClassServed: true,
  fallbackCertificate: { id: 'fallback' } as CertificateModel,
};

function put(store: ObjectStore, kind: Kind, raw: unknown): void {
  const result = readObject(kind, raw);
  if (!result.ok) throw new Error(result.problem.problem);
  store.apply({ kind, type: 'set', object: result.object });
}

const ingress = (name: string, ask: string, more: Record<string, string> = {}) => ({
  metadata: {
    name,
    namespace: 'shop',
    uid: name,
    annotations: Object.fromEntries(
      Object.entries({ ask, ...more }).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]),
    ),
  },
  spec: {
    rules: [
      {
        host: `${name}.test`,
        http: {
          paths: [
            { path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } },
          ],
        },
      },
    ],
  },
});

const service = (name: string, spec: object) => ({ metadata: { name, namespace: 'auth' }, spec });
const slice = (name: string, port: number) => ({
  metadata: { name: `${name}-1`, namespace: 'auth', labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  ports: [{ name: '', port, protocol: 'TCP' }],
  endpoints: [
    { addresses: ['10.1.0.1'], conditions: { ready: true } },
    { addresses: ['10.1.0.2'], conditions: { ready: false } },
  ],
});

function storeOf(...asks: string[]): ObjectStore {
  const store = createObjectStore();
  for (const [index, ask] of asks.entries()) put(store, 'Ingress', ingress(`i${index}`, ask));
  put(store, 'Service', service('oauth', { clusterIP: '10.9.0.1', ports: [{ port: 80, targetPort: 4180 }] }));
  put(store, 'EndpointSlice', slice('oauth', 4180));
  put(store, 'Service', service('bare', { clusterIP: 'None', ports: [{ port: 80, targetPort: 4180 }] }));
  put(store, 'EndpointSlice', slice('bare', 4180));
  put(store, 'Service', service('filed', { ports: [{ port: 80, targetPort: 4180 }] }));
  put(store, 'EndpointSlice', slice('filed', 4180));
  put(store, 'Service', service('far', { type: 'ExternalName', externalName: 'idp.example.test' }));
  return store;
}

/** Those of the table that no path leads to, with their addresses, and what was found wrong. */
function addressedOf(store: ObjectStore, more: Partial<TranslateOptions> = {}): [string[], string[]] {
  const snapshot = store.snapshot();
  const { model, findings } = translate(snapshot, { ...options, ...more }, [asking, canary], 0);
  const names = (name: string) => (name === 'idp.example.test' ? ['192.0.2.7', '192.0.2.8'] : []);
  const lines = upstreamsOf(model).map((upstream) =>
    [
      upstream.id,
      upstream.kind,
      ...resolveEndpoints(snapshot, upstream, names).map(({ address, port }) => `${address} ${port}`),
    ].join(', '),
  );
  return [lines, findings.filter(({ source }) => source.field === 'ask').map(({ problem }) => problem)];
}

const upstreamsOf = ({ upstreams }: Model) => upstreams.filter(({ id }) => id !== 'shop-web-80');

describe('an address that an annotation names is an upstream', () => {
  const cases: [name: string, ask: string, lines: string[], problems: string[]][] = [
    ['a Service', 'http://oauth.auth.svc.cluster.local', ['oauth.auth.svc:80, endpoints, 10.1.0.1 4180'], []],
    ['its shorter name', 'http://OAUTH.auth.svc:80', ['oauth.auth.svc:80, endpoints, 10.1.0.1 4180'], []],
    [
      'its name with a final dot',
      'http://oauth.auth.svc.',
      ['oauth.auth.svc:80, endpoints, 10.1.0.1 4180'],
      [],
    ],
    [
      'a port that the Service lacks',
      'https://oauth.auth.svc',
      ['oauth.auth.svc:443, endpoints'],
      ['names a port that its Service does not have'],
    ],
    [
      'a headless Service: the port is the Pods’',
      'http://bare.auth.svc:4180',
      ['bare.auth.svc:4180, pods, 10.1.0.1 4180'],
      [],
    ],
    [
      'a Service of a manifest file, which no API server has given an address',
      'http://filed.auth.svc',
      ['filed.auth.svc:80, endpoints, 10.1.0.1 4180'],
      [],
    ],
    [
      'an ExternalName Service',
      'http://far.auth.svc:81',
      ['far.auth.svc:81, external-name, 192.0.2.7 81, 192.0.2.8 81'],
      [],
    ],
    [
      'a Service that is not there',
      'http://none.auth.svc.cluster.local',
      ['none.auth.svc.cluster.local:80, host'],
      ['names a Service that does not exist'],
    ],
    ['a host', 'https://idp.example.test', ['idp.example.test:443, host, 192.0.2.7 443, 192.0.2.8 443'], []],
    ['an address', 'http://192.0.2.1:8080', ['192.0.2.1:8080, host, 192.0.2.1 8080'], []],
    ['an IPv6 address', 'http://[2001:db8::1]', ['[2001:db8::1]:80, host, 2001:db8::1 80'], []],
    [
      'a host that may not be resolved',
      'http://localhost',
      ['localhost:80, host'],
      ['has a host that may not be resolved'],
    ],
    ['no host', 'http://', [], ['has "" where a host should be']],
    ['an address in another spelling', 'http://0x7f.1', [], ['has "0x7f.1" where a host should be']],
    ['user and host', 'http://a@b', [], ['has "a@b" where a host should be']],
    ['a port that is none', 'http://a:0', [], ['has a port that is none: 0']],
  ];
  for (const [name, ask, lines, problems] of cases) {
    test(name, () => expect(addressedOf(storeOf(ask))).toEqual([lines, problems]));
  }

  test('two Ingresses that name the same one share it', () =>
    expect(
      addressedOf(storeOf('http://oauth.auth.svc', 'http://oauth.auth.svc.cluster.local:80'))[0],
    ).toEqual(['oauth.auth.svc:80, endpoints, 10.1.0.1 4180']));

  test('what --disable-svc-external-name forbids', () =>
    expect(addressedOf(storeOf('http://far.auth.svc'), { isExternalNameDisabled: true })).toEqual([
      ['far.auth.svc:80, endpoints'],
      ['names a Service of type ExternalName, which --disable-svc-external-name forbids'],
    ]));

  test('a canary Ingress names none', () => {
    const store = createObjectStore();
    put(store, 'Ingress', ingress('canary', 'http://oauth.auth.svc', { canary: 'true' }));
    expect(addressedOf(store)[0]).toEqual([]);
  });

  test('it keeps its identity, and follows its Service', () => {
    const store = storeOf('http://oauth.auth.svc');
    const translator = createTranslator(options, [asking]);
    const [before] = upstreamsOf(translator.translate(store.snapshot(), 0).model);
    put(store, 'Ingress', ingress('other', ''));
    expect(upstreamsOf(translator.translate(store.snapshot(), 0).model)[0]).toBe(before);
    put(store, 'Service', service('oauth', { type: 'ExternalName', externalName: 'idp.example.test' }));
    expect(upstreamsOf(translator.translate(store.snapshot(), 0).model)[0]).toMatchObject({
      id: 'oauth.auth.svc:80',
      kind: 'external-name',
    });
  });
});

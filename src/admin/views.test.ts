import { describe, expect, test } from 'vitest';
import { FALLBACK_CERTIFICATE, GOLDEN_NOW_MS } from '../../test/golden/run-case.ts';
import { createPipeline } from '../controller/create-pipeline.ts';
import { parseManifest } from '../controller/files/parse-manifest.ts';
import { createObjectStore } from '../controller/store/object-store.ts';
import { KINDS } from '../controller/store/objects.ts';
import { DEFAULT_TRANSLATE_OPTIONS } from '../controller/translate/options.ts';
import { features } from '../features/registry.ts';
import { createSelfSigned } from '../lib/self-signed.ts';
import type { Served } from './explain.ts';
import { createViews } from './views.ts';

const P = 'nginx.ingress.kubernetes.io';
const { certificate, key } = createSelfSigned(['shop.test'], GOLDEN_NOW_MS);
const base64 = (text: string) => Buffer.from(text).toString('base64');
const rule = (host: string, path: string, pathType = 'Prefix', service = 'web') =>
  `{host: ${JSON.stringify(host)}, http: {paths: [{path: ${JSON.stringify(path)}, pathType: ${pathType}, backend: {service: {name: ${service}, port: {number: 80}}}}]}}`;
const ingress = (name: string, rules: string, annotations = '', more = '') =>
  `apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {namespace: shop, name: ${name}, annotations: {${annotations}}}\nspec: {rules: [${rules}]${more}}\n`;
const service = (name: string) =>
  `apiVersion: v1\nkind: Service\nmetadata: {namespace: shop, name: ${name}}\nspec: {ports: [{port: 80}]}\n---\napiVersion: v1\nkind: Endpoints\nmetadata: {namespace: shop, name: ${name}}\nsubsets: [{addresses: [{ip: 10.1.0.1}], ports: [{port: 8080}]}]\n`;

function serve(...documents: string[]): Served {
  const store = createObjectStore();
  const parsed = parseManifest(documents.join('---\n'), 'f', '');
  if (!parsed.ok) throw new Error(parsed.problem);
  const objects = parsed.objects.map(({ object }) => object);
  for (const kind of KINDS)
    store.replace(kind, objects.filter((object) => object.kind === kind) as Iterable<never>);
  const pipeline = createPipeline({
    options: {
      ...DEFAULT_TRANSLATE_OPTIONS,
      isWithoutClassServed: true,
      fallbackCertificate: FALLBACK_CERTIFICATE,
    },
    features,
    settingsFlags: {
      httpsPort: 443,
      healthPath: '/healthz',
      undefinedHosts: 'uncounted',
      ticketKeys: [],
    },
    lookUpName: () => [],
    nowMs: () => GOLDEN_NOW_MS,
  });
  const snapshot = store.snapshot();
  const built = pipeline.build(snapshot, 7);
  return {
    live: () => built,
    endpointsOf: (id) => {
      const upstream = built.model.upstreams.find((one) => one.id === id);
      return upstream === undefined ? [] : pipeline.endpointsOf(snapshot, upstream);
    },
  };
}

const view = async (served: Served, name: string, query: Record<string, string> = {}): Promise<any> => {
  const value = await createViews(served).get(name)!(new URLSearchParams(query));
  return typeof value === 'object' && value !== null && Symbol.iterator in value
    ? [...(value as Iterable<unknown>)]
    : value;
};

describe('/api/explain', () => {
  const served = serve(
    ingress('web', `${rule('shop.test', '/')}, ${rule('shop.test', '/api/')}`),
    ingress('star', rule('*.shop.test', '/'), `${P}/server-alias: "alias.test, ~^re[0-9]+\\\\.test$"`),
    ingress('closed', rule('closed.test', '/'), `${P}/auth-type: basic, ${P}/auth-secret: nowhere`),
    ingress('empty', rule('empty.test', '/x', 'Exact', 'none')),
    ingress(
      'canary',
      rule('shop.test', '/', 'Prefix', 'next'),
      `${P}/canary: "true", ${P}/canary-weight: "10"`,
    ),
    ingress('regex', rule('regex.test', '/a([0-9]+)', 'ImplementationSpecific'), `${P}/use-regex: "true"`),
    service('web'),
    service('next'),
  );
  const explain = (host: string, path = '/') => view(served, 'explain', { host, path });

  const cases: [host: string, path: string, outcome: RegExp, because: string, source: string | undefined][] =
    [
      [
        'SHOP.test:8080',
        '/x?y=1',
        /^sent to the upstream or to its canary/,
        'it has this name',
        'Ingress shop/web ',
      ],
      ['shop.test', '/api/v1', /^sent to the upstream, unless/, 'it has this name', 'Ingress shop/web '],
      ['shop.test', '/api', /^redirected \(301\)/, 'it has this name', 'Ingress shop/web '],
      [
        'a.shop.test',
        '/',
        /^sent to the upstream, /,
        'it is the wildcard of this name',
        'Ingress shop/star ',
      ],
      ['alias.test', '/', /^sent to the upstream, /, 'this name is an alias of it', 'Ingress shop/star '],
      [
        're12.test',
        '/',
        /^sent to/,
        'an alias of it is a pattern that this name matches',
        'Ingress shop/star ',
      ],
      [
        'closed.test',
        '/',
        /^answered 503: its Ingress closes it/,
        'it has this name',
        'Ingress shop/closed ',
      ],
      [
        'empty.test',
        '/x',
        /^answered 503: the upstream has no endpoint/,
        'it has this name',
        'Ingress shop/empty ',
      ],
      ['empty.test', '/y', /^answered 404/, 'it has this name', 'Ingress shop/empty '],
      ['regex.test', '/A12/b', /^sent to the upstream/, 'it has this name', 'Ingress shop/regex '],
      ['regex.test', '/b', /^answered 404/, 'it has this name', 'Ingress shop/regex '],
      ['nobody.test', '/', /^answered 404/, 'no host has this name: it is the catch-all', undefined],
    ];
  for (const [host, path, outcome, because, source] of cases) {
    test(`${host}${path}`, async () => {
      const said = await explain(host, path);
      expect(said).toMatchObject({
        generation: 7,
        outcome: expect.stringMatching(outcome),
        host: { because },
      });
      if (source !== undefined) expect(said.host.source).toContain(source);
    });
  }

  test('names route, upstream, canary and endpoints', async () => {
    expect(await explain('shop.test', '/a/../b')).toMatchObject({
      request: { host: 'shop.test', path: '/b' },
      route: {
        path: '/',
        matchedBy: 'prefix',
        source: 'Ingress shop/web spec.rules[0].http.paths[0]',
        canaries: [{ source: expect.stringContaining('Ingress shop/canary') }],
      },
      upstream: {
        id: 'shop-web-80',
        service: 'shop/web:80',
        endpoints: [{ address: '10.1.0.1', port: 8080 }],
      },
      canary: { id: 'shop-next-80', endpoints: [{ address: '10.1.0.1' }] },
      findings: [],
    });
  });

  test('has the findings of the Ingress that decides', async () => {
    const { findings } = await explain('closed.test');
    expect(findings).toMatchObject([{ reason: 'InvalidAnnotation', value: 'nowhere' }]);
  });

  test('a request that is refused before it is matched', async () => {
    expect(await explain('a b')).toMatchObject({ outcome: 'answered 400: its Host names no host' });
    expect(await explain('shop.test', '/..')).toMatchObject({ outcome: 'answered 400: its path is none' });
  });

  test('before the first table', async () => {
    const none: Served = { live: () => undefined, endpointsOf: () => [] };
    expect(await view(none, 'explain', { host: 'a.test' })).toEqual({ outcome: 'nothing is served yet' });
    expect(await view(none, 'hosts')).toEqual([]);
  });
});

test('hosts, upstreams and certificates are shown, and no secret of theirs', async () => {
  const users = `ann:$2y$10$${'a'.repeat(53)}`;
  const served = serve(
    ingress(
      'web',
      rule('shop.test', '/'),
      `${P}/auth-type: basic, ${P}/auth-secret: staff`,
      ', tls: [{hosts: [shop.test], secretName: cert}]',
    ),
    service('web'),
    `apiVersion: v1\nkind: Secret\nmetadata: {namespace: shop, name: staff}\ndata: {auth: ${base64(users)}}\n`,
    `apiVersion: v1\nkind: Secret\nmetadata: {namespace: shop, name: cert}\ntype: kubernetes.io/tls\ndata: {tls.crt: ${base64(certificate)}, tls.key: ${base64(key)}}\n`,
  );
  const [hosts, upstreams, certificates] = await Promise.all(
    ['hosts', 'upstreams', 'certificates'].map((name) => view(served, name)),
  );
  expect(hosts).toMatchObject([{ name: '_' }, { name: 'shop.test', routes: [{ path: '/' }] }]);
  expect(upstreams).toMatchObject([{ id: 'shop-web-80', endpoints: [{ address: '10.1.0.1', port: 8080 }] }]);
  expect(certificates).toContainEqual(
    expect.objectContaining({ names: ['shop.test'], source: expect.stringContaining('Secret shop/cert') }),
  );
  const explained = await view(served, 'explain', { host: 'shop.test', path: '/' });
  const all = JSON.stringify([hosts, upstreams, certificates, explained]);
  expect(all).toContain('basic-auth');
  for (const secret of [users.slice(4), 'PRIVATE KEY', key.split('\n')[1]!])
    expect(all).not.toContain(secret);
});

import { expect, test } from 'vitest';
import { features } from '../../features/registry.ts';
import { createObjectStore } from '../store/object-store.ts';
import { readObject } from '../store/read-object.ts';
import type { Kind } from '../store/objects.ts';
import { DEFAULT_TRANSLATE_OPTIONS } from '../translate/options.ts';
import { createDefaultCertificate } from '../certificates/default-certificate.ts';
import { createRelatedIngresses } from './related.ts';
import { createReview, type ReviewDeps } from './review.ts';

const PREFIX = 'nginx.ingress.kubernetes.io/';

function ingress(
  name: string,
  annotations: Record<string, string> = {},
  path = '/',
  pathType = 'Prefix',
): any {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      namespace: 'a',
      name,
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [PREFIX + key, value]),
      ),
    },
    spec: {
      ingressClassName: 'nginx',
      rules: [
        {
          host: 'a.test',
          http: { paths: [{ path, pathType, backend: { service: { name: 'web', port: { number: 80 } } } }] },
        },
      ],
    },
  };
}

const store = createObjectStore();
const related = createRelatedIngresses(DEFAULT_TRANSLATE_OPTIONS.annotationsPrefix);
store.watchIngresses(related.changed);
const put = (kind: Kind, raw: unknown) => {
  const read = readObject(kind, raw);
  if (!read.ok) throw new Error(read.problem.problem);
  store.apply({ kind, type: 'set', object: read.object });
};
put('IngressClass', { metadata: { name: 'nginx' }, spec: { controller: 'k8s.io/ingress-nginx' } });
put('Ingress', ingress('taken', {}, '/taken'));
put('Ingress', ingress('taken-canary', { canary: 'true' }, '/both'));
put('Ingress', ingress('taken-main', {}, '/both'));
put('Ingress', ingress('half', { canary: 'false' }, '/half'));
put('Ingress', ingress('snippet', { 'configuration-snippet': 'return 200;' }, '/snippet'));
put('Service', { metadata: { namespace: 'a', name: 'web' }, spec: { ports: [{ port: 80 }] } });
const fallbackCertificate = await createDefaultCertificate(Date.now());
const options = {
  ...DEFAULT_TRANSLATE_OPTIONS,
  fallbackCertificate,
  configMap: { namespace: 'ingress-nginx', name: 'ingress-nginx-controller' },
};
let lookUp: ReviewDeps['lookUp'] = async () => ({ secrets: [], configMaps: [] });
const judge = createReview({
  options,
  features,
  present: () => store.present(),
  related,
  lookUp: (wanted) => lookUp(wanted),
  nowMs: Date.now,
});
const review = (object: unknown, oldObject?: unknown) => judge({ object, oldObject });

const other = { ...ingress('other', { 'rewrite-target': '/a?b' }) };
other.spec = { ...other.spec, ingressClassName: 'traefik' };
const deleted = ingress('deleted', { 'server-alias': 'a b' });
deleted.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';

const cases: [name: string, raw: any, message: string | undefined][] = [
  ['a plain Ingress', ingress('new'), undefined],
  ['one that is being deleted', deleted, undefined],
  ['one of another class', other, undefined],
  ['itself again', ingress('taken', {}, '/taken'), undefined],
  ['a canary of a taken path', ingress('new', { canary: 'true' }, '/taken'), undefined],
  [
    'a taken host and path',
    ingress('new', {}, '/taken'),
    'host "a.test" and path "/taken" is already defined in ingress a/taken',
  ],
  [
    'a second canary',
    ingress('new', { canary: 'true' }, '/both'),
    'host "a.test" and path "/both" is already defined in ingress a/taken-canary',
  ],
  [
    'a regex under Prefix',
    ingress('new', {}, '/a(.*)'),
    'spec.rules[0].http.paths[0].path: "/a(.*)" cannot be used with pathType Prefix; use ImplementationSpecific',
  ],
  ['a regex under ImplementationSpecific', ingress('new', {}, '/a(.*)', 'ImplementationSpecific'), undefined],
  [
    'a snippet',
    ingress('new', { 'configuration-snippet': 'return 200;' }),
    'metadata.annotations[nginx.ingress.kubernetes.io/configuration-snippet]: snippets are not supported; instead: custom-headers, ',
  ],
  [
    'injected text',
    ingress('new', {}, '/etc/passwd', 'ImplementationSpecific'),
    'spec.rules[0].http.paths[0].path: "/etc/passwd" looks like injected configuration',
  ],
  [
    'a value of the refusing class',
    ingress('new', { 'server-alias': 'a;b' }),
    'metadata.annotations[server-alias]: "a;b" has the item',
  ],
];
for (const [name, raw, message] of cases) {
  test(`${name} is ${message === undefined ? 'allowed' : 'refused'}`, async () => {
    const verdict = await review(raw);
    expect(verdict.isAllowed).toBe(message === undefined);
    expect(verdict.message.slice(0, (message ?? '').length)).toBe(message ?? '');
  });
}

test('what does not refuse is a warning', async () => {
  expect((await review(ingress('new', { 'proxy-read-timeout': 'soon' }))).warnings).toEqual([
    'metadata.annotations[proxy-read-timeout]: "soon" is not a whole number of seconds; its default is used',
  ]);
});

test('junk is refused, never thrown', async () => {
  for (const junk of [null, 1, 'x', [], {}, { metadata: 5 }])
    expect((await review(junk)).isAllowed).toBe(false);
});

/** The Ingress with a label more, as `kubectl label` makes it. */
const labelled = (raw: any) => ({ ...raw, metadata: { ...raw.metadata, labels: { a: 'b' } } });

const unchanged: [name: string, raw: any][] = [
  ['a snippet', ingress('snippet', { 'configuration-snippet': 'return 200;' }, '/snippet')],
  ['a regex under Prefix', ingress('odd', {}, '/a(.*)')],
  ['a value of the refusing class', ingress('odd', { 'server-alias': 'a;b' }, '/odd')],
  ['injected text', ingress('odd', {}, '/etc/passwd', 'ImplementationSpecific')],
  ['a host and path that another serves', ingress('late', {}, '/taken')],
];
for (const [name, raw] of unchanged) {
  test(`${name} that was there before is a warning: a label can be changed`, async () => {
    const verdict = await review(labelled(raw), raw);
    expect([verdict.isAllowed, verdict.message]).toEqual([true, '']);
    expect(verdict.warnings.join()).toContain('it stays allowed, as it was written before');
    expect((await review(raw)).isAllowed).toBe(false);
  });
}

test('a refused path that only moved within the object is unchanged', async () => {
  const before = ingress('moved', {}, '/a(.*)');
  const after = structuredClone(before);
  after.spec.rules[0].http.paths.unshift({ ...before.spec.rules[0].http.paths[0], path: '/plain' });
  expect((await review(after, before)).isAllowed).toBe(true);
});

test('a snippet that changes is refused, and one that allow-snippet-annotations allows is a warning', async () => {
  const before = ingress('snippet', { 'configuration-snippet': 'return 200;' }, '/snippet');
  const after = ingress('snippet', { 'configuration-snippet': 'return 404;' }, '/snippet');
  expect((await review(after, before)).isAllowed).toBe(false);
  const settings = { metadata: { namespace: 'ingress-nginx', name: 'ingress-nginx-controller' } };
  put('ConfigMap', { ...settings, data: { 'allow-snippet-annotations': 'true' } });
  const verdict = await review(after);
  put('ConfigMap', { ...settings, data: {} });
  expect(verdict.isAllowed).toBe(true);
  expect(verdict.warnings.join()).toContain('snippets are never evaluated; it is ignored');
});

const overlaps: [name: string, raw: any, isAllowed: boolean][] = [
  ['canary: "false" beside one without', ingress('new', { canary: 'false' }, '/taken'), true],
  ['canary: "true" beside canary: "false"', ingress('new', { canary: 'true' }, '/half'), true],
  ['none beside canary: "false"', ingress('new', {}, '/half'), true],
  ['canary: "false" beside canary: "false"', ingress('new', { canary: 'false' }, '/half'), true],
  ['none beside none, of another type', ingress('new', {}, '/taken', 'Exact'), false],
  ['canary: "true" beside canary: "true"', ingress('new', { canary: 'true' }, '/both'), false],
];
for (const [name, raw, isAllowed] of overlaps) {
  test(`the same host and path, ${name}, is ${isAllowed ? 'allowed' : 'refused'}`, async () => {
    expect((await review(raw)).isAllowed).toBe(isAllowed);
  });
}

test('the Ingress that owns a path stays changeable beside a younger one that wants it', async () => {
  const old = ingress('owner', {}, '/owned');
  old.metadata.creationTimestamp = '2026-01-01T00:00:00Z';
  const young = ingress('young', {}, '/owned');
  young.metadata.creationTimestamp = '2026-02-01T00:00:00Z';
  put('Ingress', old);
  put('Ingress', young);
  const changed = ingress('owner', { 'proxy-read-timeout': '5' }, '/owned');
  changed.metadata.creationTimestamp = old.metadata.creationTimestamp;
  expect((await review(changed)).isAllowed).toBe(true);
});

const regex = ingress('regex', { 'use-regex': 'true' }, '/a(', 'ImplementationSpecific');
const tls = ingress('tls', {}, '/tls');
tls.spec.tls = [{ hosts: ['a.test'], secretName: 'cert' }];
const lonely = ingress('lonely', {}, '/lonely');
lonely.spec.rules[0].http.paths[0].backend.service.name = 'nowhere';
const found: [name: string, raw: any, text: string][] = [
  ['a bad regex', regex, 'the path is not served'],
  ['a missing Service', lonely, '"nowhere" '],
  ['a missing Secret', tls, '"cert" is not a Secret in namespace a'],
  [
    'an alias that is a host',
    ingress('alias', { 'server-alias': 'b.test' }, '/alias'),
    'is a host of its own',
  ],
];
const b = ingress('b');
b.spec.rules[0].host = 'b.test';
put('Ingress', b);
for (const [name, raw, text] of found) {
  test(`${name}, which only translation finds, is a warning at apply time`, async () => {
    const verdict = await review(raw);
    expect(verdict.isAllowed).toBe(true);
    expect(verdict.warnings.join()).toContain(text);
  });
}

test('a Secret that nothing names yet is looked up; while nobody knows, nothing is said of it', async () => {
  const asked: unknown[] = [];
  const secret = readObject('Secret', { metadata: { namespace: 'a', name: 'cert' }, data: {} });
  lookUp = async (wanted) => {
    asked.push(...wanted.secrets);
    return { secrets: secret.ok ? [secret.object as never] : [], configMaps: [] };
  };
  const there = await review(tls);
  lookUp = () => Promise.reject(new Error('no answer'));
  const unknown = await review(tls);
  lookUp = async () => ({ secrets: [], configMaps: [] });
  expect(asked).toEqual([{ namespace: 'a', name: 'cert' }]);
  expect(there.warnings.join()).not.toContain('is not a Secret');
  expect(there.warnings.join()).toContain('"cert" ');
  expect(unknown).toMatchObject({ isAllowed: true, warnings: [] });
});

test('only Ingresses of ours are counted, and what the test took is told', async () => {
  expect(await review(other)).toMatchObject({ isOurs: false, isAllowed: true });
  expect(await review(deleted)).toMatchObject({ isOurs: false });
  const { effort } = await review(ingress('new', {}, '/new'));
  expect(effort!.ingresses).toBeGreaterThan(3);
  expect(effort!.modelBytes).toBeGreaterThan(100);
});

test('a class that does not exist is let pass with a warning, as its Ingress is not served', async () => {
  const unknown = ingress('new', { 'server-alias': 'a;b' });
  unknown.spec.ingressClassName = 'nginx2';
  const byName = createReview({
    options: { ...options, ingressClass: 'nginx2' },
    features,
    present: () => store.present(),
    related,
    lookUp,
    nowMs: Date.now,
  });
  expect(await byName({ object: unknown })).toEqual({
    isAllowed: true,
    isOurs: false,
    message: '',
    warnings: [
      'spec.ingressClassName: "nginx2" is not an IngressClass that exists; the Ingress is not served',
    ],
  });
});

test('many warnings are few lines, and none is long', async () => {
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`no-such-${i}`, 'x'.repeat(400)]));
  const { warnings } = await review(ingress('new', many, '/many'));
  expect(warnings).toHaveLength(15);
  expect(warnings.at(-1)).toBe('and 26 more');
  expect(Math.max(...warnings.map(({ length }) => length))).toBe(256);
});

test('a review says what one says that is the first, whatever was reviewed and changed before it', async () => {
  const shop = createObjectStore();
  const relatedOf = createRelatedIngresses(DEFAULT_TRANSLATE_OPTIONS.annotationsPrefix);
  shop.watchIngresses(relatedOf.changed);
  const set = (kind: Kind, raw: unknown) => {
    const read = readObject(kind, raw);
    if (!read.ok) throw new Error(read.problem.problem);
    shop.apply({ kind, type: 'set', object: read.object });
  };
  const judgeAnew = () =>
    createReview({
      options: { ...options, isDeeplyInspected: true },
      features,
      present: () => shop.present(),
      related: relatedOf,
      lookUp: async () => ({ secrets: [], configMaps: [] }),
      nowMs: () => 0,
    });
  const lasting = judgeAnew();
  const service = (port: number) => ({
    metadata: { namespace: 'a', name: 'web' },
    spec: { ports: [{ port }] },
  });
  const classOf = (name: string, controller: string) => ({ metadata: { name }, spec: { controller } });
  const ofSecondClass = ingress('second', {}, '/second');
  ofSecondClass.spec.ingressClassName = 'second';
  const changes: (() => void)[] = [
    () => set('Service', service(80)),
    () => set('Ingress', ingress('taken', { 'server-alias': 'b.test' }, '/taken')),
    () => set('Service', service(81)),
    () => set('Ingress', ingress('canary', { canary: 'true', 'canary-weight': '10' }, '/')),
    () => set('Ingress', ofSecondClass),
    () => set('IngressClass', classOf('second', 'k8s.io/ingress-nginx')),
    () => set('IngressClass', classOf('second', 'somebody.else/entirely')),
    () => set('Ingress', ingress('taken', { 'rewrite-target': '/a?b' }, '/taken')),
    () => set('Service', service(80)),
    () => shop.apply({ kind: 'Ingress', type: 'delete', object: { namespace: 'a', name: 'canary' } }),
  ];
  set('IngressClass', classOf('nginx', 'k8s.io/ingress-nginx'));
  for (const change of changes) {
    change();
    for (const [, raw] of [...cases, ['', ingress('new', {}, '/second')] as const])
      for (const before of [undefined, raw]) {
        const asked = { object: raw, ...(before === undefined ? {} : { oldObject: before }) };
        expect(await lasting(asked)).toEqual(await judgeAnew()(asked));
      }
  }
});

import { expect, test } from 'vitest';
import { features } from '../../features/registry.ts';
import { createObjectStore } from '../store/object-store.ts';
import { readObject } from '../store/read-object.ts';
import type { Kind } from '../store/objects.ts';
import { DEFAULT_TRANSLATE_OPTIONS } from '../translate/options.ts';
import { createReview } from './review.ts';

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
const put = (kind: Kind, raw: unknown) => {
  const read = readObject(kind, raw);
  if (!read.ok) throw new Error(read.problem.problem);
  store.apply({ kind, type: 'set', object: read.object });
};
put('IngressClass', { metadata: { name: 'nginx' }, spec: { controller: 'k8s.io/ingress-nginx' } });
put('Ingress', ingress('taken', {}, '/taken'));
put('Ingress', ingress('taken-canary', { canary: 'true' }, '/both'));
put('Ingress', ingress('taken-main', {}, '/both'));
const review = createReview({
  options: { ...DEFAULT_TRANSLATE_OPTIONS, fallbackCertificate: undefined as never },
  features,
  snapshot: () => store.snapshot(),
});

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
    'metadata.annotations[nginx.ingress.kubernetes.io/configuration-snippet]: snippets are not supported',
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
  test(`${name} is ${message === undefined ? 'allowed' : 'refused'}`, () => {
    const verdict = review(raw);
    expect(verdict.isAllowed).toBe(message === undefined);
    expect(verdict.message.slice(0, (message ?? '').length)).toBe(message ?? '');
  });
}

test('what does not refuse is a warning', () => {
  expect(review(ingress('new', { 'proxy-read-timeout': 'soon' })).warnings).toEqual([
    'metadata.annotations[proxy-read-timeout]: "soon" is not a whole number of seconds; its default is used',
  ]);
});

test('junk is refused, never thrown', () => {
  for (const junk of [null, 1, 'x', [], {}, { metadata: 5 }]) expect(review(junk).isAllowed).toBe(false);
});

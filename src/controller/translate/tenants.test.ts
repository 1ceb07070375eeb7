import { expect, test } from 'vitest';
import { features } from '../../features/registry.ts';
import type { CertificateModel } from '../../model/model.ts';
import { createObjectStore } from '../store/object-store.ts';
import { readObject } from '../store/read-object.ts';
import { DEFAULT_TRANSLATE_OPTIONS, type TranslateOptions } from './options.ts';
import { translate } from './translate.ts';

const options: TranslateOptions = {
  ...DEFAULT_TRANSLATE_OPTIONS,
  isWithoutClassServed: true,
  fallbackCertificate: { id: 'fallback' } as CertificateModel,
};

function translateMany(count: number, more: Partial<TranslateOptions> = {}) {
  const store = createObjectStore();
  for (let i = 0; i < count; i++) {
    const path = (text: string, pathType: string) => ({
      path: text,
      pathType,
      backend: { service: { name: 'web', port: { number: 80 } } },
    });
    const raw = {
      metadata: {
        name: 'web',
        namespace: `team-${i}`,
        uid: `uid-${i}`,
        creationTimestamp: new Date(Date.UTC(2026, 0, 1, 0, 0, i)).toISOString(),
        annotations: {
          'nginx.ingress.kubernetes.io/app-root': `/${i}`,
          'nginx.ingress.kubernetes.io/server-alias': `~.*,x${i}.w.test`,
          'nginx.ingress.kubernetes.io/auth-tls-secret': 'a/ca',
          'nginx.ingress.kubernetes.io/use-regex': String(i % 2 === 0),
          'nginx.ingress.kubernetes.io/canary': String(i % 3 === 2),
        },
      },
      spec: {
        tls: [{}],
        rules: [
          { host: 'a.test', http: { paths: [path('/same', 'Prefix'), path('/same', 'Exact')] } },
          { host: `h${i}.test`, http: { paths: [path('/', 'Prefix')] } },
          { host: '*.w.test', http: { paths: [path('/', 'Prefix')] } },
        ],
      },
    };
    const result = readObject('Ingress', raw);
    if (!result.ok) throw new Error(result.problem.problem);
    store.apply({ kind: 'Ingress', type: 'set', object: result.object });
  }
  return translate(store.snapshot(), { ...options, ...more }, features, 0);
}

test('tenants that all decide for each other get findings as many as they are, not as many as pairs of them', () => {
  const few = translateMany(60).findings.length;
  const many = translateMany(240).findings.length;
  expect(many / few).toBeLessThan(4.5);
});

test('under host ownership only the first namespace is on a shared host', () => {
  const { model } = translateMany(30, { hostOwnership: 'namespace' });
  const shared = model.hosts.filter(({ name }) => name === 'a.test' || name === '*.w.test');
  const namespaces = shared.flatMap(({ routes }) => routes.map(({ source }) => source.namespace));
  expect(new Set(namespaces)).toEqual(new Set(['team-0']));
});

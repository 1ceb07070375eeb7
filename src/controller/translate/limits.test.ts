import { expect, test } from 'vitest';
import { features } from '../../features/registry.ts';
import type { CertificateModel } from '../../model/model.ts';
import { createObjectStore } from '../store/object-store.ts';
import { readObject } from '../store/read-object.ts';
import { DEFAULT_TRANSLATE_OPTIONS } from './options.ts';
import { translate } from './translate.ts';

interface Written {
  readonly name: string;
  readonly host?: string;
  readonly paths?: readonly string[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly createdAt?: string;
}

function translated(...ingresses: readonly Written[]) {
  const store = createObjectStore();
  for (const { name, host = 'a.test', paths = ['/'], annotations = {}, createdAt } of ingresses) {
    const keys = Object.entries(annotations);
    const read = readObject('Ingress', {
      metadata: {
        name,
        namespace: 'shop',
        annotations: Object.fromEntries(
          keys.map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]),
        ),
        ...(createdAt === undefined ? {} : { creationTimestamp: createdAt }),
      },
      spec: {
        rules: [
          {
            host,
            http: {
              paths: paths.map((path) => ({
                path,
                pathType: 'ImplementationSpecific',
                backend: { service: { name: 'web', port: { number: 80 } } },
              })),
            },
          },
        ],
      },
    });
    if (!read.ok) throw new Error(read.problem.problem);
    store.apply({ kind: 'Ingress', type: 'set', object: read.object });
  }
  const options = {
    ...DEFAULT_TRANSLATE_OPTIONS,
    isWithoutClassServed: true,
    fallbackCertificate: { id: 'fallback' } as CertificateModel,
  };
  const { model, findings } = translate(store.snapshot(), options, features, 0);
  const told = findings.filter(({ reason }) => reason !== 'MissingService');
  const hostOf = (name: string) => model.hosts.find((host) => host.name === name)!;
  return { told, hostOf };
}

const REGEX = { 'use-regex': 'true' };

test('a path longer than any request is not served, and is told without all of it', () => {
  const { told, hostOf } = translated({ name: 'web', paths: [`/${'a'.repeat(4_096)}`, '/ok'] });
  expect(hostOf('a.test').routes.map(({ path }) => path)).toEqual(['/', '/ok']);
  expect(told).toHaveLength(1);
  expect(told[0]).toMatchObject({ reason: 'InvalidPath', problem: 'is longer than 4096 characters' });
  expect(told[0]!.value).toMatch(/^\/a{255}\.\.\. \(4097 characters\)$/);
});

test('an annotation longer than any value is not read', () => {
  const { told } = translated({ name: 'web', annotations: { 'app-root': `/${'a'.repeat(5_000)}` } });
  expect(told.map(({ reason, problem }) => [reason, problem])).toEqual([
    ['InvalidAnnotation', 'is longer than 4096 characters'],
  ]);
});

test('a list of networks may be longer than a value', () => {
  const networks = Array.from({ length: 2_000 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`).join(',');
  expect(translated({ name: 'web', annotations: { 'allowlist-source-range': networks } }).told).toEqual([]);
});

test('the 2,001st regular expression of a host is answered 503', () => {
  const paths = Array.from({ length: 2_001 }, (_, i) => `/p${i}/(.*)`);
  const { told, hostOf } = translated({ name: 'web', paths, annotations: REGEX });
  expect(told.map(({ reason, value }) => [reason, value])).toEqual([['SlowPattern', '/p2000/(.*)']]);
  const closed = hostOf('a.test').routes.filter(({ deniedStatus }) => deniedStatus === 503);
  expect(closed.map(({ path }) => path)).toEqual(['/p2000/(.*)']);
});

test('plain paths of a host in regex mode are not counted', () => {
  const paths = Array.from({ length: 2_100 }, (_, i) => `/p${i}`);
  expect(translated({ name: 'web', paths, annotations: REGEX }).told).toEqual([]);
});

test('the 17th path of a host that cannot be linear is refused, the others are warned of', () => {
  const paths = Array.from({ length: 17 }, (_, i) => `/p${i}/(a)\\1`);
  const { told } = translated({ name: 'web', paths, annotations: REGEX });
  expect(told.map(({ reason }) => reason)).toEqual(Array.from({ length: 17 }, () => 'SlowPattern'));
  expect(told.map(({ severity }) => severity)).toEqual([
    ...Array.from({ length: 16 }, () => 'warning'),
    'error',
  ]);
});

test('of more than 256 regex aliases the oldest count, whatever the names of their hosts', () => {
  const list = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => `~^n${from + i}\\.`).join(',');
  const { told, hostOf } = translated(
    {
      name: 'old',
      host: 'z.test',
      createdAt: '2026-01-01T00:00:00Z',
      annotations: { 'server-alias': list(0, 200) },
    },
    {
      name: 'new',
      host: 'a.test',
      createdAt: '2026-01-02T00:00:00Z',
      annotations: { 'server-alias': list(200, 57) },
    },
  );
  expect(hostOf('z.test').aliases).toHaveLength(200);
  expect(hostOf('a.test').aliases).toHaveLength(56);
  expect(told.map(({ reason, source }) => [reason, source.name])).toEqual([['SlowPattern', 'new']]);
});

const aliases: [name: string, alias: string][] = [
  ['is too long', `~${'[a-z]'.repeat(40_000)}`],
  ['cannot be linear', '~^(a+)\\1$'],
  ['asks for too much', `~^${'a{16}'.repeat(100)}`],
];
for (const [name, alias] of aliases) {
  test(`a regex alias that ${name} is no alias, and the host goes on`, () => {
    const { told, hostOf } = translated({ name: 'web', annotations: { 'server-alias': alias } });
    expect(told.map(({ reason }) => reason)).toEqual(['SlowPattern']);
    expect(hostOf('a.test').aliases).toEqual([]);
  });
}

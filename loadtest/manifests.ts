import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import {
  HOST_COUNT,
  hostName,
  PATHS_PER_HOST,
  pathPrefix,
  REGEX_COUNT,
  REGEX_HOST,
  regexOf,
} from './targets.ts';

export interface ManifestInput {
  readonly upstreamPort: number;
  readonly canaryPort: number;
  readonly webSocketPort: number;
  readonly grpcPort: number;
  /** ECDSA, for load.test. */
  readonly certificate: string;
  readonly key: string;
  /** RSA, for rsa.test. */
  readonly rsaCertificate: string;
  readonly rsaKey: string;
}

export const service = (name: string, port: number): object[] => [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'load', name },
    spec: { clusterIP: 'None', ports: [{ name: 'http', port: 80, targetPort: port }] },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { namespace: 'load', name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port, protocol: 'TCP' }],
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
  },
];

/** The Secrets of the hosts that have TLS. */
const SECRET_OF_HOST: Readonly<Record<string, string>> = { 'load.test': 'load', 'rsa.test': 'rsa' };

/** An Ingress whose name is `name`, for host `host` (empty: any). */
export function ingress(
  name: string,
  host: string,
  path: string | readonly string[],
  backend: string,
  annotations: Record<string, string> = {},
): object {
  const secretName = SECRET_OF_HOST[host];
  const paths = typeof path === 'string' ? [path] : path;
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      namespace: 'load',
      name,
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]),
      ),
    },
    spec: {
      ...(secretName === undefined ? {} : { tls: [{ hosts: [host], secretName }] }),
      rules: [
        {
          host,
          http: {
            paths: paths.map((each) => ({
              path: each,
              pathType: 'ImplementationSpecific',
              backend: { service: { name: backend, port: { number: 80 } } },
            })),
          },
        },
      ],
    },
  };
}

const secret = (name: string, certificate: string, key: string): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: 'load', name },
  stringData: { 'tls.crt': certificate, 'tls.key': key },
});

const MAIN = { 'proxy-body-size': '8m', 'ssl-redirect': 'false' };

/** Limits that are counted and never reached. */
const LIMITED = { ...MAIN, 'limit-rps': '1000000', 'limit-connections': '1000' };

const everyPath = Array.from({ length: PATHS_PER_HOST }, (_, index) => pathPrefix(index));
const hostIngress = (index: number): object =>
  ingress(`host-${index}`, hostName(index), everyPath, 'main', MAIN);

/** What every site has: the backends, the certificates, the settings, and the host of most scenarios. */
function common(folder: string, input: ManifestInput): object[] {
  return [
    ...service('main', input.upstreamPort),
    ...service('canary', input.canaryPort),
    ...service('echo', input.webSocketPort),
    ...service('grpc', input.grpcPort),
    secret('load', input.certificate, input.key),
    secret('rsa', input.rsaCertificate, input.rsaKey),
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'load', name: 'settings' },
      data: {
        'access-log-path': join(folder, 'access.log'),
        'use-gzip': 'true',
        'keep-alive-requests': '100000000',
        'upstream-keepalive-requests': '100000000',
      },
    },
    ingress('main', 'load.test', '/', 'main', MAIN),
  ];
}

function mainSite(): object[] {
  const regexes = Array.from({ length: REGEX_COUNT }, (_, index) => regexOf(index));
  return [
    ingress('rsa', 'rsa.test', '/', 'main', MAIN),
    ingress('canary-main', 'load.test', '/canary', 'main', MAIN),
    ingress('canary', 'load.test', '/canary', 'canary', { canary: 'true', 'canary-by-header': 'canary' }),
    ingress('weighted-main', 'load.test', '/weighted', 'main', MAIN),
    ingress('weighted', 'load.test', '/weighted', 'canary', { canary: 'true', 'canary-weight': '30' }),
    ingress('rewrite', 'rewrite.test', '/rewrite(/|$)(.*)', 'main', { ...MAIN, 'rewrite-target': '/$2' }),
    ingress('limited', 'load.test', '/limited', 'main', LIMITED),
    ingress('regex', REGEX_HOST, regexes, 'main', { ...MAIN, 'use-regex': 'true' }),
    ingress('echo', 'load.test', '/ws', 'echo', MAIN),
    ingress('grpc', 'load.test', '/load.Echo', 'grpc', { ...MAIN, 'backend-protocol': 'GRPC' }),
    hostIngress(0),
  ];
}

/** `plain` has the one host of most scenarios and nothing else; `hosts` has 10,000. */
export type ManifestSite = 'plain' | 'main' | 'hosts';

const OBJECTS_OF_SITE: Readonly<Record<ManifestSite, () => object[]>> = {
  plain: () => [],
  main: mainSite,
  hosts: () => Array.from({ length: HOST_COUNT }, (_, index) => hostIngress(index)),
};

/** Writes the objects of a site into a folder and gives its path. */
export function manifestsOf(folder: string, site: ManifestSite, input: ManifestInput): string {
  const manifests = join(folder, 'manifests');
  mkdirSync(manifests, { recursive: true });
  const objects = [...common(folder, input), ...OBJECTS_OF_SITE[site]()];
  writeFileSync(join(manifests, 'load.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  return manifests;
}

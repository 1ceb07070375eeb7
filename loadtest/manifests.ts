import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';

export interface ManifestInput {
  readonly upstreamPort: number;
  readonly canaryPort: number;
  readonly certificate: string;
  readonly key: string;
}

const service = (name: string, port: number): object[] => [
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

/** An Ingress whose name is `name`, for host `host` (empty: any). */
export function ingress(
  name: string,
  host: string,
  path: string,
  backend: string,
  annotations: Record<string, string> = {},
): object {
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
      ...(host === 'load.test' ? { tls: [{ hosts: [host], secretName: 'load' }] } : {}),
      rules: [
        {
          host,
          http: {
            paths: [
              {
                path,
                pathType: 'ImplementationSpecific',
                backend: { service: { name: backend, port: { number: 80 } } },
              },
            ],
          },
        },
      ],
    },
  };
}

/** Writes the objects of all scenarios into a folder and gives its path. */
export function manifestsOf(folder: string, input: ManifestInput): string {
  const manifests = join(folder, 'manifests');
  mkdirSync(manifests, { recursive: true });
  const main = { 'proxy-body-size': '8m', 'ssl-redirect': 'false' };
  const objects = [
    ...service('main', input.upstreamPort),
    ...service('canary', input.canaryPort),
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'load', name: 'load' },
      stringData: { 'tls.crt': input.certificate, 'tls.key': input.key },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'load', name: 'settings' },
      data: { 'access-log-path': join(folder, 'access.log'), 'keep-alive-requests': '100000000' },
    },
    ingress('main', 'load.test', '/', 'main', main),
    ingress('canary-main', 'load.test', '/canary', 'main', main),
    ingress('canary', 'load.test', '/canary', 'canary', { canary: 'true', 'canary-by-header': 'canary' }),
    ingress('rewrite', 'rewrite.test', '/rewrite(/|$)(.*)', 'main', { ...main, 'rewrite-target': '/$2' }),
  ];
  writeFileSync(join(manifests, 'load.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  return manifests;
}

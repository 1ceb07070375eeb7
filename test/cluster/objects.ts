/** Pod port of all simulated Deployments: one server answers for every Pod. */
export const POD_PORT = 8000;

const PREFIX = 'nginx.ingress.kubernetes.io/';

export function deployment(namespace: string, name: string, replicas: number): object {
  const labels = { app: name };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [{ name: 'web', image: 'web', ports: [{ name: 'http', containerPort: POD_PORT }] }],
        },
      },
    },
  };
}

export function headlessService(namespace: string, name: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace, name },
    spec: {
      clusterIP: 'None',
      selector: { app: name },
      ports: [{ name: 'http', port: 80, targetPort: 'http' }],
    },
  };
}

export function ingress(
  namespace: string,
  name: string,
  host: string,
  path: string,
  service: string,
  annotations: Readonly<Record<string, string>> = {},
): object {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      namespace,
      name,
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [PREFIX + key, value]),
      ),
    },
    spec: {
      ingressClassName: 'nginx',
      rules: [
        {
          host,
          http: {
            paths: [
              { path, pathType: 'Prefix', backend: { service: { name: service, port: { number: 80 } } } },
            ],
          },
        },
      ],
    },
  };
}

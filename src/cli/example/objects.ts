import type { ExampleBackends, ExamplePod, KeyPair } from './backends.ts';

/** Kubernetes objects, as they would come from a manifest. */
export type PlainObject = Readonly<Record<string, unknown>>;

/**
 * What a cluster would add to the walk-through's manifests: an EndpointSlice per example pod (each pod has a loopback port of
 * its own, and a slice one port for all its addresses) and the Secret of the TLS host.
 */
export function exampleObjects(backends: ExampleBackends, tlsHostKeys: KeyPair): PlainObject[] {
  return [
    ...slices('default', 'web', 'http', backends.web),
    ...slices('default', 'web-canary', 'http', backends.webCanary),
    ...slices('kubernetes-dashboard', 'kubernetes-dashboard', '', backends.dashboard),
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'default', name: 'secure-web-app' },
      type: 'kubernetes.io/tls',
      stringData: { 'tls.crt': tlsHostKeys.certificate, 'tls.key': tlsHostKeys.key },
    },
  ];
}

function slices(
  namespace: string,
  service: string,
  portName: string,
  pods: readonly ExamplePod[],
): PlainObject[] {
  return pods.map((pod) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace,
      name: `${service}-${pod.name}`,
      labels: { 'kubernetes.io/service-name': service },
    },
    addressType: 'IPv4',
    ports: [{ name: portName, port: pod.port, protocol: 'TCP' }],
    endpoints: [
      {
        addresses: ['127.0.0.1'],
        conditions: { ready: true, serving: true, terminating: false },
        targetRef: { kind: 'Pod', namespace, name: pod.name },
      },
    ],
  }));
}

/** The commands to try, for the ports that are really listened on. */
export function exampleCommands(httpPort: number, httpsPort: number): string {
  const http = `http://127.0.0.1:${httpPort}`;
  const https = `127.0.0.1:${httpsPort}`;
  return `Try, in another terminal:

  # the main application and, 30 times in 100, its canary
  for i in $(seq 1 10); do curl -s -H "Host: web.app" ${http}/web | grep "HOSTNAME=" ; done

  # the canary always, and never
  curl -s -H "canary: always" -H "Host: web.app" ${http}/web | grep "HOSTNAME"
  curl -s -H "canary: never" -H "Host: web.app" ${http}/web | grep "HOSTNAME"

  # over TLS, and the redirect to it
  curl -sk --connect-to secure.web.app:443:${https} https://secure.web.app/ | grep "HOSTNAME"
  curl -si -H "Host: secure.web.app" ${http}/ | head -n 1

  # the dashboard: HTTPS to a self-signed backend, with assets and a WebSocket
  curl -s ${http}/dashboard/ | grep "HOSTNAME"
  curl -s ${http}/dashboard/assets/app.js | head -n 1
`;
}

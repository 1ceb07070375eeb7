import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A checkout of ingress-nginx: its published manifests and its chart are then used as they are. */
export const CHECKOUT = process.env['INGRESS_NGINX'] ?? '';

/** ingress-nginx's own chart; undefined without a checkout. */
export const INGRESS_NGINX_CHART = CHECKOUT === '' ? undefined : join(CHECKOUT, 'charts/ingress-nginx');

const NAMESPACE = 'ingress-nginx';
const LABELS = { 'app.kubernetes.io/instance': 'ingress-nginx', 'app.kubernetes.io/name': 'ingress-nginx' };
const NAMES = [
  'ingress-nginx-controller-admission',
  'ingress-nginx-controller-admission.$(POD_NAMESPACE).svc',
];
const POD_ENV = ['name', 'namespace'].map((field) => ({
  name: `POD_${field.toUpperCase()}`,
  valueFrom: { fieldRef: { fieldPath: `metadata.${field}` } },
}));

const rule = (apiGroup: string, resources: string, verbs: string, resourceNames?: string[]) => ({
  apiGroups: [apiGroup],
  resources: resources.split(' '),
  verbs: verbs.split(' '),
  ...(resourceNames && { resourceNames }),
});

const READ = 'get list watch';
const ROUTED = [
  rule('', 'services', READ),
  rule('networking.k8s.io', 'ingresses ingressclasses', READ),
  rule('networking.k8s.io', 'ingresses/status', 'update'),
  rule('discovery.k8s.io', 'endpointslices', READ),
  rule('', 'events', 'create patch'),
];

/** Account, roles and bindings of one of its two programs. */
function access(component: string, name: string, own: object[], ofCluster: object[]): object[] {
  const labels = { ...LABELS, 'app.kubernetes.io/component': component };
  const role = (kind: string, rules: object[], namespaced: object) => [
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind, metadata: { name, labels, ...namespaced }, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: `${kind}Binding`,
      metadata: { name, labels, ...namespaced },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: NAMESPACE }],
    },
  ];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: NAMESPACE, name, labels } },
    ...role('Role', own, { namespace: NAMESPACE }),
    ...role('ClusterRole', ofCluster, {}),
  ];
}

function job(task: string, args: string[]): object {
  const labels = { ...LABELS, 'app.kubernetes.io/component': 'admission-webhook' };
  const container = {
    name: task,
    image: 'registry.k8s.io/ingress-nginx/kube-webhook-certgen:v1.6.9',
    args: [task, '--namespace=$(POD_NAMESPACE)', '--secret-name=ingress-nginx-admission', ...args],
    env: POD_ENV.slice(1),
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { namespace: NAMESPACE, name: `ingress-nginx-admission-${task}`, labels },
    spec: {
      ttlSecondsAfterFinished: 0,
      template: {
        metadata: { labels },
        spec: {
          serviceAccountName: 'ingress-nginx-admission',
          restartPolicy: 'OnFailure',
          containers: [container],
        },
      },
    },
  };
}

/** What of the manifest for clouds matters to who takes its place. */
function ownManifest(): object[] {
  const labels = { ...LABELS, 'app.kubernetes.io/component': 'controller' };
  const metadata = { namespace: NAMESPACE, name: 'ingress-nginx-controller', labels };
  const service = (name: string, spec: object) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: NAMESPACE, name, labels },
    spec: { ...spec, selector: labels },
  });
  const probe = { httpGet: { path: '/healthz', port: 10254 } };
  const controller = {
    name: 'controller',
    image: 'registry.k8s.io/ingress-nginx/controller:v1.15.1',
    args: [
      '/nginx-ingress-controller',
      '--publish-service=$(POD_NAMESPACE)/ingress-nginx-controller',
      '--election-id=ingress-nginx-leader',
      '--controller-class=k8s.io/ingress-nginx',
      '--ingress-class=nginx',
      '--configmap=$(POD_NAMESPACE)/ingress-nginx-controller',
      '--validating-webhook=:8443',
      '--validating-webhook-certificate=/usr/local/certificates/cert',
      '--validating-webhook-key=/usr/local/certificates/key',
    ],
    env: [...POD_ENV, { name: 'LD_PRELOAD', value: '/usr/local/lib/libmimalloc.so' }],
    ports: [
      { name: 'http', containerPort: 80 },
      { name: 'https', containerPort: 443 },
      { name: 'webhook', containerPort: 8443 },
    ],
    livenessProbe: probe,
    readinessProbe: probe,
    lifecycle: { preStop: { exec: { command: ['/wait-shutdown'] } } },
    volumeMounts: [{ name: 'webhook-cert', mountPath: '/usr/local/certificates/', readOnly: true }],
  };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE, labels: LABELS } },
    ...access(
      'controller',
      'ingress-nginx',
      [
        rule('', 'configmaps pods secrets endpoints', READ),
        rule('coordination.k8s.io', 'leases', 'get update', ['ingress-nginx-leader']),
        rule('coordination.k8s.io', 'leases', 'create'),
        ...ROUTED,
      ],
      [
        rule('', 'configmaps endpoints nodes pods secrets namespaces', 'list watch'),
        rule('coordination.k8s.io', 'leases', 'list watch'),
        rule('', 'nodes', 'get'),
        ...ROUTED,
      ],
    ),
    ...access(
      'admission-webhook',
      'ingress-nginx-admission',
      [rule('', 'secrets', 'get create')],
      [rule('admissionregistration.k8s.io', 'validatingwebhookconfigurations', 'get update')],
    ),
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: null },
    service('ingress-nginx-controller', {
      type: 'LoadBalancer',
      externalTrafficPolicy: 'Local',
      ports: [
        { name: 'http', port: 80, targetPort: 'http' },
        { name: 'https', port: 443, targetPort: 'https' },
      ],
    }),
    service('ingress-nginx-controller-admission', {
      ports: [{ name: 'https-webhook', port: 443, targetPort: 'webhook' }],
    }),
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } },
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            serviceAccountName: 'ingress-nginx',
            terminationGracePeriodSeconds: 300,
            containers: [controller],
            volumes: [{ name: 'webhook-cert', secret: { secretName: 'ingress-nginx-admission' } }],
          },
        },
      },
    },
    job('create', [`--host=${NAMES.join(',')}`]),
    job('patch', [
      '--webhook-name=ingress-nginx-admission',
      '--patch-mutating=false',
      '--patch-failure-policy=Fail',
    ]),
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: { name: 'nginx', labels },
      spec: { controller: 'k8s.io/ingress-nginx' },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'ingress-nginx-admission', labels: LABELS },
      webhooks: [
        {
          name: 'validate.nginx.ingress.kubernetes.io',
          admissionReviewVersions: ['v1'],
          clientConfig: {
            service: { namespace: NAMESPACE, name: NAMES[0], path: '/networking/v1/ingresses', port: 443 },
          },
          failurePolicy: 'Fail',
          matchPolicy: 'Equivalent',
          sideEffects: 'None',
          rules: [
            {
              apiGroups: ['networking.k8s.io'],
              apiVersions: ['v1'],
              operations: ['CREATE', 'UPDATE'],
              resources: ['ingresses'],
            },
          ],
        },
      ],
    },
  ];
}

/** ingress-nginx's manifest for clouds, as `kubectl apply -f` takes it. */
export function ingressNginxManifest(): string {
  const published = join(CHECKOUT, 'deploy/static/provider/cloud/deploy.yaml');
  if (CHECKOUT !== '' && existsSync(published)) return readFileSync(published, 'utf8');
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: ownManifest() });
}

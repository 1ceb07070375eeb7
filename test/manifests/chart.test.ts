import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { parseArgs } from '../../src/cli/args.ts';
import { CHART, HELM, helm } from '../fixtures/helm.ts';

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: any };
  readonly [field: string]: any;
}

function render(values: object = {}, chart = CHART): Rendered[] {
  const release = ['ingress-nginx', chart, '--namespace=ingress-nginx', '--kube-version=1.34'];
  const text = helm(['template', ...release, '--values=-'], JSON.stringify(values));
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null);
}

/** What is said after an installation. `helm template` does not show it: here it is an object more. */
function notesOf(values: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'serin-chart-'));
  try {
    cpSync(CHART, folder, { recursive: true });
    const shown =
      'kind: ConfigMap\nmetadata: { name: notes }\nnotes: {{ include "serin.notes" . | quote }}\n';
    writeFileSync(join(folder, 'templates/notes.yaml'), shown);
    return find(render(values, folder), 'ConfigMap', 'notes')['notes'];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const names = (objects: readonly Rendered[]) =>
  objects.map(({ kind, metadata: { name } }) => `${kind} ${name}`).toSorted();

function find(objects: readonly Rendered[], kind: string, name = 'ingress-nginx-controller'): Rendered {
  const found = objects.find((one) => one.kind === kind && one.metadata.name === name);
  if (found === undefined) throw new Error(`no ${kind} ${name} among ${names(objects).join(', ')}`);
  return found;
}

const controllerOf = (objects: readonly Rendered[], kind = 'Deployment') =>
  find(objects, kind).spec.template.spec.containers[0];

const rulesOf = (objects: readonly Rendered[], kind: string, name: string): string[] =>
  find(objects, kind, name)
    .rules.flatMap(({ resources, verbs, resourceNames = [''] }: any) =>
      resources.flatMap((resource: string) =>
        verbs.map((verb: string) => `${resource} ${verb} ${resourceNames.join()}`),
      ),
    )
    .toSorted();

/** What the chart does for a value: a path of ingress-nginx's chart, and what is where. */
const VALUES: readonly [name: string, values: any, kind: string, want: object][] = [
  [
    'controller.image',
    { controller: { image: { registry: 'r.test', image: 'a/b', tag: '1', digest: 'sha256:ab' } } },
    'Deployment',
    { spec: { template: { spec: { containers: [{ image: 'r.test/a/b:1@sha256:ab' }] } } } },
  ],
  ['controller.replicaCount', { controller: { replicaCount: 3 } }, 'Deployment', { spec: { replicas: 3 } }],
  [
    'controller.kind and hostNetwork',
    { controller: { kind: 'DaemonSet', hostNetwork: true } },
    'DaemonSet',
    { spec: { template: { spec: { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' } } } },
  ],
  [
    'controller.config',
    { controller: { config: { 'use-gzip': true, 'proxy-read-timeout': 5 } } },
    'ConfigMap',
    { data: { 'use-gzip': 'true', 'proxy-read-timeout': '5' } },
  ],
  [
    'controller.service',
    {
      controller: {
        service: { type: 'NodePort', externalTrafficPolicy: 'Local', nodePorts: { http: 30080 } },
      },
    },
    'Service',
    {
      spec: {
        type: 'NodePort',
        externalTrafficPolicy: 'Local',
        ports: [{ name: 'http', nodePort: 30080 }, { name: 'https' }],
      },
    },
  ],
  [
    'controller.podSecurityContext and sysctls',
    { controller: { podSecurityContext: { fsGroup: 5 }, sysctls: { 'net.core.somaxconn': '8192' } } },
    'Deployment',
    {
      spec: {
        template: {
          spec: { securityContext: { fsGroup: 5, sysctls: [{ name: 'net.core.somaxconn', value: '8192' }] } },
        },
      },
    },
  ],
  [
    'controller.autoscaling',
    { controller: { autoscaling: { enabled: true, minReplicas: 2 } } },
    'HorizontalPodAutoscaler',
    { spec: { minReplicas: 2, maxReplicas: 11, scaleTargetRef: { kind: 'Deployment' } } },
  ],
  [
    'controller.minAvailable',
    { controller: { replicaCount: 2 } },
    'PodDisruptionBudget',
    { spec: { minAvailable: 1 } },
  ],
  [
    'controller.metrics.serviceMonitor',
    { controller: { metrics: { enabled: true, serviceMonitor: { enabled: true } } } },
    'ServiceMonitor',
    { spec: { endpoints: [{ port: 'metrics', interval: '30s' }] } },
  ],
];

/** Values that set nothing, and how NOTES names them. */
const IDLE: readonly [path: string, value: unknown][] = [
  ['image.chroot', true],
  ['allowSnippetAnnotations', true],
  ['customTemplate', { configMapName: 'x' }],
  ['enableMimalloc', false],
  ['extraModules', [{ name: 'x' }]],
  ['keda', { enabled: true }],
  ['maxmindLicenseKey', 'x'],
  ['opentelemetry', { enabled: true }],
  ['admissionWebhooks.patch.image', { tag: 'x' }],
  ['service.internal.enabled', true],
];

const at = (path: string, value: unknown): object =>
  path.split('.').reduceRight<any>((inner, key) => ({ [key]: inner }), value);

describe.skipIf(HELM === undefined)('the chart (skipped where there is no helm)', () => {
  test('it has the objects of the manifests, by the same names, and takes the flags of the controller', () => {
    const objects = render();
    expect(names(objects)).toEqual([
      'ClusterRole ingress-nginx',
      'ClusterRole ingress-nginx-admission',
      'ClusterRoleBinding ingress-nginx',
      'ClusterRoleBinding ingress-nginx-admission',
      'ConfigMap ingress-nginx-controller',
      'Deployment ingress-nginx-controller',
      'IngressClass nginx',
      'Job ingress-nginx-admission-create',
      'Job ingress-nginx-admission-patch',
      'Role ingress-nginx',
      'Role ingress-nginx-admission',
      'RoleBinding ingress-nginx',
      'RoleBinding ingress-nginx-admission',
      'Service ingress-nginx-controller',
      'Service ingress-nginx-controller-admission',
      'ServiceAccount ingress-nginx',
      'ServiceAccount ingress-nginx-admission',
      'ValidatingWebhookConfiguration ingress-nginx-admission',
    ]);
    const { unused } = parseArgs(['controller', ...controllerOf(objects).args.slice(1)], '');
    expect(unused).toEqual([]);
    for (const { metadata } of objects)
      expect(metadata.labels['app.kubernetes.io/name']).toBe('ingress-nginx');
  });

  test('its Pods are like those of the manifests', () => {
    const base = parse(readFileSync(join(CHART, '../base/deployment.yaml'), 'utf8')).spec;
    const { spec } = find(render(), 'Deployment');
    expect(spec.selector).toEqual(base.selector);
    const [{ args: _a, ports: _p, volumeMounts: _v, ...container }] = base.template.spec.containers;
    expect(spec.template.spec.containers[0]).toMatchObject(container);
  });

  test('its roles grant what those of the manifests grant, but namespaces, which are read with a selector alone', () => {
    const [inCluster, , inNamespace] = parseAllDocuments(
      readFileSync(join(CHART, '../base/rbac.yaml'), 'utf8'),
    ).map((document) => document.toJS() as Rendered);
    const selected = render({ controller: { scope: { namespaceSelector: 'a=b' } } });
    expect(rulesOf(selected, 'ClusterRole', 'ingress-nginx')).toEqual(
      rulesOf([inCluster!], 'ClusterRole', 'ingress-nginx'),
    );
    const rules = rulesOf(render(), 'Role', 'ingress-nginx');
    expect(rules).toEqual(rulesOf([inNamespace!], 'Role', 'ingress-nginx'));
    expect(rulesOf(render(), 'ClusterRole', 'ingress-nginx').join()).not.toContain('namespaces');
  });

  test('with rbac.scope there is no cluster role for the controller, and roles in both namespaces', () => {
    const objects = render({
      rbac: { scope: true },
      controller: { scope: { enabled: true, namespace: 'shop' } },
    });
    expect(names(objects)).not.toContain('ClusterRole ingress-nginx');
    const roles = objects.filter(
      ({ kind, metadata }) => kind === 'Role' && metadata.name === 'ingress-nginx',
    );
    expect(roles.map(({ metadata }) => metadata.namespace).toSorted()).toEqual(['ingress-nginx', 'shop']);
    expect(controllerOf(objects).args).toContain('--watch-namespace=shop');
    expect(() => render({ rbac: { scope: true } })).toThrow('needs a cluster role');
  });

  for (const [name, values, kind, want] of VALUES) {
    test(`${name} is honoured`, () => expect(find(render(values), kind)).toMatchObject(want));
  }

  test('tcp and udp are ConfigMaps, ports of the Pods and of the Service', () => {
    const objects = render({ tcp: { 5432: 'db/pg:5432' }, udp: { 53: 'dns/dns:53' }, portNamePrefix: 'l4' });
    expect(find(objects, 'ConfigMap', 'ingress-nginx-tcp').data).toEqual({ 5432: 'db/pg:5432' });
    expect(find(objects, 'ConfigMap', 'ingress-nginx-udp').data).toEqual({ 53: 'dns/dns:53' });
    const container = controllerOf(objects);
    expect(container.args).toContain('--tcp-services-configmap=$(POD_NAMESPACE)/ingress-nginx-tcp');
    const [ofService, ofPod] = [find(objects, 'Service').spec.ports, container.ports];
    expect(ofService).toContainEqual({
      name: 'l4-53-udp',
      port: 53,
      protocol: 'UDP',
      targetPort: 'l4-53-udp',
    });
    expect(ofPod).toContainEqual({ name: 'l4-5432-tcp', containerPort: 5432, protocol: 'TCP' });
  });

  test('controller.extraArgs are flags, with a value and without', () => {
    const { args } = controllerOf(
      render({ controller: { extraArgs: { 'enable-ssl-passthrough': '', v: 3, 'update-status': false } } }),
    );
    expect(args.slice(-3)).toEqual(['--enable-ssl-passthrough', '--update-status=false', '--v=3']);
  });

  test('controller.ingressClassResource makes classes, its aliases too', () => {
    const ingressClassResource = {
      name: 'in',
      default: true,
      controllerValue: 'k8s.io/in',
      aliases: ['out'],
    };
    const objects = render({ controller: { ingressClassResource } });
    expect(find(objects, 'IngressClass', 'in')).toMatchObject({
      metadata: { annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
      spec: { controller: 'k8s.io/in' },
    });
    expect(find(objects, 'IngressClass', 'out').metadata).not.toHaveProperty('annotations');
    expect(controllerOf(objects).args).toContain('--controller-class=k8s.io/in');
  });

  test('defaultBackend.enabled has a Deployment and a Service, which the controller is told', () => {
    const objects = render({ defaultBackend: { enabled: true, replicaCount: 2 } });
    const name = 'ingress-nginx-defaultbackend';
    expect(find(objects, 'Deployment', name).spec.replicas).toBe(2);
    expect(find(objects, 'Service', name).spec.ports[0]).toMatchObject({ port: 80, targetPort: 'http' });
    expect(find(objects, 'PodDisruptionBudget', name).spec.minAvailable).toBe(1);
    expect(controllerOf(objects).args).toContain(`--default-backend-service=$(POD_NAMESPACE)/${name}`);
  });

  test('the Jobs of the webhook make the certificate before the Pods are there, and tell its CA afterwards', () => {
    const objects = render();
    const job = (name: string) => find(objects, 'Job', `ingress-nginx-admission-${name}`) as any;
    const flagsOf = (name: string) =>
      parseArgs(['certgen', ...job(name).spec.template.spec.containers[0].args], '').flags;
    expect(job('create').metadata.annotations['helm.sh/hook']).toBe('pre-install,pre-upgrade');
    expect(job('patch').metadata.annotations['helm.sh/hook']).toBe('post-install,post-upgrade');
    expect([flagsOf('create').string('webhook-name'), flagsOf('patch').string('webhook-name')]).toEqual([
      '',
      'ingress-nginx-admission',
    ]);
    const off = names(render({ controller: { admissionWebhooks: { enabled: false } } })).join();
    expect(off).not.toContain('admission');
  });

  test('with cert-manager there are Certificates in place of the Jobs', () => {
    const objects = render({ controller: { admissionWebhooks: { certManager: { enabled: true } } } });
    expect(names(objects).join()).not.toContain('Job');
    expect(find(objects, 'Certificate', 'ingress-nginx-admission').spec.dnsNames).toContain(
      'ingress-nginx-controller-admission.ingress-nginx.svc',
    );
  });

  test('the certificate of the webhook is renewed under the names of its objects, and nothing is granted where it is not', () => {
    const front = find(render({ fullnameOverride: 'front' }), 'Deployment', 'front-controller');
    const [{ args }] = front.spec.template.spec.containers;
    const { flags } = parseArgs(['controller', ...args.slice(1)], '');
    expect(flags.string('validating-webhook-rotation')).toBe('own');
    expect(flags.string('validating-webhook-secret')).toBe('front-admission');
    expect(flags.string('validating-webhook-configuration')).toBe('front-admission');
    expect(flags.list('validating-webhook-host')).toEqual([
      'front-controller-admission',
      'front-controller-admission.$(POD_NAMESPACE).svc',
    ]);
    const scope = { enabled: true, namespace: 'shop' };
    const without = [
      { controller: { admissionWebhooks: { rotation: 'off' } } },
      { controller: { admissionWebhooks: { enabled: false } } },
      { controller: { admissionWebhooks: { certManager: { enabled: true } } } },
      { rbac: { scope: true }, controller: { scope } },
    ];
    for (const values of without) {
      const objects = render(values);
      expect(controllerOf(objects).args.join()).not.toContain('rotation');
      const granted = objects
        .filter(({ kind, metadata }) => kind.endsWith('Role') && metadata.name === 'ingress-nginx')
        .flatMap(({ rules }: any) => rules.flatMap((rule: any) => rule.resourceNames ?? []));
      expect(granted).toEqual(['ingress-nginx-leader']);
    }
  });

  test('NOTES name no value where none is idle', () => {
    expect(notesOf({})).not.toContain('These values set nothing');
  });

  for (const [path, value] of IDLE) {
    test(`controller.${path}, which sets nothing, is named by NOTES`, () => {
      expect(notesOf({ controller: at(path, value) })).toContain(`  controller.${path}: `);
    });
  }

  test("ingress-nginx's own image, pinned by the values of its chart, is refused", () => {
    const image = {
      registry: 'registry.k8s.io',
      image: 'ingress-nginx/controller',
      tag: 'v1.15.1',
      digest: '',
    };
    const pinned = "registry.k8s.io/ingress-nginx/controller:v1.15.1 is ingress-nginx's image";
    expect(() => render({ controller: { image } })).toThrow(pinned);
    const patched = { repository: 'mirror.test/ingress-nginx/controller', tag: 'v1' };
    expect(() => render({ controller: { image: patched } })).toThrow("is ingress-nginx's image");
  });

  const refused: [name: string, values: object][] = [
    ['a value that no chart has', { controller: { replicaCout: 2 } }],
    ['a kind that is none', { controller: { kind: 'StatefulSet' } }],
    ['a number of replicas that is a word', { controller: { replicaCount: 'two' } }],
    ['a port that is a name', { tcp: { http: 'a/b:80' } }],
    ['a rotation that is none', { controller: { admissionWebhooks: { rotation: 'yes' } } }],
    ['a failurePolicy that is none', { controller: { admissionWebhooks: { failurePolicy: 'Maybe' } } }],
  ];
  for (const [name, values] of refused) {
    test(`${name} is refused by the schema`, () => expect(() => render(values)).toThrow('schema'));
  }
});

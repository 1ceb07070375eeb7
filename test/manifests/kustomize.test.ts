import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseArgs } from '../../src/cli/args.ts';

const MANIFESTS = fileURLToPath(new URL('../../manifests/', import.meta.url));
const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;

interface Built {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Record<string, string> };
  readonly spec?: any;
  readonly webhooks?: readonly any[];
  readonly rules?: readonly any[];
}

const workloadOf = (objects: readonly Built[]) =>
  objects.find(({ kind }) => kind === 'Deployment' || kind === 'DaemonSet')!;

const named = (objects: readonly Built[], kind: string, name: string) =>
  objects.find((one) => one.kind === kind && one.metadata.name === name)!;

function build(folder: string): Built[] {
  const text = execFileSync('kubectl', ['kustomize', MANIFESTS + folder], { encoding: 'utf8' });
  return parseAllDocuments(text).map((document) => document.toJS() as Built);
}

const LAB_SELECTOR = {
  'app.kubernetes.io/name': 'ingress-nginx',
  'app.kubernetes.io/instance': 'ingress-nginx',
  'app.kubernetes.io/component': 'controller',
};

describe.skipIf(!hasKubectl)('manifests (skipped where kubectl is not installed)', () => {
  const beside = ['another-class', 'side-by-side'];
  const overlays = readdirSync(`${MANIFESTS}overlays`).filter((name) => !beside.includes(name));

  test('there is an overlay for each way in', () => {
    expect(overlays.toSorted()).toEqual(['baremetal', 'hostnetwork', 'loadbalancer']);
  });

  for (const overlay of beside) {
    test(`${overlay} has nothing that ingress-nginx has, so that neither applying nor deleting it touches that`, () => {
      const objects = build(`overlays/${overlay}`);
      for (const { kind, metadata } of objects)
        expect(metadata.name, kind).toMatch(kind === 'IngressClass' ? /^serin$/ : /^serin-ingress-nginx/);
      const { spec } = workloadOf(objects);
      const selectors = [
        spec.selector.matchLabels,
        named(objects, 'Service', 'serin-ingress-nginx-controller').spec.selector,
      ];
      for (const selector of selectors) {
        expect(selector['app.kubernetes.io/instance']).toBe('serin');
        expect(spec.template.metadata.labels).toMatchObject(selector);
      }
    });

    test(`${overlay} may have the Lease that its flags name, and serves the webhook with ingress-nginx's certificate`, () => {
      const objects = build(`overlays/${overlay}`);
      const { containers, volumes } = workloadOf(objects).spec.template.spec;
      const { flags, unused } = parseArgs(['controller', ...containers[0].args.slice(1)], '');
      expect(unused).toEqual([]);
      const leases = named(objects, 'Role', 'serin-ingress-nginx').rules!.map(
        ({ resourceNames }) => resourceNames,
      );
      expect(leases).toContainEqual([flags.string('election-id')]);
      expect(flags.string('validating-webhook')).toBe(':8443');
      expect(volumes[0].secret.secretName).toBe('ingress-nginx-admission');
    });
  }

  test('side-by-side writes no status, another-class that of its own class', () => {
    const flagsOf = (overlay: string) =>
      parseArgs(
        [
          'controller',
          ...workloadOf(build(`overlays/${overlay}`)).spec.template.spec.containers[0].args.slice(1),
        ],
        '',
      ).flags;
    expect(flagsOf('side-by-side').boolean('update-status')).toBe(false);
    const flags = flagsOf('another-class');
    const [{ spec }] = build('overlays/another-class').filter(({ kind }) => kind === 'IngressClass') as [
      Built,
    ];
    expect([flags.boolean('update-status'), flags.string('controller-class')]).toEqual([
      true,
      spec.controller,
    ]);
    expect(flags.string('publish-service')).toBe('$(POD_NAMESPACE)/serin-ingress-nginx-controller');
  });

  for (const overlay of overlays) {
    test(`${overlay} builds, and its Pods are selected by the lab's Service`, () => {
      const objects = build(`overlays/${overlay}`);
      const kinds = objects.map(({ kind }) => kind).toSorted();
      expect(kinds).toEqual(
        [
          ...['ClusterRole', 'ClusterRole', 'ClusterRoleBinding', 'ClusterRoleBinding'],
          'ConfigMap',
          'IngressClass',
          'Job',
          'Namespace',
          ...['Role', 'Role', 'RoleBinding', 'RoleBinding'],
          ...['Service', 'Service', 'ServiceAccount', 'ServiceAccount'],
          'ValidatingWebhookConfiguration',
          overlay === 'hostnetwork' ? 'DaemonSet' : 'Deployment',
        ].toSorted(),
      );
      const workload = workloadOf(objects);
      expect(workload.metadata.name).toBe('ingress-nginx-controller');
      expect(workload.spec.template.metadata.labels).toMatchObject(LAB_SELECTOR);
      const [container] = workload.spec.template.spec.containers;
      expect(container.ports.map(({ name }: any) => name)).toEqual(['http', 'https', 'webhook', 'metrics']);
    });

    test(`${overlay} has a server for the webhook that ingress-nginx's configuration names`, () => {
      const objects = build(`overlays/${overlay}`);
      const [webhook] = named(objects, 'ValidatingWebhookConfiguration', 'ingress-nginx-admission').webhooks!;
      expect(webhook).toMatchObject({ name: 'validate.nginx.ingress.kubernetes.io', failurePolicy: 'Fail' });
      const { service } = webhook.clientConfig;
      expect(service.path).toBe('/networking/v1/ingresses');
      const { ports, selector } = named(objects, 'Service', service.name).spec;
      expect(service.port).toBe(ports[0].port);
      const { spec, metadata } = workloadOf(objects).spec.template;
      expect(metadata.labels).toMatchObject(selector);
      const [container] = spec.containers;
      const port = container.ports.find(({ name }: any) => name === ports[0].targetPort);
      const { flags, unused } = parseArgs(['controller', ...container.args.slice(1)], '');
      expect(unused).toEqual([]);
      expect(flags.string('validating-webhook')).toBe(`:${port.containerPort}`);
      const { mountPath, name: volume } = container.volumeMounts[0];
      expect(flags.string('validating-webhook-certificate')).toBe(`${mountPath}cert`);
      expect(flags.string('validating-webhook-key')).toBe(`${mountPath}key`);

      const job = named(objects, 'Job', 'ingress-nginx-admission-certificate').spec.template;
      expect(selector['app.kubernetes.io/component']).not.toBe(
        job.metadata.labels['app.kubernetes.io/component'],
      );
      const certgen = parseArgs(['certgen', ...job.spec.containers[0].args], '').flags;
      expect(certgen.string('webhook-name')).toBe('ingress-nginx-admission');
      expect(certgen.list('host')).toContain(`${service.name}.$(POD_NAMESPACE).svc`);
      const secret = spec.volumes.find(({ name }: any) => name === volume).secret.secretName;
      expect(certgen.string('secret-name')).toBe(secret);
      const rules = named(objects, 'Role', job.spec.serviceAccountName).rules!;
      expect(rules.map(({ resourceNames }) => resourceNames)).toContainEqual([secret]);
    });

    test(`${overlay} keeps the number of replicas that runs, and bounds the memory of every container`, () => {
      const objects = build(`overlays/${overlay}`);
      expect(workloadOf(objects).spec.replicas).toBeUndefined();
      const containers = objects.flatMap(({ spec }) => spec?.template?.spec.containers ?? []);
      expect(containers.map(({ name }) => name)).toEqual(['controller', 'certgen']);
      for (const { resources } of containers) expect(resources.limits.memory).toMatch(/^\d+[MG]i$/);
    });
  }

  test('baremetal is a NodePort that keeps the client address, loadbalancer a LoadBalancer', () => {
    const service = (overlay: string) =>
      named(build(`overlays/${overlay}`), 'Service', 'ingress-nginx-controller').spec;
    expect(service('baremetal')).toMatchObject({ type: 'NodePort', externalTrafficPolicy: 'Local' });
    expect(service('loadbalancer')).toMatchObject({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' });
  });

  test('hostnetwork is on the network of the node and still resolves cluster names', () => {
    const { spec } = build('overlays/hostnetwork').find(({ kind }) => kind === 'DaemonSet')!.spec.template;
    expect(spec).toMatchObject({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' });
  });

  test('the walk-through builds', () => {
    const names = build('examples/walkthrough').map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(names).toEqual(expect.arrayContaining(['Ingress web', 'Ingress web-canary', 'Ingress dashboard']));
  });

  test('taking the walk-through away leaves the class of the controller', () => {
    const kinds = build('examples/walkthrough').map(({ kind }) => kind);
    expect(kinds).not.toContain('IngressClass');
  });

  test('the walk-through is served in a cluster whose webhook looks at it: classes are named, and types of paths are right', () => {
    const isPlain = (path: string) => /^\/[\w.\-/]*$/.test(path);
    for (const { kind, metadata, spec } of build('examples/walkthrough')) {
      if (kind !== 'Ingress') continue;
      expect(spec.ingressClassName, metadata.name).toBe('nginx');
      for (const { path, pathType } of spec.rules.flatMap(({ http }: any) => http.paths))
        expect(isPlain(path) || pathType === 'ImplementationSpecific', path).toBe(true);
    }
  });
});

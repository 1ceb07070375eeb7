import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';

const MANIFESTS = fileURLToPath(new URL('../../manifests/', import.meta.url));
const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;

interface Built {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Record<string, string> };
  readonly spec?: any;
}

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
  const overlays = readdirSync(`${MANIFESTS}overlays`);

  test('there is an overlay for each way in', () => {
    expect(overlays.toSorted()).toEqual(['baremetal', 'hostnetwork', 'loadbalancer']);
  });

  for (const overlay of overlays) {
    test(`${overlay} builds, and its Pods are selected by the lab's Service`, () => {
      const objects = build(`overlays/${overlay}`);
      const kinds = objects.map(({ kind }) => kind).toSorted();
      expect(kinds).toEqual(
        [
          'ClusterRole',
          'ClusterRoleBinding',
          'ConfigMap',
          'IngressClass',
          'Namespace',
          'Role',
          'RoleBinding',
          'Service',
          'ServiceAccount',
          overlay === 'hostnetwork' ? 'DaemonSet' : 'Deployment',
        ].toSorted(),
      );
      const workload = objects.find(({ kind }) => kind === 'Deployment' || kind === 'DaemonSet')!;
      expect(workload.metadata.name).toBe('ingress-nginx-controller');
      expect(workload.spec.template.metadata.labels).toMatchObject(LAB_SELECTOR);
      const [container] = workload.spec.template.spec.containers;
      expect(container.ports.map(({ name }: any) => name)).toEqual(['http', 'https', 'metrics']);
    });
  }

  test('baremetal is a NodePort that keeps the client address, loadbalancer a LoadBalancer', () => {
    const service = (overlay: string) =>
      build(`overlays/${overlay}`).find(({ kind }) => kind === 'Service')!.spec;
    expect(service('baremetal')).toMatchObject({ type: 'NodePort', externalTrafficPolicy: 'Local' });
    expect(service('loadbalancer')).toMatchObject({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' });
  });

  test('hostnetwork is on the network of the node and still resolves cluster names', () => {
    const { spec } = build('overlays/hostnetwork').find(({ kind }) => kind === 'DaemonSet')!.spec.template;
    expect(spec).toMatchObject({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' });
  });

  test('the walk-through builds', () => {
    const names = build('examples/walkthrough').map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    expect(names).toEqual(
      expect.arrayContaining([
        'Ingress web',
        'Ingress web-canary',
        'Ingress dashboard',
        'IngressClass nginx',
      ]),
    );
  });
});

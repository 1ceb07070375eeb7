import { afterEach, beforeEach, expect, test } from 'vitest';
import { startFakeApi, type FakeApiServer } from '../../../test/fakes/api-server.ts';
import { createKubeClient, type KubeClient } from './client.ts';
import { parseApiAccess } from './kubeconfig.ts';
import { zoneOfPod } from './zone.ts';

let api: FakeApiServer;
let client: KubeClient;
beforeEach(async () => {
  api = await startFakeApi();
  client = createKubeClient({ access: parseApiAccess(api.kubeconfig()), userAgent: 'test' });
});
afterEach(async () => {
  await client.close();
  await api.stop();
});

const POD = { namespace: 'ingress-nginx', name: 'controller-a' };

function apply(nodeName: string | undefined, labels: Readonly<Record<string, string>>): void {
  api.apply([
    { kind: 'Pod', apiVersion: 'v1', metadata: POD, spec: { nodeName } },
    { kind: 'Node', apiVersion: 'v1', metadata: { name: 'one', labels } },
  ]);
}

test('the zone is that of the node the Pod runs on', async () => {
  apply('one', { 'topology.kubernetes.io/zone': 'eu-1a' });
  expect(await zoneOfPod(POD, client)).toBe('eu-1a');
});

test('a node without the label has none, and a Pod without a node', async () => {
  apply('one', {});
  expect(await zoneOfPod(POD, client)).toBeUndefined();
  apply(undefined, { 'topology.kubernetes.io/zone': 'eu-1a' });
  expect(await zoneOfPod(POD, client)).toBeUndefined();
});

test('a node that cannot be read is an error', async () => {
  apply('gone', {});
  await expect(zoneOfPod(POD, client)).rejects.toThrow(/gone/);
});

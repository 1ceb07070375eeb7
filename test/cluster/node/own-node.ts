import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { makeAuthority, makeCertificate } from '../../fixtures/certificates.ts';
import { apply, eventually, kubectl } from '../cluster.ts';

const NAME = 'serin-test';
const HEARTBEAT_MS = 10_000;

/** Of the addresses that are local where the cluster's `in-netns` was used: one that no simulated node has. */
export const NODE_ADDRESS = '10.245.200.1';

/** A node that nobody simulates: the Pods on it are whoever's who registered it. */
export interface OwnNode {
  close(): Promise<void>;
}

/**
 * Registers the node, and puts every new Pod of the namespace on it for which `isOurs`: by an admission webhook, for a scheduler would ask
 * for more. `sample` is a container of such a Pod.
 */
export async function registerNode(
  namespace: string,
  isOurs: (spec: any) => boolean,
  sample: object,
): Promise<OwnNode> {
  await apply({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: NAME, labels: { 'kubernetes.io/os': 'linux' } },
  });
  const beat = async () => {
    const now = new Date().toISOString();
    const ready = { type: 'Ready', status: 'True', lastHeartbeatTime: now, lastTransitionTime: now };
    const addresses = [{ type: 'InternalIP', address: NODE_ADDRESS }];
    const status = { conditions: [{ ...ready, reason: 'Test', message: '' }], addresses };
    await kubectl([
      'patch',
      'node',
      NAME,
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status }),
    ]);
  };
  await beat();
  const beating = setInterval(() => void beat().catch(() => undefined), HEARTBEAT_MS);

  const authority = makeAuthority();
  const { certificate, key } = makeCertificate(['127.0.0.1'], { issuer: authority });
  const server = createServer({ cert: certificate, key }, (request, response) => {
    void text(request).then((body) => {
      const { request: review } = JSON.parse(body);
      const patch = JSON.stringify([{ op: 'add', path: '/spec/nodeName', value: NAME }]);
      const placed = { patchType: 'JSONPatch', patch: Buffer.from(patch).toString('base64') };
      const answer = { uid: review.uid, allowed: true, ...(isOurs(review.object.spec) ? placed : {}) };
      response.setHeader('Content-Type', 'application/json');
      response.end(
        JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer }),
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  await apply({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: NAME },
    webhooks: [
      {
        name: 'place.serin.test',
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
        failurePolicy: 'Fail',
        clientConfig: {
          url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`,
          caBundle: Buffer.from(authority.certificate).toString('base64'),
        },
        namespaceSelector: {
          matchExpressions: [
            { key: 'kubernetes.io/metadata.name', operator: 'In', values: [namespace, 'default'] },
          ],
        },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
      },
    ],
  });
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name: NAME },
    spec: { containers: [{ name: 'sample', ...sample }] },
  };
  await eventually('Pods on the node', async () => {
    const made = await kubectl(['create', '--dry-run=server', '-o', 'json', '-f', '-'], JSON.stringify(pod));
    return JSON.parse(made).spec.nodeName === NAME ? true : undefined;
  });
  return {
    async close() {
      clearInterval(beating);
      await kubectl(['delete', 'mutatingwebhookconfiguration', NAME, '--ignore-not-found']);
      await kubectl(['delete', 'node', NAME, '--ignore-not-found']);
      server.closeAllConnections();
      server.close();
    },
  };
}

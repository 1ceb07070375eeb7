import { createServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { makeAuthority, makeCertificate } from '../../fixtures/certificates.ts';
import { apply, eventually, kubectl } from '../cluster.ts';

const NAME = 'serin-test-readiness';

/** Keeps Pods unready until they are said to be ready; those that are simulated alone are ready at once. */
export interface ReadinessGate {
  setReady(pod: string, isReady: boolean): Promise<void>;
  close(): Promise<void>;
}

/**
 * A simulated Pod is ready unless it is labelled `ready=false`: an admission webhook labels it before it is there, for else a rollout takes
 * it for one that serves. The label goes when the Pod is ready, so that the Pods of a Deployment have the labels of its template.
 */
export async function startReadinessGate(
  namespace: string,
  isGated: (spec: any) => boolean,
  gated: object,
): Promise<ReadinessGate> {
  const authority = makeAuthority();
  const { certificate, key } = makeCertificate(['127.0.0.1'], { issuer: authority });
  const server = createServer({ cert: certificate, key }, (request, response) => {
    void text(request).then((body) => {
      const { request: review } = JSON.parse(body);
      const add = { op: 'add', path: '/metadata/labels/ready', value: 'false' };
      const patch = isGated(review.object.spec)
        ? { patchType: 'JSONPatch', patch: Buffer.from(JSON.stringify([add])).toString('base64') }
        : {};
      response.setHeader('Content-Type', 'application/json');
      response.end(
        JSON.stringify({
          apiVersion: 'admission.k8s.io/v1',
          kind: 'AdmissionReview',
          response: { uid: review.uid, allowed: true, ...patch },
        }),
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
        name: 'readiness.serin.test',
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
  const sample = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name: NAME, labels: { app: NAME } },
    spec: { containers: [{ name: 'sample', ...gated }] },
  };
  await eventually('Pods that wait to be ready', async () => {
    const pod = await kubectl(
      ['create', '--dry-run=server', '-o', 'json', '-f', '-'],
      JSON.stringify(sample),
    );
    return JSON.parse(pod).metadata.labels.ready === 'false' ? true : undefined;
  });
  return {
    async setReady(pod, isReady) {
      await kubectl([
        'label',
        `pod/${pod}`,
        '-n',
        namespace,
        '--overwrite',
        isReady ? 'ready-' : 'ready=false',
      ]);
    },
    async close() {
      await kubectl(['delete', 'mutatingwebhookconfiguration', NAME, '--ignore-not-found']);
      server.closeAllConnections();
      server.close();
    },
  };
}

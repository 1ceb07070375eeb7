import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { KubeClient } from '../../src/controller/kube/client.ts';
import { INGRESSES, SECRETS, VALIDATING_WEBHOOKS } from '../../src/controller/kube/resources.ts';
import { eventually, getJson, kubectl, KUBECONFIG, manifest } from './cluster.ts';
import { createAdminClient, follow } from './follow.ts';
import { canRunContainers } from './node/container.ts';
import { startKubelet, type Kubelet } from './node/kubelet.ts';
import { ingress } from './objects.ts';
import { NAMESPACE, SERIN } from './site.ts';

const IS_POSSIBLE = KUBECONFIG !== undefined && canRunContainers();
const OBJECT = 'ingress-nginx-admission';
const CONTROLLER = 'ingress-nginx-controller';
const LIFE_SECONDS = 15;
const WRITE_EVERY_MS = 20;

/** Everybody who writes Ingresses: good ones, and ones that only the webhook refuses. */
interface Writers {
  stop(): Promise<{ written: number; refused: readonly string[]; passed: number }>;
}

function startWriters(client: KubeClient): Writers {
  const refused: string[] = [];
  const stopping = new AbortController();
  let written = 0;
  let passed = 0;
  const pause = () => new Promise((resolve) => setTimeout(resolve, WRITE_EVERY_MS));

  async function writeGood(): Promise<void> {
    for (; !stopping.signal.aborted; written++) {
      const patch = { metadata: { labels: { written: String(written) } } };
      await client
        .patch(INGRESSES, { namespace: 'default', name: 'good' }, patch)
        .catch((error: unknown) => refused.push(String(error)));
      await pause();
    }
  }

  async function writeBad(): Promise<void> {
    const bad = ingress('default', 'bad', 'bad.test', '/', 'web', { 'auth-type': 'none of these' });
    for (; !stopping.signal.aborted; written++) {
      try {
        await client.create(INGRESSES, 'default', bad as { metadata: { name: string } });
        passed++;
      } catch (error) {
        // The webhook's own words; where it cannot be reached there are others.
        if (!String(error).includes('denied the request')) refused.push(String(error));
      }
      await pause();
    }
  }

  const writing = [writeGood(), writeBad()];
  return {
    async stop() {
      stopping.abort();
      await Promise.all(writing);
      return { written, refused, passed };
    },
  };
}

/** Two replicas with the rights of the manifests, an empty Secret, and no file or Job for the webhook. */
async function install(): Promise<void> {
  const text = await kubectl([
    'create',
    '--dry-run=client',
    '-o',
    'json',
    '-k',
    manifest('overlays/baremetal'),
  ]);
  const objects = text
    .split(/^(?=\{)/m)
    .map((one) => JSON.parse(one))
    .filter(({ kind }) => kind !== 'Job');
  const { spec } = objects.find(({ kind }) => kind === 'Deployment');
  const pod = spec.template.spec;
  const [container] = pod.containers;
  spec.replicas = 2;
  container.args = [
    ...container.args.filter((arg: string) => !/^--validating-webhook-(certificate|key)=/.test(arg)),
    `--validating-webhook-certificate-life=${LIFE_SECONDS}s`,
  ];
  container.volumeMounts = container.volumeMounts.filter(({ name }: any) => name !== 'webhook-cert');
  pod.volumes = pod.volumes.filter(({ name }: any) => name !== 'webhook-cert');
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: NAMESPACE, name: OBJECT } };
  const list = { apiVersion: 'v1', kind: 'List', items: [...objects, secret] };
  await kubectl(['apply', '-f', '-'], JSON.stringify(list));
}

describe.skipIf(!IS_POSSIBLE)(
  "the webhook's certificate (skipped without KUBECONFIG, or where Pods can have no network)",
  () => {
    let kubelet: Kubelet;
    let client: KubeClient;
    const clear = async () => {
      await kubectl(['delete', 'validatingwebhookconfiguration', '--all']);
      await kubectl(['delete', 'ingress', 'good', 'bad', '-n', 'default', '--ignore-not-found']);
      await kubectl(['delete', 'deployment', '--all', '-n', NAMESPACE]);
      await kubectl(['delete', 'pod', '--all', '-n', NAMESPACE, '--force', '--grace-period=0']);
    };

    beforeAll(async () => {
      // Of a run that was broken off: nobody answers it any more.
      await kubectl(['delete', 'mutatingwebhookconfiguration', '--all']);
      await clear();
      await kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found']);
      client = await createAdminClient();
      kubelet = await startKubelet(NAMESPACE, { image: SERIN, args: ['/nginx-ingress-controller'] });
    });
    afterEach(({ task }) => {
      if (task.result?.state === 'fail') console.log(kubelet.logs());
    });
    afterAll(async () => {
      await clear();
      await client?.close();
      await kubelet?.stop();
      await kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found', '--wait=false']);
    });

    test('it is renewed again and again, by one leader after another, and no Ingress is refused or passes by', async () => {
      const stopping = new AbortController();
      const served = new Set<string>();
      const bundles: string[][] = [];
      const followed = [
        follow(client, SECRETS, NAMESPACE, stopping.signal, (_, { metadata, data }) => {
          if (metadata.name === OBJECT && data?.cert !== undefined) served.add(data.cert);
        }),
        follow(client, VALIDATING_WEBHOOKS, '', stopping.signal, (_, { metadata, webhooks }) => {
          if (metadata.name !== OBJECT) return;
          const bundle = Buffer.from(webhooks[0].clientConfig.caBundle ?? '', 'base64').toString();
          bundles.push(bundle.match(/-----BEGIN[^]*?-----END CERTIFICATE-----/g) ?? []);
        }),
      ];
      await install();
      const good = ingress('default', 'good', 'good.test', '/', 'web') as any;
      await eventually('a webhook that answers', () => client.create(INGRESSES, 'default', good));
      await kubectl(['rollout', 'status', `deployment/${CONTROLLER}`, '-n', NAMESPACE, '--timeout=60s']);

      const writers = startWriters(client);
      await eventually('a second certificate', async () => (served.size > 1 ? true : undefined));
      const { spec } = await getJson('lease', 'ingress-nginx-leader', '-n', NAMESPACE);
      await kubectl(['delete', 'pod', spec.holderIdentity, '-n', NAMESPACE, '--wait=false']);
      await eventually('a third one', async () => (served.size > 2 ? true : undefined));
      // Pods cannot ask each other in this network, so that a CA is forgotten no sooner than it has ended.
      const [first] = bundles.find((bundle) => bundle.length === 1)!;
      await eventually('the end of the first CA', async () =>
        bundles.at(-1)!.includes(first!) ? undefined : true,
      );
      const { written, refused, passed } = await writers.stop();
      stopping.abort();
      await Promise.all(followed);
      const sizes = bundles.map((bundle) => bundle.length);
      console.log(JSON.stringify({ written, certificates: served.size, sizes }));
      expect(refused).toEqual([]);
      expect(passed).toBe(0);
      expect(written).toBeGreaterThan(200);
      expect(sizes).toContain(2);
      const { webhooks } = await getJson('validatingwebhookconfiguration', OBJECT);
      expect(webhooks[0].failurePolicy).toBe('Fail');
      expect(kubelet.logs()).not.toContain('PRIVATE KEY');
    });
  },
);

import { request } from 'undici';
import { expect } from 'vitest';
import { startClients, type Clients } from './clients.ts';
import { apply, eventually, getJson, kubectl } from './cluster.ts';
import { ingressNginxManifest } from './ingress-nginx.ts';
import { startKubelet } from './node/kubelet.ts';
import { deployment, headlessService, ingress, POD_PORT } from './objects.ts';
import { openPage, type Page } from './page.ts';
import { startPodServer } from './pods.ts';

export const NAMESPACE = 'ingress-nginx';
export const SERIN = 'serin/serin:0.1.0';
export const NGINX = 'registry.k8s.io/ingress-nginx/controller';
const SHOP = 'shop';
const HOST = 'web.app';
/** ingress-nginx holds its Lease for 30 s, and does not give it back. */
const LEASE_MS = 90_000;
/** And writes a status with its next check, once a minute. */
const STATUS_MS = 90_000;

/** A cluster with an application, in which controllers come and go by the commands of docs/replace-ingress-nginx.md. */
export interface Site {
  readonly page: Page;
  /** Takes away everything that an installation left behind. */
  clear(): Promise<void>;
  /** Serves the application by an Ingress of ingress-nginx's class, and gives the address of its Service. */
  serve(): Promise<string>;
  /** ingress-nginx from its manifest, serving the application. */
  installIngressNginx(): Promise<string>;
  addressOf(service: string): Promise<string>;
  statusIs(ingress: string, address: string): Promise<true>;
  get(address: string): Promise<number>;
  /** Waits until a Pod with such an image holds the Lease. */
  leads(lease: string, image: string): Promise<true>;
  webhookJudges(): Promise<void>;
  /** Lets clients at the address until `nobodyNoticed`. */
  watch(address: string): void;
  /** No request failed, no Ingress could not be written, and none was without its address. */
  nobodyNoticed(address: string): Promise<void>;
  /** What the containers have written, by Pod. */
  logs(): Promise<string>;
  close(): Promise<void>;
}

export async function startSite(): Promise<Site> {
  // Of a run that was broken off: nobody answers it any more.
  await kubectl(['delete', 'mutatingwebhookconfiguration', '--all']);
  await kubectl(['delete', 'namespace', SHOP, '--ignore-not-found']);
  await clear();
  const page = openPage('docs/replace-ingress-nginx.md', { 'deploy.yaml': ingressNginxManifest() });
  const kubelet = await startKubelet(NAMESPACE, {
    image: SERIN,
    args: ['/nginx-ingress-controller'],
  });
  const pods = await startPodServer(POD_PORT, SHOP, () => false);
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: SHOP } });
  await apply(deployment(SHOP, 'web', 3), headlessService(SHOP, 'web'));
  let clients: Clients | undefined;

  const addressOf = (service: string) =>
    eventually(`an address of ${service}`, async () => {
      const { status } = await getJson('service', service, '-n', NAMESPACE);
      return status.loadBalancer.ingress?.[0]?.ip as string | undefined;
    });

  const statusIs = (name: string, address: string) =>
    eventually<true>(
      `the address ${address} in the status of ${name}`,
      async () => {
        const { status } = await getJson('ingress', name, '-n', SHOP);
        const found = (status.loadBalancer.ingress ?? []).map(({ ip }: { ip: string }) => ip).join();
        return found === address ? true : undefined;
      },
      STATUS_MS,
    );

  async function get(address: string): Promise<number> {
    const options = { headers: { host: HOST }, headersTimeout: 5_000 };
    const { statusCode, body } = await request(`http://${address}/`, options);
    await body.dump();
    return statusCode;
  }

  async function serve(): Promise<string> {
    const address = await addressOf('ingress-nginx-controller');
    await eventually('the webhook', async () => {
      await apply(ingress(SHOP, 'web', HOST, '/', 'web'));
      return true;
    });
    await eventually('the page', async () => ((await get(address)) === 200 ? true : undefined));
    await statusIs('web', address);
    return address;
  }

  return {
    page,
    clear,
    serve,
    addressOf,
    statusIs,
    get,
    async installIngressNginx() {
      await clear();
      await kubectl(['apply', '-f', '-'], ingressNginxManifest());
      const deployment = 'deployment/ingress-nginx-controller';
      await kubectl(['rollout', 'status', deployment, '-n', NAMESPACE, '--timeout=60s']);
      return serve();
    },
    leads: (lease, image) =>
      eventually<true>(
        `a Pod of ${image} that leads`,
        async () => {
          const { spec } = await getJson('lease', lease, '-n', NAMESPACE);
          const { items } = await getJson('pods', '-n', NAMESPACE);
          const pod = items.find(({ metadata }: any) => metadata.name === spec.holderIdentity);
          return pod?.spec.containers[0].image.startsWith(image) ? true : undefined;
        },
        LEASE_MS,
        250,
      ),
    async webhookJudges() {
      await page.run('check');
      await expect(page.run('refused')).rejects.toThrow(/\/a\(\.\*\)"? cannot be used with pathType Exact/);
    },
    watch(address) {
      clients = startClients(`http://${address}/`, HOST, { namespace: SHOP, name: 'web' });
    },
    async nobodyNoticed(address) {
      const seen = await clients!.stop();
      clients = undefined;
      console.log(JSON.stringify(seen));
      expect(seen).toMatchObject({ failures: [], refused: [], statuses: [address] });
      expect(seen.sent).toBeGreaterThan(100);
    },
    async logs() {
      await clients?.stop();
      clients = undefined;
      return kubelet.logs();
    },
    async close() {
      await clear();
      await kubelet.stop();
      await pods.close();
      page.close();
      await kubectl(['delete', 'namespace', SHOP, '--wait=false']);
    },
  };
}

async function clear(): Promise<void> {
  await kubectl(['delete', 'validatingwebhookconfiguration', '--all']);
  await kubectl(['delete', 'ingressclass', 'nginx', 'serin', '--ignore-not-found']);
  for (const kind of ['clusterrole', 'clusterrolebinding'])
    await kubectl(['delete', kind, '-l', 'app.kubernetes.io/name=ingress-nginx']);
  // A namespace with Pods that may take five minutes to end is looked at again after half of that.
  await kubectl(['delete', 'deployment,daemonset,job', '--all', '-n', NAMESPACE]);
  await kubectl(['wait', 'pod', '--all', '-n', NAMESPACE, '--for=delete', '--timeout=60s']);
  await kubectl(['delete', 'namespace', NAMESPACE, '--ignore-not-found']);
}

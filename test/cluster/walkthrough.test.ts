import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';
import {
  apiServerProcess,
  apply,
  eventually,
  getJson,
  installController,
  kubectl,
  KUBECONFIG,
  manifest,
} from './cluster.ts';
import { percentiles, startLoad } from './load.ts';
import { deployment, headlessService, ingress, POD_PORT } from './objects.ts';
import { startPodServer, type PodServer } from './pods.ts';

const NAMESPACE = 'serin-test';
/** Times a Deployment is scaled up and down and restarted under load. */
const CYCLES = 4;
const OUTAGE_SECONDS = Number(process.env['SERIN_TEST_OUTAGE_SECONDS'] ?? 60);

const controllerArgs = (kubeconfig: string): string[] => [
  'controller',
  `--kubeconfig=${kubeconfig}`,
  '--election-id=ingress-nginx-leader',
  '--controller-class=k8s.io/ingress-nginx',
  '--ingress-class=nginx',
  '--configmap=ingress-nginx/ingress-nginx-controller',
  '--watch-ingress-without-class=true',
  '--post-shutdown-grace-period=0',
  '--workers=2',
];

// Everything here goes through a real API server, with the ServiceAccount of manifests/ and nothing more.
describe.skipIf(KUBECONFIG === undefined)('on a real API server (skipped without KUBECONFIG)', () => {
  let account: Awaited<ReturnType<typeof installController>>;
  let serin: SerinProcess;
  let pods: PodServer;
  let url: string;
  let isAbrupt = false;

  const get = async (host: string, path: string, headers: Record<string, string> = {}) => {
    const { statusCode, body } = await request(url + path, { headers: { host, ...headers } });
    return { status: statusCode, body: await body.text() };
  };
  const answers = (host: string, path: string, status = 200) =>
    eventually(
      `${status} of ${host}${path}`,
      async () => ((await get(host, path)).status === status ? true : undefined),
      30_000,
      10,
    );
  const waitForReady = (name: string, replicas: number) =>
    eventually(
      `${replicas} ready Pods of ${name}`,
      async () => {
        const slices = await getJson(
          'endpointslices',
          '-n',
          NAMESPACE,
          '-l',
          `kubernetes.io/service-name=${name}`,
        );
        const ready = slices.items
          .flatMap((slice: any) => slice.endpoints ?? [])
          .filter((one: any) => one.conditions.ready);
        return ready.length === replicas ? true : undefined;
      },
      60_000,
    );

  beforeAll(async () => {
    await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    account = await installController();
    pods = await startPodServer(POD_PORT, NAMESPACE, () => isAbrupt);
    await apply(
      deployment(NAMESPACE, 'web', 3),
      deployment(NAMESPACE, 'web-canary', 2),
      headlessService(NAMESPACE, 'web'),
      headlessService(NAMESPACE, 'web-canary'),
      ingress(NAMESPACE, 'web', 'web.app', '/web', 'web'),
      ingress(NAMESPACE, 'web-canary', 'web.app', '/web', 'web-canary', {
        canary: 'true',
        'canary-by-header': 'canary',
      }),
    );
    await waitForReady('web', 3);
    serin = await startSerin(controllerArgs(account.kubeconfig), {
      POD_NAME: account.podName,
      POD_NAMESPACE: 'ingress-nginx',
    });
    url = `http://127.0.0.1:${serin.httpPort}`;
    await answers('web.app', '/web');
  });

  afterAll(async () => {
    expect(await serin?.stop()).toBe(0);
    await pods?.close();
    account?.remove();
    await kubectl(['delete', 'namespace', NAMESPACE, '--wait=false']);
  });

  test('serves the main application and the canary by header', async () => {
    const addresses = async (name: string) => {
      const list = await getJson('pods', '-n', NAMESPACE, '-l', `app=${name}`);
      return list.items.map((pod: any) => pod.status.podIP as string) as string[];
    };
    const [main, canary] = [await addresses('web'), await addresses('web-canary')];
    const seen = { always: new Set<string>(), never: new Set<string>() };
    for (let i = 0; i < 30; i++) {
      for (const value of ['always', 'never'] as const) {
        const { body } = await get('web.app', '/web', { canary: value });
        seen[value].add(/HOSTNAME=(\S+)/.exec(body)![1]!);
      }
    }
    expect([...seen.never].toSorted()).toEqual(main.toSorted());
    expect([...seen.always].toSorted()).toEqual(canary.toSorted());
  });

  test('tells in Events, in status and in the Lease', async () => {
    const events = await eventually('the Sync Event in kubectl describe', async () => {
      const text = await kubectl(['describe', 'ingress/web', '-n', NAMESPACE]);
      return text.includes('Scheduled for sync') ? text : undefined;
    });
    expect(events).toMatch(/Normal +Sync .*nginx-ingress-controller +Scheduled for sync/);
    const lease = await eventually('a held Lease', async () => {
      const { spec } = await getJson('lease', 'ingress-nginx-leader', '-n', 'ingress-nginx');
      return spec.holderIdentity === '' ? undefined : spec;
    });
    expect(lease.holderIdentity).toBe(account.podName);
    const status = await eventually('the address in the status', async () => {
      const { status: found } = await getJson('ingress', 'web', '-n', NAMESPACE);
      return found.loadBalancer?.ingress?.[0];
    });
    expect(status.ip).toMatch(/^10\./);
  });

  test('a malformed Ingress is an Event with object, field, value and consequence, and the others go on', async () => {
    await apply(ingress(NAMESPACE, 'broken', 'broken.app', '/', 'nowhere', { 'proxy-read-timeout': 'soon' }));
    const text = await eventually('the Warning Events', async () => {
      const described = await kubectl(['describe', 'ingress/broken', '-n', NAMESPACE]);
      return described.includes('soon') && described.includes('nowhere') ? described : undefined;
    });
    expect(text).toMatch(/Warning +InvalidAnnotation .*"soon"/);
    expect((await get('broken.app', '/')).status).toBe(503);
    expect((await get('web.app', '/web')).status).toBe(200);
    await kubectl(['delete', 'ingress/broken', '-n', NAMESPACE]);
  });

  test('a changed Ingress is live within 200 ms of the API accepting it', async () => {
    const times: number[] = [];
    for (let i = 0; i < 20; i++) {
      const path = `/live-${i}`;
      await apply(ingress(NAMESPACE, 'live', 'live.app', path, 'web'));
      const acceptedMs = performance.now();
      await eventually(
        `${path}`,
        async () => ((await get('live.app', path)).status === 200 ? true : undefined),
        10_000,
        1,
      );
      times.push(performance.now() - acceptedMs);
    }
    const { median, p99 } = percentiles(times);
    console.log(
      `a changed Ingress: live ${median} ms (median), ${p99} ms (worst of 20) after kubectl returned`,
    );
    expect(median).toBeLessThan(200);
    await kubectl(['delete', 'ingress/live', '-n', NAMESPACE]);
  });

  for (const [name, abrupt] of [
    ['Pods that drain', false],
    ['Pods that end at once', true],
  ] as const) {
    test(`scaling 3 to 10 to 2 and restarting fails no GET with ${name}`, async () => {
      isAbrupt = abrupt;
      const load = startLoad(`${url}/web`, 'web.app');
      for (let cycle = 0; cycle < CYCLES; cycle++) {
        await kubectl(['scale', 'deployment/web', '-n', NAMESPACE, '--replicas=10']);
        await waitForReady('web', 10);
        await kubectl(['scale', 'deployment/web', '-n', NAMESPACE, '--replicas=2']);
        await waitForReady('web', 2);
        await kubectl(['scale', 'deployment/web', '-n', NAMESPACE, '--replicas=6']);
        await waitForReady('web', 6);
        await kubectl(['rollout', 'restart', 'deployment/web', '-n', NAMESPACE]);
        await kubectl(['rollout', 'status', 'deployment/web', '-n', NAMESPACE, '--timeout=120s']);
      }
      await kubectl(['scale', 'deployment/web', '-n', NAMESPACE, '--replicas=3']);
      await waitForReady('web', 3);
      const result = await load.stop();
      console.log(`${name}: ${result.failed} of ${result.sent} requests failed, worst ${result.worstMs} ms`);
      expect(result.failures).toEqual([]);
      expect(result.sent).toBeGreaterThan(2_000);
      isAbrupt = false;
    });
  }

  test('an endpoint that becomes unready gets no new request 100 ms after the API said so', async () => {
    await kubectl(['scale', 'deployment/web', '-n', NAMESPACE, '--replicas=8']);
    await waitForReady('web', 8);
    const load = startLoad(`${url}/web`, 'web.app');
    const list = await getJson('pods', '-n', NAMESPACE, '-l', 'app=web');
    const lastAfterMs: number[] = [];
    const running = list.items.filter((pod: any) => pod.metadata.deletionTimestamp === undefined);
    for (const pod of running.slice(0, 6)) {
      const address = pod.status.podIP as string;
      await kubectl(['label', `pod/${pod.metadata.name}`, '-n', NAMESPACE, 'ready=false']);
      await eventually(
        'the endpoint unready',
        async () => {
          const slices = await getJson(
            'endpointslices',
            '-n',
            NAMESPACE,
            '-l',
            'kubernetes.io/service-name=web',
          );
          const all = slices.items.flatMap((slice: any) => slice.endpoints ?? []);
          const own = all.find((one: any) => one.addresses.includes(address));
          return own === undefined || own.conditions.ready === false ? true : undefined;
        },
        10_000,
        5,
      );
      // kubectl itself takes some 50 ms to ask, so this moment is later than the API's by that much at most.
      const saidMs = performance.timeOrigin + performance.now();
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      lastAfterMs.push(Math.max(0, (pods.requests.get(address)?.lastMs ?? 0) - saidMs));
    }
    const result = await load.stop();
    const { median, p99 } = percentiles(lastAfterMs);
    console.log(
      `an unready endpoint: last request ${median} ms (median), ${p99} ms (worst of 6) after the API said so`,
    );
    expect(median).toBeLessThan(100);
    expect(result.failures).toEqual([]);
    await kubectl(['label', 'pods', '-n', NAMESPACE, '-l', 'app=web', 'ready-']);
    await kubectl(['scale', 'deployment/web', '-n', NAMESPACE, '--replicas=3']);
    await waitForReady('web', 3);
  });

  test('serves 1,000 Ingresses, and starts with them in under 3 s', async () => {
    const many = Array.from({ length: 1_000 }, (_, i) =>
      ingress(NAMESPACE, `many-${i}`, `many-${i}.app`, '/', 'web'),
    );
    for (let i = 0; i < many.length; i += 250) await apply(...many.slice(i, i + 250));
    await answers('many-999.app', '/');
    expect((await get('many-0.app', '/')).status).toBe(200);
    const startedMs = performance.now();
    const second = await startSerin(
      [...controllerArgs(account.kubeconfig), '--disable-leader-election', '--update-status=false'],
      {
        POD_NAME: `${account.podName}-second`,
        POD_NAMESPACE: 'ingress-nginx',
      },
    );
    const tookMs = Math.round(performance.now() - startedMs);
    const { statusCode } = await request(`http://127.0.0.1:${second.httpPort}/`, {
      headers: { host: 'many-500.app' },
    });
    expect(await second.stop()).toBe(0);
    console.log(`cold start with 1,000 Ingresses: ready after ${tookMs} ms`);
    expect(statusCode).toBe(200);
    expect(tookMs).toBeLessThan(3_000);
  });

  test('every overlay is accepted by the API server', async () => {
    for (const overlay of ['baremetal', 'loadbalancer', 'hostnetwork']) {
      const out = await kubectl(['apply', '-k', manifest(`overlays/${overlay}`), '--dry-run=server']);
      expect(out).toContain('ingress-nginx-controller');
    }
    expect(await kubectl(['apply', '-k', manifest('examples/walkthrough'), '--dry-run=client'])).toContain(
      'ingress.networking.k8s.io/web',
    );
  });

  // The last one: what simulates Pods does not come back from it, and soon nothing is ready any more.
  const server = apiServerProcess();
  test.skipIf(server === undefined)(
    'an API server that hangs, then is gone, changes nothing for clients, and what changed is served within 5 s of its return',
    async () => {
      const load = startLoad(`${url}/web`, 'web.app', { rate: 100 });
      server!.hang();
      await new Promise((resolve) => setTimeout(resolve, OUTAGE_SECONDS * 1_000));
      server!.resume();
      await server!.kill();
      await new Promise((resolve) => setTimeout(resolve, OUTAGE_SECONDS * 1_000));
      await server!.startAgain();
      const backMs = performance.now();
      await apply(ingress(NAMESPACE, 'after', 'after.app', '/', 'web'));
      await answers('after.app', '/');
      const tookMs = Math.round(performance.now() - backMs);
      const result = await load.stop();
      console.log(
        `API server hung ${OUTAGE_SECONDS} s, gone ${OUTAGE_SECONDS} s: ${result.failed} of ${result.sent} failed; ` +
          `a new Ingress was served ${tookMs} ms after its return`,
      );
      expect(result.failures).toEqual([]);
      expect(tookMs).toBeLessThan(5_000);
      await kubectl(['delete', 'ingress/after', '-n', NAMESPACE]);
    },
  );
});

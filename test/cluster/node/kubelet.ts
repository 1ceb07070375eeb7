import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { PODS, SECRETS } from '../../../src/controller/kube/resources.ts';
import { eventually, kubectl } from '../cluster.ts';
import { createAdminClient, follow } from '../follow.ts';
import { programOf, type Program } from '../programs.ts';
import { startContainer, type Container, type ContainerSpec } from './container.ts';
import { NODE_ADDRESS, registerNode } from './own-node.ts';
import { API_SERVICE, startServiceProxy } from './service-proxy.ts';

const ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';
const PROBE_MS = 100;
/** How long a container goes on at most before it is told to end. */
const TOLD_MS = 5_000;
/** Beside those of simulated Pods, and none twice. */
const POD_ADDRESSES = '10.244.200.';

/** In the part of the kubelet, of kube-proxy and of a cloud's balancer, for the Pods of one namespace. */
export interface Kubelet {
  /** What the containers have written so far, by Pod; those that are gone, too. */
  logs(): string;
  /** Ends all containers. */
  stop(): Promise<void>;
}

/**
 * Runs the first container of every Pod of the namespace for which there is a program: with its arguments, environment, volumes and the
 * token of its ServiceAccount. Such a Pod is ready when its probe says so; that of a Job ends as its program does. `sample` is such a container.
 */
export async function startKubelet(namespace: string, sample: object): Promise<Kubelet> {
  const client = await createAdminClient();
  const stopping = new AbortController();
  const folder = mkdtempSync(join(tmpdir(), 'serin-kubelet-'));
  const containers = new Map<string, Promise<Container>>();
  const ending = new Set<string>();
  const logs = new Map<string, () => string>();
  let addresses = 0;
  const config = JSON.parse(
    await kubectl(['config', 'view', '--raw', '--minify', '--flatten', '-o', 'json']),
  );
  const authority = Buffer.from(config.clusters[0].cluster['certificate-authority-data'], 'base64');
  const programFor = ({ containers: [first] }: any): Program | undefined =>
    programOf({ image: first.image, command: first.command ?? [], args: first.args ?? [] });
  const proxy = await startServiceProxy(namespace);
  const node = await registerNode(namespace, (spec) => programFor(spec) !== undefined, sample);

  async function mountsOf(pod: any, { prepare }: Program): Promise<ContainerSpec['mounts']> {
    const own = join(folder, pod.metadata.uid);
    const place = (name: string, files: Readonly<Record<string, string | Buffer>>) => {
      mkdirSync(join(own, name), { recursive: true });
      for (const [file, content] of Object.entries(files)) writeFileSync(join(own, name, file), content);
      return join(own, name);
    };
    const token = await kubectl(['create', 'token', pod.spec.serviceAccountName, '-n', namespace]);
    const account = place('account', { token: token.trim(), 'ca.crt': authority, namespace });
    const [inMemory, fromSecrets]: (readonly [string, string])[][] = [[], [[account, ACCOUNT_FOLDER]]];
    for (const { name, mountPath } of pod.spec.containers[0].volumeMounts ?? []) {
      const { secret } = pod.spec.volumes.find((volume: any) => volume.name === name);
      if (secret === undefined) inMemory!.push([place(name, {}), mountPath]);
      else fromSecrets!.push([place(name, await filesOf(secret)), mountPath]);
    }
    return [...fromSecrets!, ...(prepare?.(join(own, 'image')) ?? []), ...inMemory!];
  }

  /** A container waits for the Secrets that it mounts. */
  async function filesOf({ secretName, items }: any): Promise<Record<string, Buffer>> {
    const { data } = await eventually(`the Secret ${secretName}`, async () => {
      return (await client.get(SECRETS, { namespace, name: secretName })) as any;
    });
    const keys = items ?? Object.keys(data).map((key) => ({ key, path: key }));
    return Object.fromEntries(keys.map(({ key, path }: any) => [path, Buffer.from(data[key], 'base64')]));
  }

  function envOf(pod: any, program: Program): NodeJS.ProcessEnv {
    const env: NodeJS.ProcessEnv = {
      ...program.env,
      PATH: process.env['PATH']!,
      KUBERNETES_SERVICE_HOST: API_SERVICE,
      KUBERNETES_SERVICE_PORT: '443',
    };
    for (const { name, value = '', valueFrom } of pod.spec.containers[0].env ?? []) {
      const field = valueFrom?.fieldRef.fieldPath.replace('metadata.', '');
      env[name] = field === undefined ? value : pod.metadata[field];
    }
    return env;
  }

  async function run(pod: any): Promise<Container> {
    const program = programFor(pod.spec)!;
    const env = envOf(pod, program);
    const command = program.command.map((word) => word.replace(/\$\((\w+)\)/g, (_, name) => env[name]!));
    const address = `${POD_ADDRESSES}${++addresses}`;
    const container = await startContainer({ address, command, env, mounts: await mountsOf(pod, program) });
    logs.set(pod.metadata.name, container.output);
    const isOfJob = pod.metadata.ownerReferences?.some(({ kind }: any) => kind === 'Job');
    await report(pod, { phase: 'Running', podIP: address, podIPs: [{ ip: address }], hostIP: NODE_ADDRESS });
    if (isOfJob) {
      const end = (code: number | null) => report(pod, { phase: code === 0 ? 'Succeeded' : 'Failed' });
      void container.exited.then(end).catch(() => undefined);
    } else void probe(pod, container, address);
    return container;
  }

  async function report({ metadata: { name } }: any, status: object): Promise<void> {
    const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status })];
    await kubectl(['patch', 'pod', name, '-n', namespace, ...patch]);
  }

  async function probe(pod: any, container: Container, address: string): Promise<void> {
    const { path, port } = pod.spec.containers[0].readinessProbe.httpGet;
    let wasReady = false;
    while (container.isRunning() && !stopping.signal.aborted) {
      const isReady = await isAnswered(`http://${address}:${port}${path}`);
      if (isReady !== wasReady) {
        const lastTransitionTime = new Date().toISOString();
        const status = isReady ? 'True' : 'False';
        const types = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'];
        const conditions = types.map((type, i) => ({
          type,
          status: i < 2 ? 'True' : status,
          lastTransitionTime,
        }));
        await report(pod, { conditions }).catch(() => undefined);
      }
      wasReady = isReady;
      await new Promise((resolve) => setTimeout(resolve, PROBE_MS));
    }
  }

  /**
   * A Pod is there until its container has ended. That is told to end once no new connections are led to it: this is no test of how late nodes
   * learn that a Pod goes (docs/replace-ingress-nginx.md, --shutdown-grace-period), which differs with the load of one machine.
   */
  async function end(pod: any, container: Container): Promise<void> {
    if (ending.has(pod.metadata.uid)) return;
    ending.add(pod.metadata.uid);
    const endsMs = performance.now() + TOLD_MS;
    while (proxy.isReady(pod.status.podIP ?? '') && performance.now() < endsMs)
      await new Promise((resolve) => setTimeout(resolve, 5));
    container.terminate();
    await container.exited;
    const { name } = pod.metadata;
    await kubectl([
      'delete',
      'pod',
      name,
      '-n',
      namespace,
      '--force',
      '--grace-period=0',
      '--ignore-not-found',
    ]);
  }

  function podChanged(type: string, pod: any): void {
    const { uid, deletionTimestamp } = pod.metadata;
    const container = containers.get(uid);
    if (container !== undefined) {
      if (type === 'DELETED' || deletionTimestamp !== undefined)
        void container.then((one) => end(pod, one)).catch(() => undefined);
      return;
    }
    if (type === 'DELETED' || deletionTimestamp !== undefined || programFor(pod.spec) === undefined) return;
    const starting = run(pod);
    containers.set(uid, starting);
    starting.catch((error: unknown) => logs.set(pod.metadata.name, () => String(error)));
  }

  const following = follow(client, PODS, namespace, stopping.signal, podChanged);
  return {
    logs: () => Array.from(logs, ([pod, log]) => `${pod}\n${log()}`).join('\n'),
    async stop() {
      stopping.abort();
      await following;
      const started = await Promise.allSettled(containers.values());
      const running = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      for (const container of running) container.terminate();
      await Promise.all(running.map(({ exited }) => exited));
      await node.close();
      await proxy.close();
      await client.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function isAnswered(url: string): Promise<boolean> {
  try {
    const { statusCode, body } = await request(url, { headersTimeout: 1_000 });
    await body.dump();
    return statusCode === 200;
  } catch {
    return false;
  }
}

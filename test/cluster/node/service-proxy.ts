import { execFileSync } from 'node:child_process';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { SERVICES, STORE_RESOURCES } from '../../../src/controller/kube/resources.ts';
import { kubectl } from '../cluster.ts';
import { createAdminClient, follow } from '../follow.ts';

/** Where Pods find the API server, as in any cluster of this range of Services. */
export const API_SERVICE = '10.96.0.1';
const BALANCER = '10.245.255.';

/** In the part of kube-proxy and of a cloud: Services answer at their addresses, and those of type LoadBalancer get one. */
export interface ServiceProxy {
  /** Whether new connections may be led to the address. */
  isReady(address: string): boolean;
  close(): Promise<void>;
}

interface Endpoint {
  readonly addresses: readonly string[];
  readonly conditions: { readonly ready?: boolean; readonly serving?: boolean };
}

export async function startServiceProxy(namespace: string): Promise<ServiceProxy> {
  execFileSync('ip', ['route', 'replace', 'local', '10.96.0.0/16', 'dev', 'lo'], { stdio: 'pipe' });
  const client = await createAdminClient();
  const stopping = new AbortController();
  const slices = new Map<string, any>();
  const listeners = new Map<string, { readonly server: Server; target: () => Target | undefined }>();
  const sockets = new Set<Socket>();
  let balancers = 0;
  let turn = 0;

  function pick(service: string, portName: string): Target | undefined {
    const own = [...slices.values()].filter(
      ({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === service,
    );
    const all = own.flatMap(({ endpoints, ports }) => {
      const port = ports?.find(({ name = '' }: any) => name === portName)?.port as number | undefined;
      return (endpoints ?? []).map(({ addresses, conditions }: Endpoint) => ({
        addresses,
        conditions,
        port,
      }));
    });
    const ready = all.filter(({ conditions }) => conditions.ready !== false);
    const usable = ready.length > 0 ? ready : all.filter(({ conditions }) => conditions.serving === true);
    const chosen = usable[turn++ % usable.length];
    return chosen?.port === undefined ? undefined : { host: chosen.addresses[0], port: chosen.port };
  }

  function listen(host: string, port: number, target: () => Target | undefined): void {
    const known = listeners.get(`${host}:${port}`);
    if (known !== undefined) {
      known.target = target;
      return;
    }
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      const to = listener.target();
      if (to === undefined) return socket.resetAndDestroy();
      const upstream = connect(to);
      socket.pipe(upstream).pipe(socket);
      socket.on('error', () => upstream.destroy());
      upstream.on('error', () => socket.resetAndDestroy());
    });
    const listener = { server, target };
    listeners.set(`${host}:${port}`, listener);
    server.listen(port, host);
  }

  async function balance(service: any): Promise<void> {
    const ingress = [{ ip: `${BALANCER}${++balancers}` }];
    await client.update(
      SERVICES,
      service.metadata,
      { ...service, status: { loadBalancer: { ingress } } },
      'status',
    );
  }

  function serviceChanged(type: string, service: any): void {
    const { metadata, spec, status } = service;
    if (type === 'DELETED' || spec.clusterIP === 'None') return;
    const balanced = (status.loadBalancer.ingress ?? []) as { ip: string }[];
    if (spec.type === 'LoadBalancer' && balanced.length === 0) void balance(service).catch(() => undefined);
    for (const { port, name = '', protocol, nodePort } of spec.ports) {
      if (protocol !== 'TCP') continue;
      const target = () => pick(metadata.name, name);
      for (const host of [spec.clusterIP as string, ...balanced.map(({ ip }) => ip)])
        listen(host, port, target);
      if (nodePort !== undefined) listen('0.0.0.0', nodePort, target);
    }
  }

  const config = JSON.parse(await kubectl(['config', 'view', '--raw', '--minify', '-o', 'json']));
  const api = new URL(config.clusters[0].cluster.server);
  listen(API_SERVICE, 443, () => ({ host: api.hostname, port: Number(api.port) }));
  void follow(client, SERVICES, namespace, stopping.signal, serviceChanged);
  void follow(client, STORE_RESOURCES.EndpointSlice, namespace, stopping.signal, (type, slice) => {
    if (type === 'DELETED') slices.delete(slice.metadata.name);
    else slices.set(slice.metadata.name, slice);
  });
  return {
    isReady: (address) =>
      [...slices.values()].some(({ endpoints }) =>
        (endpoints ?? []).some(
          ({ addresses, conditions }: Endpoint) => addresses.includes(address) && conditions.ready !== false,
        ),
      ),
    async close() {
      stopping.abort();
      for (const { server } of listeners.values()) server.close();
      for (const socket of sockets) socket.destroy();
      await client.close();
    },
  };
}

interface Target {
  readonly host: string;
  readonly port: number;
}

import { createServer, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { PODS } from '../../src/controller/kube/resources.ts';
import { createAdminClient, follow } from './follow.ts';

/** One server that answers for every simulated Pod: the address it was reached by says for which. */
export interface PodServer {
  /** Requests answered, by Pod address. */
  readonly requests: ReadonlyMap<string, { readonly count: number; readonly lastMs: number }>;
  /** Pods in this namespace that are gone from the API: their connections are cut and new ones reset, as without a Pod. */
  readonly gone: ReadonlySet<string>;
  close(): Promise<void>;
}

/**
 * Listens on all addresses. With `isAbrupt` a Pod ends the moment it is deleted (no drain), else when the API has removed it.
 */
export async function startPodServer(
  port: number,
  namespace: string,
  isAbrupt: () => boolean,
): Promise<PodServer> {
  const requests = new Map<string, { count: number; lastMs: number }>();
  const gone = new Set<string>();
  const sockets = new Map<string, Set<Socket>>();
  const server: Server = createServer({ keepAliveTimeout: 300_000 }, (request, response) => {
    const address = addressOf(request.socket);
    const seen = requests.get(address) ?? { count: 0, lastMs: 0 };
    requests.set(address, { count: seen.count + 1, lastMs: performance.timeOrigin + performance.now() });
    request.resume();
    request.on('end', () => {
      const body = `HOSTNAME=${address} ${request.method} ${request.url}\n`;
      response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': Buffer.byteLength(body) });
      response.end(body);
    });
  });
  server.on('connection', (socket) => {
    const address = addressOf(socket);
    if (gone.has(address)) {
      socket.resetAndDestroy();
      return;
    }
    const open = sockets.get(address) ?? new Set();
    sockets.set(address, open.add(socket));
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '0.0.0.0' }, resolve);
  });

  const client = await createAdminClient();
  const stopping = new AbortController();
  const end = (address: string) => {
    gone.add(address);
    for (const socket of sockets.get(address) ?? []) socket.resetAndDestroy();
  };
  void follow(client, PODS, namespace, stopping.signal, (type, { metadata, status }) => {
    const address = status?.podIP as string | undefined;
    if (address === undefined) return;
    const isDeleting = metadata.deletionTimestamp !== undefined;
    if (type === 'DELETED' || (isDeleting && isAbrupt())) end(address);
    else if (!isDeleting) gone.delete(address);
  });

  return {
    requests,
    gone,
    async close() {
      stopping.abort();
      await client.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

function addressOf(socket: Socket): string {
  return (socket.localAddress ?? '').replace(/^::ffff:/, '');
}

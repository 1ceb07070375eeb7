import { Agent, request } from 'node:http';

/** What a client sees: one kept connection, which one worker has. */
export interface Client {
  get(host: string, path: string): Promise<Seen>;
  close(): void;
}

export interface Seen {
  readonly status: number;
  readonly body: string;
}

export function openClient(port: number): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    get: (host, path) =>
      new Promise((resolve, reject) => {
        const asked = request({ host: '127.0.0.1', port, path, agent, headers: { host } }, (response) => {
          let body = '';
          response.on('data', (bytes: Buffer) => (body += bytes.toString()));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
          response.on('error', reject);
        });
        asked.on('error', reject);
        asked.end();
      }),
    close: () => agent.destroy(),
  };
}

const LIVE_WITHIN_MS = 20_000;

/**
 * Resolves when every client has seen what is asked for: with several connections that is every worker. One asks until it has; only then do the
 * others, all at once, so that asking is little load.
 */
export async function untilLive(
  clients: readonly Client[],
  host: string,
  path: string,
  isLive: (seen: Seen) => boolean,
): Promise<void> {
  const deadline = performance.now() + LIVE_WITHIN_MS;
  const untilSeen = async (client: Client): Promise<void> => {
    while (!isLive(await client.get(host, path))) {
      if (performance.now() > deadline) throw new Error(`${host}${path} did not become live`);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  const [first, ...others] = clients;
  await untilSeen(first!);
  await Promise.all(others.map(untilSeen));
}

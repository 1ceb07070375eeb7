import { INGRESSES } from '../../src/controller/kube/resources.ts';
import { kubectl } from './cluster.ts';
import { createAdminClient, follow } from './follow.ts';
import { startLoad } from './load.ts';

const CONNECTIONS = 5;

export interface Seen {
  readonly sent: number;
  readonly failures: readonly string[];
  /** How often somebody wrote an Ingress, and what it was refused with. */
  readonly written: number;
  readonly refused: readonly string[];
  /** Every state of the Ingress's status, as addresses. */
  readonly statuses: readonly string[];
}

/** Everybody who is not to notice a hand-over: who asks for a page, who writes Ingresses, and who reads the address of an Ingress. */
export interface Clients {
  stop(): Promise<Seen>;
}

export function startClients(
  url: string,
  host: string,
  ingress: { namespace: string; name: string },
): Clients {
  const stopping = new AbortController();
  // A connection each that is never idle for long: who leaves one idle may find it closed as he writes, and has to ask again.
  const loads = Array.from({ length: CONNECTIONS }, () => startLoad(url, host, { rate: 20, connections: 1 }));
  const statuses = new Set<string>();
  const refused: string[] = [];
  let written = 0;

  async function followStatus(): Promise<void> {
    const client = await createAdminClient();
    await follow(client, INGRESSES, ingress.namespace, stopping.signal, (_, { metadata, status }) => {
      if (metadata.name !== ingress.name) return;
      statuses.add((status.loadBalancer.ingress ?? []).map(({ ip }: { ip: string }) => ip).join());
    });
    await client.close();
  }

  async function write(): Promise<void> {
    for (; !stopping.signal.aborted; written++) {
      const object = ['create', 'ingress', 'written', '--class=nginx', '--rule=written.app/=web:80'];
      await kubectl([...object, '-n', ingress.namespace, '--dry-run=server']).catch((error: unknown) =>
        refused.push(String(error)),
      );
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  const others = [followStatus(), write()];
  return {
    async stop() {
      const results = await Promise.all(loads.map((load) => load.stop()));
      stopping.abort();
      await Promise.all(others);
      const sent = results.reduce((sum, result) => sum + result.sent, 0);
      const failures = results.flatMap((result) => result.failures);
      return { sent, failures, written, refused, statuses: [...statuses] };
    },
  };
}

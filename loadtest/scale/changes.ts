import { performance } from 'node:perf_hooks';
import type { Api } from './api.ts';
import { openClient, untilLive, type Client } from './live.ts';
import type { Followed } from './timeline.ts';
import { changedAddresses, hostOf, ingressOf, NAMESPACE, sliceOf, STEADY_PATH } from './objects.ts';

export interface ChangesOptions {
  readonly count: number;
  readonly perSecond: number;
  /** Ingresses, with as many Services and EndpointSlices. */
  readonly size: number;
  readonly httpPort: number;
  /** Number of the first change: no two changes of a run are the same. */
  readonly first: number;
}

/** Of so many changes of a kind one is followed to where clients see it; the others are load. */
const FOLLOWED = 4;
/** Connections that have to see a change: with six of them, one to each of two workers in 31 runs of 32. */
const CONNECTIONS = 6;
/** Followed at the same time. */
const FOLLOWERS = 3;

export const PATHS = {
  ingress: (index: number) => `/apis/networking.k8s.io/v1/namespaces/${NAMESPACE}/ingresses/ingress-${index}`,
  slice: (index: number) =>
    `/apis/discovery.k8s.io/v1/namespaces/${NAMESPACE}/endpointslices/service-${index}-a`,
};

/** Changes an Ingress and a slice in turn, evenly; follows some of them. */
export async function makeChanges(api: Api, options: ChangesOptions): Promise<readonly Followed[]> {
  const { count, perSecond, size, httpPort, first } = options;
  const followed: Followed[] = [];
  const nowMs = () => performance.timeOrigin + performance.now();
  const idle: Client[][] = Array.from({ length: FOLLOWERS }, () =>
    Array.from({ length: CONNECTIONS }, () => openClient(httpPort)),
  );
  const open = [...idle];
  const running = new Set<Promise<void>>();

  async function changeOne(number: number): Promise<void> {
    // A stride without a divisor in common with usual sizes: neighbours in time are no neighbours in the table.
    const index = (number * 7_919) % size;
    const isIngress = number % 2 === 0;
    const clients = number % (2 * FOLLOWED) < 2 ? idle.pop() : undefined;
    const path = `/live-${number}`;
    const addresses = changedAddresses(number);
    const askedMs = nowMs();
    if (isIngress) await api.put(PATHS.ingress(index), ingressOf(index, path));
    else await api.put(PATHS.slice(index), sliceOf(index, addresses));
    if (clients === undefined) return;
    const answeredMs = nowMs();
    if (isIngress) await untilLive(clients, hostOf(index), path, ({ status }) => status === 200);
    else await untilLive(clients, hostOf(index), STEADY_PATH, ({ body }) => addresses.includes(body));
    const kind = isIngress ? 'ingress' : 'endpoints';
    followed.push({ kind, index, askedMs, answeredMs, liveMs: nowMs() });
    idle.push(clients);
  }

  const startedMs = performance.now();
  for (let done = 0; done < count;) {
    const due = Math.min(count, Math.floor(((performance.now() - startedMs) * perSecond) / 1_000));
    for (; done < due; done++) {
      const change = changeOne(first + done);
      running.add(change);
      void change.finally(() => running.delete(change)).catch(() => undefined);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(running);
  for (const clients of open) for (const client of clients) client.close();
  return followed;
}

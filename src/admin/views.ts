import { certificateToPlain, hostToPlain, upstreamToPlain } from '../model/print.ts';
import type { Served } from './explain.ts';
import type { View } from './server.ts';

/** What /api/ shows, by name. No view has a secret in it. */
export function createViews(served: Served): ReadonlyMap<string, View> {
  const model = () => served.live()?.model;
  return new Map<string, View>([
    ['findings', () => served.live()?.findings ?? []],
    ['generation', () => ({ generation: served.live()?.table.generation ?? 0 })],
    ['hosts', () => mapped(model()?.hosts, (host) => hostToPlain(host))],
    [
      'upstreams',
      () =>
        mapped(model()?.upstreams, (upstream) => ({
          ...upstreamToPlain(upstream),
          endpoints: served.endpointsOf(upstream.id),
        })),
    ],
    ['certificates', () => mapped(model()?.certificates, certificateToPlain)],
    [
      'explain',
      async (query) => {
        // What matches requests is the workers': this thread has it only where somebody asks.
        const { explain } = await import('./explain.ts');
        return explain(served, query.get('host') ?? '', query.get('path') ?? '/');
      },
    ],
  ]);
}

/** One by one, as they are sent: thousands take a while. */
function* mapped<T>(items: readonly T[] = [], toPlain: (item: T) => object): Generator<object> {
  for (const item of items) yield toPlain(item);
}

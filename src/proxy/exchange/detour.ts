import type { Detour } from '../../features/kit/filter.ts';
import type { Exchange } from './exchange.ts';

/** Where a filter of the route has a response of that status answered from; undefined: from where it comes. */
export function detourOf(exchange: Exchange, status: number, isLocal: boolean): Detour | undefined {
  const { route, isDetoured } = exchange.routing;
  if (route === undefined || route.onStatus.length === 0 || isDetoured) return undefined;
  for (const filter of route.onStatus) {
    const detour = filter.onStatus!(status, isLocal, exchange);
    if (detour !== undefined) return detour;
  }
  return undefined;
}

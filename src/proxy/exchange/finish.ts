import type { LinkedRoute } from '../router/linked.ts';
import type { RouteSeries } from '../../observe/sinks.ts';
import type { Exchange, Routing } from './exchange.ts';

/** 14. Observes an exchange; once, whatever happened. */
export function finishExchange(exchange: Exchange, nowMs: number = exchange.context.now()): void {
  if (!exchange.end()) return;
  const { context, accounting, routing } = exchange;
  if (accounting.isSilent) return;
  accounting.durationMs = nowMs - accounting.startedAtMs;
  const { router, route, linkedHost } = routing;
  if (route !== undefined && route.onDone.length > 0) tellFilters(exchange, route);
  const { settings } = router;
  try {
    const isHostSeen = linkedHost === undefined || linkedHost.isConfigured;
    const isNamed = isHostSeen || settings.undefinedHosts === 'counted' || exchange.host === '';
    if (isNamed) seriesOf(routing)?.observe(exchange);
    else if (settings.undefinedHosts === 'nameless') linkedHost.namelessSeries().observe(exchange);
    if (
      (isHostSeen || settings.accessLog.isDefaultBackendLogged) &&
      (route === undefined || route.isAccessLogged)
    ) {
      context.accessLog.write(exchange);
    }
  } catch (fault) {
    context.report(fault);
  }
  exchange.slots.clear();
}

function seriesOf({ series, route, isCanary }: Routing): RouteSeries | undefined {
  if (series !== undefined || route === undefined) return series;
  return isCanary ? route.canarySeries : route.series;
}

/** What one filter holds it lets go of, whatever another one throws. */
function tellFilters(exchange: Exchange, { onDone }: LinkedRoute): void {
  for (const filter of onDone) {
    try {
      filter.onDone!(exchange, exchange);
    } catch (fault) {
      exchange.context.report(fault);
    }
  }
}

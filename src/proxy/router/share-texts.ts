import { interned } from '../../lib/interned.ts';
import type { HostEntry, PathMatch, RouteEntry } from '../../table/table.ts';

/**
 * The same entry, with each text that stands in it several times kept once. What comes from another thread has a copy for each place:
 * for a host of three routes that is 1 KB.
 */
export function shareTexts(host: HostEntry): HostEntry {
  const texts = new Map<string, string>([[host.name, host.name]]);
  const share = (text: string): string => {
    const known = texts.get(text);
    if (known !== undefined) return known;
    const one = text.length <= SHORT ? interned(text) : text;
    texts.set(text, one);
    return one;
  };
  return {
    ...host,
    ...(host.first === undefined
      ? {}
      : { first: { namespace: share(host.first.namespace), ingress: share(host.first.ingress) } }),
    routes: host.routes.map((route) => shareOfRoute(route, share)),
  };
}

/** Namespaces, ports and usual paths, of which a cluster has few. */
const SHORT = 16;

function shareOfRoute(route: RouteEntry, share: (text: string) => string): RouteEntry {
  const { labels, upstreamId } = route;
  return {
    ...route,
    match: shareOfMatch(route.match, share),
    path: share(route.path),
    pathType: share(route.pathType) as RouteEntry['pathType'],
    ...(upstreamId === undefined ? {} : { upstreamId: share(upstreamId) }),
    labels: {
      namespace: share(labels.namespace),
      ingress: share(labels.ingress),
      service: share(labels.service),
      servicePort: share(labels.servicePort),
      path: share(labels.path),
      host: share(labels.host),
    },
  };
}

function shareOfMatch(match: PathMatch, share: (text: string) => string): PathMatch {
  if (match.kind === 'regex') return match;
  return { kind: share(match.kind) as typeof match.kind, value: share(match.value) };
}

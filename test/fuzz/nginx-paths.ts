import type { RandomIngress } from './path-cases.ts';

/*
 * What ingress-nginx's template makes of the paths of a host (docs/reference/routing.md §3, docs/reference/routing.md §4,
 * docs/reference/annotations.md §2.1).
 */

interface Location {
  readonly path: string;
  readonly type: 'Prefix' | 'Exact';
  ingress: RandomIngress;
  /** Name of the upstream. */
  upstream: string;
  isImplicit: boolean;
}

/** The server block of a host; Ingress n leads to upstream `web<n>`, what no path has to `nobody`. */
export function nginxServer(host: string, port: number, ingresses: readonly RandomIngress[]): string {
  const locations = locationsOf(ingresses);
  const isRegex = locations.some(isAsking);
  const blocks = isRegex ? regexBlocks(locations) : plainBlocks(locations);
  return `server { listen 127.0.0.1:${port}; server_name ${host}; proxy_set_header Host $http_host;\n${blocks.join('\n')}\n}\n`;
}

/** One for each path and type, the oldest; the host's own `/` is the first, until a path takes its place. */
function locationsOf(ingresses: readonly RandomIngress[]): Location[] {
  const [first] = ingresses;
  const root: Location = {
    path: '/',
    type: 'Prefix',
    ingress: first!,
    upstream: 'nobody',
    isImplicit: true,
  };
  const locations = [root];
  for (const [index, ingress] of ingresses.entries()) {
    for (const { path, type: written } of ingress.paths) {
      const type = written === 'Exact' ? 'Exact' : 'Prefix';
      const present = locations.find((location) => location.path === path && location.type === type);
      const own = { ingress, upstream: `web${index}`, isImplicit: false };
      if (present === undefined) locations.push({ path, type, ...own });
      else if (present.isImplicit) Object.assign(present, own);
    }
  }
  return locations;
}

function isRewriting({ ingress: { rewrite }, path }: Location): boolean {
  return rewrite !== undefined && rewrite !== path;
}

function isAsking(location: Location): boolean {
  return location.ingress.isRegex || isRewriting(location);
}

function plainBlocks(locations: readonly Location[]): string[] {
  return locations.flatMap((location) => {
    const { path, type } = location;
    if (type === 'Exact') return [`location = "${path}" { ${body(location)} }`];
    if (path === '/') return [`location / { ${body(location)} }`];
    const wide = `location "${path.replace(/\/+$/, '')}/" { ${body(location)} }`;
    const hasExact = locations.some((other) => other.type === 'Exact' && other.path === path);
    return hasExact ? [wide] : [wide, `location = "${path}" { ${body(location)} }`];
  });
}

function regexBlocks(locations: readonly Location[]): string[] {
  const ordered = locations.toSorted(
    (a, b) =>
      Buffer.byteLength(b.path) - Buffer.byteLength(a.path) ||
      (a.path < b.path ? 1 : a.path > b.path ? -1 : 0),
  );
  return ordered.flatMap((location) => {
    const { path, type } = location;
    const own = `location ~* "^${path}" { ${body(location)} }`;
    if (type === 'Exact' || path === '/' || isAsking(location)) return [own];
    const hasExact = locations.some((other) => other.type === 'Exact' && other.path === path);
    const wide = `location ~* "^${path.replace(/\/+$/, '')}/" { ${body(location)} }`;
    return hasExact ? [wide] : [wide, own];
  });
}

function body(location: Location): string {
  const { path, ingress, upstream } = location;
  const pass = `proxy_pass http://${upstream};`;
  if (!isRewriting(location)) return pass;
  const prefix =
    ingress.prefix === undefined
      ? ''
      : `proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Prefix "${ingress.prefix}"; `;
  return `rewrite "(?i)${path}" "${ingress.rewrite}" break; ${prefix}${pass}`;
}

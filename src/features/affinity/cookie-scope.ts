import { CATCH_ALL } from '../../lib/catch-all.ts';
import type { PlacePath } from '../kit/place.ts';

/** Whether a browser sends a cookie of that Path with some request for one of the paths (RFC 6265 §5.1.4). */
export function isCookiePathSent(cookiePath: string, paths: readonly PlacePath[]): boolean {
  if (paths.length === 0) return true;
  // Browsers take the path of the request for a Path that is none.
  if (!cookiePath.startsWith('/')) return true;
  return paths.some(({ path, isExact }) => {
    const literal = literalStart(path === '' ? '/' : path);
    if (literal.length < path.length) return literal.startsWith(cookiePath) || cookiePath.startsWith(literal);
    return isBelow(path, cookiePath) || (!isExact && isBelow(cookiePath, path));
  });
}

/** Whether a browser takes a cookie of that Domain from one of the hosts (RFC 6265 §5.1.3). */
export function isCookieDomainTaken(domain: string, hosts: readonly string[]): boolean {
  const name = domain.replace(/^\./, '').toLowerCase();
  const isWithin = (host: string, suffix: string) => host === suffix || host.endsWith(`.${suffix}`);
  return hosts.some((host) => {
    if (host === CATCH_ALL) return true;
    if (host.startsWith('*.')) return isWithin(host.slice(2), name) || name.endsWith(host.slice(1));
    return isWithin(host, name);
  });
}

function isBelow(path: string, base: string): boolean {
  return path === base || path.startsWith(base.endsWith('/') ? base : `${base}/`);
}

/** What all texts that a regular expression matches begin with, as far as that is plain to see. */
function literalStart(path: string): string {
  const special = path.search(/[*+?()[\]{}|^$\\]/);
  if (special < 0) return path;
  return path.slice(0, /[*?{]/.test(path[special]!) ? special - 1 : special);
}

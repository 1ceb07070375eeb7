import type { StreamSettings } from '../../table/settings.ts';
import type { Endpoint, Upstream } from '../upstream/upstream.ts';

/** However many there are, a client does not wait for more of them. */
const TRIES_MAX = 10;

/** The endpoint of the next try; undefined: there is none, or no other one may be tried. `triedMs`: since the first try began. */
export function nextEndpoint(
  upstream: Upstream,
  tried: readonly Endpoint[],
  triedMs: number,
  { isNextTried, tries, triesTimeoutMs }: StreamSettings,
): Endpoint | undefined {
  const { length } = tried;
  if (length > 0) {
    if (!isNextTried || length >= (tries || TRIES_MAX) || length >= TRIES_MAX) return undefined;
    if (triesTimeoutMs > 0 && triedMs >= triesTimeoutMs) return undefined;
  }
  const endpoint = upstream.next(tried);
  return endpoint === undefined || tried.includes(endpoint) ? undefined : endpoint;
}

import { isExempt } from './exempt-paths.ts';
import type { FilterContext } from './filter.ts';

/** What of external authentication others go by. */
export interface SigningIn {
  /** Template of where a 401 leads; undefined: nowhere. */
  readonly signIn?: string;
  /** Path prefixes that need no authentication (ConfigMap no-auth-locations). */
  readonly exempt: readonly string[];
}

/** What of error pages others go by. */
export interface Interception {
  /** Statuses whose pages come from elsewhere. */
  readonly codes: readonly number[];
  /** Whether those of the upstream count as well as the proxy's own. */
  readonly areUpstreamsMeant: boolean;
}

type Placed = Pick<FilterContext, 'host' | 'route'>;

/**
 * Whether the place has an error page of its own beside the lists: where one signs in, or what its host shows without a certificate. nginx
 * then gives up the pages that are configured for all.
 */
export function hasOwnErrorPage(placed: Placed): boolean {
  const { host, route } = placed;
  if (host.policies['auth-tls']?.errorPage !== undefined) return true;
  const auth = route?.policies['external-auth'] as SigningIn | undefined;
  return auth?.signIn !== undefined && !isExempt(auth.exempt, placed);
}

/** Whether nginx would look at the errors of the upstream here, whichever are listed (proxy_intercept_errors). */
export function isIntercepting({ route }: Placed): boolean {
  const pages = route?.policies['error-pages'] as Interception | undefined;
  return pages !== undefined && pages.areUpstreamsMeant && pages.codes.length > 0;
}

import { toByteText } from '../../lib/byte-text.ts';
import { splitList } from '../../lib/nginx-values.ts';
import type { TranslateContext } from './feature.ts';
import type { FilterContext } from './filter.ts';

/** What is exempt where the ConfigMap says nothing: certificates must be had before anything can ask for them. */
export const EXEMPT_BY_DEFAULT = '/.well-known/acme-challenge';

/** Path prefixes that a ConfigMap key exempts: of authentication `no-auth-locations`, of the redirect to https another. */
export function readExemptPaths(
  setting: TranslateContext['setting'],
  key = 'no-auth-locations',
): readonly string[] {
  return splitList(setting(key) ?? EXEMPT_BY_DEFAULT);
}

/** Whether a route is one of them: by the path of its Ingress, not by that of a request. */
export function isExempt(exempt: readonly string[], { route }: Pick<FilterContext, 'route'>): boolean {
  const path = toByteText(route?.path ?? '');
  return exempt.some((prefix) => path.startsWith(prefix));
}

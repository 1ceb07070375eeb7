import { toByteText } from '../../lib/byte-text.ts';
import { splitList } from '../../lib/nginx-values.ts';
import type { TranslateContext } from './feature.ts';
import type { FilterContext } from './filter.ts';

/** Path prefixes that ask nobody who he is (ConfigMap no-auth-locations). */
export function readExemptPaths(setting: TranslateContext['setting']): readonly string[] {
  return splitList(setting('no-auth-locations') ?? '/.well-known/acme-challenge');
}

/** Whether a route is one of them: by the path of its Ingress, not by that of a request. */
export function isExempt(exempt: readonly string[], { route }: FilterContext): boolean {
  const path = toByteText(route?.path ?? '');
  return exempt.some((prefix) => path.startsWith(prefix));
}

import type { ConfigMapKey, TranslateContext } from './feature.ts';
import { oneOf } from './values.ts';

const DEFAULT_CODE = 308;
const code = oneOf(['301', '302', '307', '308']);

/** ConfigMap `http-redirect-code`; other values than nginx's four are ignored. */
export const REDIRECT_CODE: ConfigMapKey = {
  doc: 'Status of the redirect: 301, 302, 307 or 308 (default).',
  parse: code,
  onInvalid: 'default',
};

/** Status of redirects by that key. */
export function readRedirectCode(setting: TranslateContext['setting']): number {
  const parsed = code(setting('http-redirect-code') ?? '');
  return parsed.ok ? Number(parsed.value) : DEFAULT_CODE;
}

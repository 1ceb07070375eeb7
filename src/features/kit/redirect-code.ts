import type { TranslateContext } from './feature.ts';

const CODES = [301, 302, 307, 308];
const DEFAULT_CODE = 308;

/** Status of redirects by ConfigMap `http-redirect-code`; other values than nginx's four are ignored. */
export function readRedirectCode(setting: TranslateContext['setting']): number {
  const code = Number(setting('http-redirect-code') ?? DEFAULT_CODE);
  return CODES.includes(code) ? code : DEFAULT_CODE;
}

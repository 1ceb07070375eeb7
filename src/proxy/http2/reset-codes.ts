import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import { H2_ERROR } from './wire-codes.ts';

/** What it means to a client that a server reset a stream with that code. */
export function resetErrorOf(code: number): ProxyErrorCode {
  if (code === H2_ERROR.cancel) return 'upstream_cancelled';
  return code === H2_ERROR.enhanceYourCalm ? 'upstream_exhausted' : 'upstream_reset';
}

/** With what the stream of a client is reset then: what a server said is passed on. */
export function resetCodeOf(code: ProxyErrorCode | undefined): number {
  if (code === 'upstream_cancelled') return H2_ERROR.cancel;
  return code === 'upstream_exhausted' ? H2_ERROR.enhanceYourCalm : H2_ERROR.internalError;
}

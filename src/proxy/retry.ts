import type { RetryCondition } from '../model/policy.ts';
import { PROXY_ERRORS, type ProxyErrorCode, type ProxyErrorKind } from './errors.ts';
import type { Exchange } from './exchange.ts';

/** What would be done twice by sending it twice (annotations.md §3.3). */
const NON_IDEMPOTENT: ReadonlySet<string> = new Set(['POST', 'LOCK', 'PATCH']);

const STATUS_CONDITIONS: Readonly<Record<number, RetryCondition>> = {
  403: 'http_403',
  404: 'http_404',
  429: 'http_429',
  500: 'http_500',
  502: 'http_502',
  503: 'http_503',
  504: 'http_504',
};

/** Whether another try may follow one that ended with this error, nothing having been sent to the client. */
export function isErrorRetried(exchange: Exchange, code: ProxyErrorCode): boolean {
  const kind: ProxyErrorKind = PROXY_ERRORS[code];
  if (kind.retry === 'never' || kind.condition === undefined) return false;
  return isRetried(exchange, kind.condition);
}

/** Whether another try may follow a response of this status; when not, the response is delivered. */
export function isStatusRetried(exchange: Exchange, status: number): boolean {
  const condition = STATUS_CONDITIONS[status];
  return condition !== undefined && isRetried(exchange, condition);
}

function isRetried(exchange: Exchange, condition: RetryCondition): boolean {
  const { forwarding } = exchange;
  const { conditions, tries, timeoutMs, isNonIdempotentRetried } = exchange.route!.retry;
  if (!conditions.includes(condition)) return false;
  if (tries > 0 && forwarding.countedTries >= tries) return false;
  if (timeoutMs > 0 && exchange.context.now() - forwarding.startedAtMs >= timeoutMs) return false;
  if (!forwarding.body.isReplayable) return false;
  return !forwarding.isRequestSent || isNonIdempotentRetried || !NON_IDEMPOTENT.has(exchange.method);
}

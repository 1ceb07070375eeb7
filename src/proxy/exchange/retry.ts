import type { RetryCondition } from '../../model/policy.ts';
import { PROXY_ERRORS, type ProxyErrorCode, type ProxyErrorKind } from '../message/proxy-errors.ts';
import type { Exchange } from './exchange.ts';
import { isIdempotent } from './idempotent.ts';

/** ingress-nginx's default, and the least at which an author did not ask for fewer. */
const DEFAULT_TRIES = 3;
/** Endpoints one request may meet, for failures of the connection alone. */
const MAX_ENDPOINTS_TRIED = 10;

const STATUS_CONDITIONS: Readonly<Record<number, RetryCondition>> = {
  403: 'http_403',
  404: 'http_404',
  429: 'http_429',
  500: 'http_500',
  502: 'http_502',
  503: 'http_503',
  504: 'http_504',
};

/**
 * Whether another try may follow one that ended with this error, nothing having been sent to the client. `isReplayable`: all of the request
 * body can be sent again.
 */
export function isErrorRetried(exchange: Exchange, isReplayable: boolean, code: ProxyErrorCode): boolean {
  const kind: ProxyErrorKind = PROXY_ERRORS[code];
  if (kind.retry === 'never' || kind.condition === undefined) return false;
  return isRetried(exchange, isReplayable, kind.condition);
}

/**
 * Whether a request whose tries are used up may go to an endpoint that it has not met yet: when many pods end at once, three tries are
 * soon spent on those that are gone. Only where more than one try is wanted at all, and never beyond a bound.
 */
export function isTriedElsewhere(exchange: Exchange, isReplayable: boolean, code: ProxyErrorCode): boolean {
  const kind: ProxyErrorKind = PROXY_ERRORS[code];
  const { tries } = exchange.routing.route!.retry;
  if (kind.condition !== 'error' || tries < DEFAULT_TRIES) return false;
  if (exchange.attempts.length >= MAX_ENDPOINTS_TRIED) return false;
  return isAllowed(exchange, isReplayable, kind.condition);
}

/** Whether another try may follow a response of this status; when not, the response is delivered. */
export function isStatusRetried(exchange: Exchange, isReplayable: boolean, status: number): boolean {
  // An error page is an answer, whatever its status.
  if (exchange.routing.isDetoured) return false;
  const condition = STATUS_CONDITIONS[status];
  return condition !== undefined && isRetried(exchange, isReplayable, condition);
}

function isRetried(exchange: Exchange, isReplayable: boolean, condition: RetryCondition): boolean {
  const { tries } = exchange.routing.route!.retry;
  if (tries > 0 && exchange.tries.counted >= tries) return false;
  return isAllowed(exchange, isReplayable, condition);
}

/** All that stands against another try but the number of those before. */
function isAllowed(exchange: Exchange, isReplayable: boolean, condition: RetryCondition): boolean {
  const { startedAtMs, isTouched } = exchange.tries;
  const { conditions, timeoutMs, isNonIdempotentRetried } = exchange.routing.route!.retry;
  if (!conditions.includes(condition)) return false;
  if (timeoutMs > 0 && exchange.context.now() - startedAtMs >= timeoutMs) return false;
  if (!isReplayable) return false;
  return !isTouched || isNonIdempotentRetried || isIdempotent(exchange.method);
}

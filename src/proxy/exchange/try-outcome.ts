import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import type { EndpointOutcome } from '../upstream/upstream.ts';

/** What a failed try says of its endpoint. */
export function outcomeOf(code: ProxyErrorCode): EndpointOutcome {
  switch (code) {
    case 'connect_failed':
    case 'connect_timeout':
    case 'upstream_tls_failed':
      return 'connect-failed';
    case 'send_timeout':
    case 'read_timeout':
      return 'timed-out';
    case 'upstream_malformed':
    case 'upstream_head_too_large':
      return 'bad-response';
    case 'internal':
    case 'unsafe_response':
      return 'aborted';
    default:
      return 'reset';
  }
}

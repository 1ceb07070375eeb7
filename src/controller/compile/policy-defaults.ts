import type {
  BackendProtocolPolicy,
  BodyPolicy,
  LoggingPolicy,
  Policies,
  RetryPolicy,
  TimeoutsPolicy,
} from '../../model/policy.ts';

/** ingress-nginx's defaults (docs/reference/settings.md §2), for routes that no Ingress made. */
const TIMEOUTS: TimeoutsPolicy = { connectTimeoutMs: 5_000, sendTimeoutMs: 60_000, readTimeoutMs: 60_000 };
const BODY: BodyPolicy = {
  maxBodyBytes: 1_048_576,
  isRequestBuffered: true,
  maxResponseHeadBytes: 4_096,
  upstreamHttpMinor: 1,
};
const RETRY: RetryPolicy = {
  conditions: ['error', 'timeout'],
  isNonIdempotentRetried: false,
  tries: 3,
  timeoutMs: 0,
};
const BACKEND_PROTOCOL: BackendProtocolPolicy = { protocol: 'http' };

/** The policies with what the data plane's core needs filled in where the author's Ingress left none. */
export function fillPolicies(policies: Policies, logging: LoggingPolicy): Policies {
  return {
    timeouts: TIMEOUTS,
    body: BODY,
    retry: RETRY,
    'backend-protocol': BACKEND_PROTOCOL,
    logging,
    ...withoutUndefined(policies),
  };
}

function withoutUndefined(policies: Policies): Policies {
  return Object.fromEntries(Object.entries(policies).filter(([, policy]) => policy !== undefined));
}

import { compileNetworks } from '../../lib/cidr.ts';
import { compileTemplate } from '../../lib/variables/template.ts';
import type { RateLimit } from '../kit/counters.ts';
import { defineFeature, LIST_LENGTH_MAX } from '../kit/feature.ts';
import type { DirectResponse, RequestView } from '../kit/filter.ts';
import type { Place } from '../kit/place.ts';
import { isRedirected } from '../kit/vain.ts';
import { cidrs, int, where } from '../kit/values.ts';

export interface LimitsPolicy {
  /** Namespace and name of the Ingress: its routes count together. */
  readonly ingress: string;
  readonly requestsPerSecond?: RateRule;
  readonly requestsPerMinute?: RateRule;
  /** Requests in flight of one key. */
  readonly connections?: number;
  /** Clients that are not limited. */
  readonly exempt?: readonly string[];
}

export interface RateRule {
  readonly count: number;
  readonly burst: number;
}

const RATES = ['limit-rps', 'limit-rpm'] as const;
const LIMITS = [...RATES, 'limit-connections'] as const;
const BURST = 5;

const isAsked = (place: Place, names: readonly string[]): boolean =>
  names.some((name) => Number(place.text(name) ?? 0) > 0);

/** How many requests a client may make, and how many at once (docs/reference/annotations.md §6, docs/limits.md). */
export const limits = defineFeature({
  name: 'limits',
  doc: 'How many requests a client may make, across all workers ([limits](limits.md)).',
  scope: 'route',
  stage: 'access',
  annotations: {
    'limit-rps': {
      parse: int,
      risk: 'low',
      onInvalid: 'drop',
      fallback: 0,
      isProtection: true,
      doc: 'Requests per second of a client; above them `limit-req-status-code`. 0: no limit.',
    },
    'limit-rpm': {
      parse: int,
      risk: 'low',
      onInvalid: 'drop',
      fallback: 0,
      isProtection: true,
      doc: 'Requests per minute of a client; beside limit-rps both must have room.',
    },
    'limit-connections': {
      parse: int,
      risk: 'low',
      onInvalid: 'drop',
      fallback: 0,
      isProtection: true,
      doc: 'Requests of a client in flight at once; above them `limit-conn-status-code`. 0: no limit.',
    },
    'limit-burst-multiplier': {
      parse: where(int, (value) => value >= 1, 'is below 1'),
      risk: 'low',
      onInvalid: 'default',
      fallback: BURST,
      doc: 'So many times the rate may come at once, above the first request.',
      difference: 'below 1 it is 5; ingress-nginx then takes no change of any Ingress',
    },
    'limit-allowlist': {
      parse: cidrs,
      maxLength: LIST_LENGTH_MAX,
      risk: 'low',
      onInvalid: 'drop',
      aliases: ['limit-whitelist'],
      doc: 'Comma list of addresses and networks that are not limited.',
    },
  },
  vain: [
    {
      of: [...LIMITS, 'limit-burst-multiplier', 'limit-allowlist'],
      problem: 'does not count for a route that redirects every request',
      consequence: 'redirects are not limited',
      holds: (_, place) => isRedirected(place),
    },
    ...LIMITS.map((name) => ({
      of: [name],
      problem: `is below 0: no ${name}`,
      consequence: 'nothing is limited by it',
      holds: (values: { readonly [key in typeof name]?: number | undefined }) => (values[name] ?? 0) < 0,
    })),
    {
      of: ['limit-burst-multiplier'],
      problem: 'counts only together with limit-rps or limit-rpm',
      consequence: 'it is ignored',
      holds: (_, place) => !isAsked(place, RATES),
    },
    {
      of: ['limit-allowlist'],
      problem: 'counts only together with limit-rps, limit-rpm or limit-connections',
      consequence: 'nobody is limited',
      holds: (_, place) => !isAsked(place, LIMITS),
    },
  ],
  translate: (values, context): LimitsPolicy | undefined => {
    const multiplier = values['limit-burst-multiplier'] ?? BURST;
    const rateOf = (count = 0): RateRule | undefined =>
      count > 0 ? { count, burst: count * multiplier } : undefined;
    const requestsPerSecond = rateOf(values['limit-rps']);
    const requestsPerMinute = rateOf(values['limit-rpm']);
    const connections = (values['limit-connections'] ?? 0) > 0 ? values['limit-connections'] : undefined;
    if (requestsPerSecond ?? requestsPerMinute ?? connections) {
      const exempt = values['limit-allowlist'];
      return {
        ingress: `${context.source.namespace}/${context.source.name}`,
        ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
        ...(requestsPerMinute === undefined ? {} : { requestsPerMinute }),
        ...(connections === undefined ? {} : { connections }),
        ...(exempt === undefined ? {} : { exempt }),
      };
    }
    return undefined;
  },
  createFilter(policy, { counters, settings, slot }) {
    const { ingress, connections, exempt } = policy;
    const keyOf = keyReader(settings.limitKey);
    const isExempt = exempt === undefined ? undefined : compileNetworks(exempt);
    const rates = rateLimitsOf(policy);
    const rate = rates.length === 0 ? undefined : counters.rate(rates);
    const gauge =
      connections === undefined ? undefined : counters.gauge(`${ingress} connections`, connections);
    const tooFast: DirectResponse = { status: settings.rateLimitStatus };
    const tooMany: DirectResponse = { status: settings.connectionLimitStatus };
    const entered = slot<number>();
    return {
      onRequest(request) {
        if (isExempt?.(request.clientAddress) === true) return undefined;
        const key = keyOf(request);
        // Who has no key is not limited, as in nginx.
        if (key === '') return undefined;
        if (rate?.take(key) === false) return tooFast;
        if (gauge === undefined) return undefined;
        const place = gauge.enter(key);
        if (place < 0) return tooMany;
        entered.set(request, place);
        return undefined;
      },
      ...(gauge === undefined
        ? {}
        : {
            onDone(request) {
              const place = entered.get(request);
              if (place !== undefined) gauge.leave(place);
            },
          }),
    };
  },
});

function rateLimitsOf({ ingress, requestsPerSecond, requestsPerMinute }: LimitsPolicy): RateLimit[] {
  const rates: RateLimit[] = [];
  if (requestsPerSecond !== undefined)
    rates.push({ name: `${ingress} rps`, seconds: 1, ...requestsPerSecond });
  if (requestsPerMinute !== undefined)
    rates.push({ name: `${ingress} rpm`, seconds: 60, ...requestsPerMinute });
  return rates;
}

/** The address has one spelling only: its text counts as well as its bytes. */
function keyReader(text: string): (request: RequestView) => string {
  return text === '$binary_remote_addr' || text === '$remote_addr'
    ? ({ clientAddress }) => clientAddress
    : compileTemplate(text);
}

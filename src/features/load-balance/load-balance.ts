import { hasVariables } from '../../lib/variables/template.ts';
import type { LoadBalancePolicy } from '../../model/policy.ts';
import { defineFeature, type Parser } from '../kit/feature.ts';
import { reportUnknownVariables } from '../kit/unknown-variables.ts';
import { bool, int, nginxvar, oneOf, plainText, seconds, where } from '../kit/values.ts';

/** ingress-nginx's two algorithms, then Serin's own. */
export const ALGORITHMS = [
  'round_robin',
  'ewma',
  'least_conn',
  'random_two',
  'source_hash',
  'destination_hash',
  'sed',
  'nq',
] as const;

/** A percentage above 100, given as a factor. */
const aboveHundred: Parser<number> = (raw) => {
  const parsed = int(raw);
  if (!parsed.ok) return parsed;
  return parsed.value > 100
    ? { ok: true, value: parsed.value / 100 }
    : { ok: false, problem: 'is not a percentage above 100' };
};

const notNegative = where(int, (value) => value >= 0, 'is below 0');

/** How endpoints are chosen (docs/reference/annotations.md §3.2). */
export const loadBalance = defineFeature({
  name: 'load-balance',
  doc: 'How an endpoint is chosen.',
  scope: 'upstream',
  isOfCanaries: true,
  annotations: {
    'load-balance': {
      parse: oneOf(ALGORITHMS),
      risk: 'low',
      onInvalid: 'drop',
      configMapKey: 'load-balance',
      fallback: 'round_robin',
      doc: `Algorithm: ${ALGORITHMS.join(', ')}. (ingress-nginx has the first two.)`,
    },
    'upstream-hash-by': {
      parse: nginxvar,
      parseUnchecked: plainText,
      risk: 'high',
      onInvalid: 'drop',
      doc: 'Consistent hash on this expression, such as `$request_uri`; wins over load-balance.',
    },
    'upstream-hash-by-subset': {
      parse: bool,
      risk: 'low',
      onInvalid: 'drop',
      fallback: false,
      doc: 'The hash chooses a subset, then a random member of it.',
    },
    'upstream-hash-by-subset-size': {
      parse: int,
      risk: 'low',
      onInvalid: 'drop',
      fallback: 3,
      doc: 'Endpoints in a subset; 0 is 3.',
    },
    'upstream-hash-by-balance-factor': {
      parse: aboveHundred,
      risk: 'low',
      onInvalid: 'default',
      doc: 'Hashes send an endpoint at most this percentage of its fair share of the requests in flight. Unset: no bound. (Serin only.)',
    },
    'load-balance-slow-start': {
      parse: seconds,
      risk: 'low',
      onInvalid: 'default',
      doc: 'Seconds in which an endpoint that joins others comes to its full share. Unset: at once. (Serin only.)',
    },
    'upstream-max-fails': {
      parse: notNegative,
      risk: 'low',
      onInvalid: 'default',
      doc: 'Failed connects within upstream-fail-timeout that take an endpoint out of rotation; 0: never; default 1. (Serin only.)',
    },
    'upstream-fail-timeout': {
      parse: seconds,
      risk: 'low',
      onInvalid: 'default',
      doc: 'Seconds until one request probes an endpoint that is out of rotation; default 1. (Serin only.)',
    },
  },
  vain: [
    {
      of: ['upstream-hash-by'],
      problem: 'has no variable, and is the same for every request',
      consequence: 'all requests go to one endpoint',
      holds: (values) => !hasVariables(values['upstream-hash-by'] ?? ''),
    },
    {
      of: ['load-balance', 'upstream-hash-by', 'load-balance-slow-start'],
      problem: 'does not count beside affinity: cookie',
      consequence: 'the session decides',
      holds: (_, place) => !place.isCanary && place.text('affinity') === 'cookie',
    },
    {
      of: ['load-balance', 'load-balance-slow-start'],
      problem: 'does not count beside upstream-hash-by',
      consequence: 'the hash decides',
      holds: (values) => (values['upstream-hash-by'] ?? '') !== '',
    },
    {
      of: ['load-balance-slow-start'],
      problem: 'does not count for hashes',
      consequence: 'the hash decides',
      holds: (values) => isHash(values['load-balance']),
    },
    {
      of: ['upstream-hash-by-subset', 'upstream-hash-by-subset-size'],
      problem: 'counts only together with upstream-hash-by',
      consequence: 'there are no subsets',
      holds: (values) => (values['upstream-hash-by'] ?? '') === '',
    },
    {
      of: ['upstream-hash-by-subset-size'],
      problem: 'counts only together with upstream-hash-by-subset: "true"',
      consequence: 'there are no subsets',
      holds: (values) => values['upstream-hash-by-subset'] !== true,
    },
    {
      of: ['upstream-hash-by-balance-factor'],
      problem: 'counts only for hashes without subsets',
      consequence: 'it is ignored',
      holds: (values) =>
        (values['upstream-hash-by'] ?? '') === ''
          ? !isHash(values['load-balance'])
          : values['upstream-hash-by-subset'] === true,
    },
    {
      of: ['upstream-fail-timeout'],
      problem: 'does not count with upstream-max-fails: "0"',
      consequence: 'no endpoint is taken out of rotation',
      holds: (values) => values['upstream-max-fails'] === 0,
    },
  ],
  translate: (values, context): LoadBalancePolicy | undefined => {
    const algorithm = values['load-balance'] ?? 'round_robin';
    // An empty expression is none.
    const hashBy = values['upstream-hash-by'] || undefined;
    reportUnknownVariables(context, 'upstream-hash-by', hashBy);
    const isSubset = hashBy !== undefined && values['upstream-hash-by-subset'] === true;
    const optional = {
      hashBy,
      subsetSize: isSubset ? subsetSizeOf(values['upstream-hash-by-subset-size']) : undefined,
      loadFactor: values['upstream-hash-by-balance-factor'],
      slowStartMs: values['load-balance-slow-start'] || undefined,
      maxFails: values['upstream-max-fails'],
      failTimeoutMs: values['upstream-fail-timeout'] || undefined,
    };
    const asked = Object.entries(optional).filter(([, value]) => value !== undefined);
    if (algorithm === 'round_robin' && asked.length === 0) return undefined;
    return { algorithm, ...Object.fromEntries(asked) };
  },
});

function isHash(algorithm: string | undefined): boolean {
  return algorithm === 'source_hash' || algorithm === 'destination_hash';
}

function subsetSizeOf(size: number | undefined): number {
  return size !== undefined && size > 0 ? size : 3;
}

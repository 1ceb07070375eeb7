import type { LoadBalancePolicy } from '../../model/policy.ts';
import { defineFeature } from '../kit/feature.ts';
import { bool, int, nginxvar, oneOf } from '../kit/values.ts';

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

/** How endpoints are chosen (annotations.md §3.2). */
export const loadBalance = defineFeature({
  name: 'load-balance',
  doc: 'How an endpoint is chosen.',
  scope: 'upstream',
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
  },
  translate: (values): LoadBalancePolicy | undefined => {
    const algorithm = values['load-balance'] ?? 'round_robin';
    const hashBy = values['upstream-hash-by'];
    if (hashBy === undefined) return algorithm === 'round_robin' ? undefined : { algorithm };
    if (values['upstream-hash-by-subset'] !== true) return { algorithm, hashBy };
    return { algorithm, hashBy, subsetSize: values['upstream-hash-by-subset-size'] || 3 };
  },
});

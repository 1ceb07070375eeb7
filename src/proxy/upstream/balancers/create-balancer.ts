import { compileTemplate } from '../../../lib/variables/template.ts';
import type { LoadBalancePolicy } from '../../../model/policy.ts';
import type { Balancer, BalancerDeps } from './balancer.ts';
import { createLeastConn, createNq, createSed } from './fewest-requests.ts';
import { createHash, createSubsetHash, destinationKey, sourceKey, type KeyOf } from './hash.ts';
import { createRoundRobin } from './round-robin.ts';
import { createEwma, createRandomTwo } from './two-choices.ts';

/** By the name that `load-balance` has for it (features/load-balance). */
const BY_NAME: ReadonlyMap<string, (deps: BalancerDeps, policy: LoadBalancePolicy) => Balancer> = new Map([
  ['round_robin', createRoundRobin],
  ['ewma', createEwma],
  ['least_conn', createLeastConn],
  ['random_two', createRandomTwo],
  ['source_hash', (_: BalancerDeps, { loadFactor }: LoadBalancePolicy) => createHash(sourceKey, loadFactor)],
  [
    'destination_hash',
    (_: BalancerDeps, { loadFactor }: LoadBalancePolicy) => createHash(destinationKey, loadFactor),
  ],
  ['sed', createSed],
  ['nq', createNq],
]);

/** The balancer a policy asks for: `upstream-hash-by` before `load-balance`; round robin where there is none or none of that name. */
export function createBalancer(policy: LoadBalancePolicy | undefined, deps: BalancerDeps): Balancer {
  if (policy === undefined) return createRoundRobin(deps);
  const { hashBy, subsetSize, loadFactor } = policy;
  if (hashBy !== undefined) {
    const keyOf: KeyOf = compileTemplate(hashBy);
    return subsetSize === undefined
      ? createHash(keyOf, loadFactor)
      : createSubsetHash(deps, keyOf, subsetSize);
  }
  return (BY_NAME.get(policy.algorithm) ?? createRoundRobin)(deps, policy);
}

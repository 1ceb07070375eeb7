import type { Balancer, BalancerDeps } from './balancer.ts';

/** Plain rotation from a random start, so that workers do not march in step (annotations.md §3.2). */
export function createRoundRobin({ random }: BalancerDeps): Balancer {
  let next = Math.floor(random() * 0x40000000);
  return {
    pick(endpoints) {
      const index = next % endpoints.length;
      next = index + 1;
      return endpoints[index]!;
    },
  };
}

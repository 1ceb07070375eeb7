import type { RequestView } from '../../../features/kit/filter.ts';
import { RingHash } from '../../../lib/ring-hash.ts';
import type { Avoid, Balancer, BalancerDeps, Member } from './balancer.ts';

/** What a request is hashed by. */
export type KeyOf = (request: RequestView) => string;

/** Same client, same endpoint. */
export const sourceKey: KeyOf = (request) => request.clientAddress;

/** Same host and path, same endpoint. */
export const destinationKey: KeyOf = (request) => `${request.host}${request.path}`;

/**
 * Consistent hash on a ring with ingress-nginx's points: a change of members moves only the keys of those that come or go. A key whose
 * member is to be avoided, or is loaded beyond `loadFactor` times its fair share of the requests in flight, goes to the next one on the ring.
 */
export function createHash(keyOf: KeyOf, loadFactor = Infinity): Balancer {
  let members: readonly Member[] = [];
  let totalWeight = 0;
  let ring: RingHash | undefined;

  function isLoaded({ endpoint, weight }: Member, inFlight: number): boolean {
    return endpoint.inFlight >= Math.ceil(((inFlight + 1) * loadFactor * weight) / totalWeight);
  }

  function find(key: string, avoid: Avoid | undefined): number {
    ring ??= new RingHash(
      members.map(({ endpoint }) => endpoint.key),
      members.map(({ weight }) => weight),
    );
    let index = ring.find(key);
    if (loadFactor !== Infinity) {
      const inFlight = members.reduce((sum, { endpoint }) => sum + endpoint.inFlight, 0);
      const isFit = (i: number) => avoid?.(members[i]!.endpoint) !== true && !isLoaded(members[i]!, inFlight);
      const fit = ring.findWhere(key, isFit);
      if (fit >= 0) return fit;
    }
    if (avoid !== undefined && avoid(members[index]!.endpoint)) {
      const other = ring.findWhere(key, (i) => !avoid(members[i]!.endpoint));
      if (other >= 0) index = other;
    }
    return index;
  }

  return {
    update(next) {
      const isSame =
        next.length === members.length &&
        next.every(
          ({ endpoint, weight }, i) => endpoint === members[i]!.endpoint && weight === members[i]!.weight,
        );
      members = next;
      if (isSame) return;
      totalWeight = next.reduce((sum, { weight }) => sum + weight, 0);
      // Made when it is needed: many an upstream gets no request between two changes.
      ring = undefined;
    },
    pick: (request, avoid) => members[find(keyOf(request), avoid)]!.endpoint,
  };
}

/**
 * Consistent hash to a group of `size` members, then a random one of them. Groups are cut in list order, the last one topped up from the
 * beginning of the list (docs/reference/annotations.md §3.2).
 */
export function createSubsetHash({ random }: BalancerDeps, keyOf: KeyOf, size: number): Balancer {
  let members: readonly Member[] = [];
  let ring: RingHash | undefined;
  let groupCount = 0;

  const memberOf = (group: number, place: number) =>
    members[(group * size + place) % members.length]!.endpoint;
  const draw = () => Math.floor(random() * size);

  return {
    update(next) {
      members = next;
      const count = Math.ceil(next.length / size);
      if (count === groupCount) return;
      groupCount = count;
      ring = undefined;
    },
    pick(request, avoid) {
      ring ??= new RingHash(Array.from({ length: groupCount }, (_, i) => `set${i + 1}`));
      const key = keyOf(request);
      const endpoint = memberOf(ring.find(key), draw());
      if (avoid === undefined || !avoid(endpoint)) return endpoint;
      let place = -1;
      const group = ring.findWhere(key, (candidate) => {
        const start = draw();
        for (let i = 0; i < size; i++) {
          place = (start + i) % size;
          if (!avoid(memberOf(candidate, place))) return true;
        }
        return false;
      });
      return group < 0 ? endpoint : memberOf(group, place);
    },
  };
}

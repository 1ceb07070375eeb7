import type { RequestView } from '../../features/kit/filter.ts';
import type { AffinityPolicy, HealthCheckPolicy, LoadBalancePolicy } from '../../model/policy.ts';
import type { EndpointEntry, UpstreamEntry } from '../../table/table.ts';
import { ActiveChecks, type HealthCheck } from './active-checks.ts';
import { Affinity, type AffinityDeps } from './affinity.ts';
import type { Avoid, Balancer, Member } from './balancers/balancer.ts';
import { createBalancer } from './balancers/create-balancer.ts';
import { createRoundRobin, type Rotation } from './balancers/round-robin.ts';
import type { EndpointState } from './endpoint.ts';
import type { HealthPolicy } from './health.ts';
import { SlowStart } from './slow-start.ts';
import type { Endpoint, PickState, Upstream } from './upstream.ts';

/** An endpoint as an upstream's list has it. */
export interface Place {
  readonly endpoint: EndpointState;
  readonly entry: EndpointEntry;
}

export interface UpstreamDeps extends AffinityDeps {
  readonly check: HealthCheck;
  /** Told when active checks take an endpoint out of rotation (with the problem) and bring it back. */
  readonly checked: (upstreamId: string, endpointKey: string, problem: string | undefined) => void;
}

/** An upstream of the registry: its endpoints, its balancer and its sessions. */
export class UpstreamState implements Upstream {
  readonly id: string;
  entry: UpstreamEntry;
  #places: readonly Place[] = [];
  /** Those that may take requests of anyone. */
  #open: readonly Place[] = [];
  #balancer: Balancer;
  #slowStart: SlowStart;
  /** Of what is no request; made when it is asked first. */
  #rotation: Rotation | undefined = undefined;
  /** Made when a session is asked for. */
  #affinity: Affinity | undefined = undefined;
  #checks: ActiveChecks | undefined = undefined;
  readonly #deps: UpstreamDeps;
  readonly #health: HealthPolicy;

  /** `health` is for endpoints of which the policies say nothing. */
  constructor(id: string, deps: UpstreamDeps, health: HealthPolicy) {
    this.id = id;
    this.entry = { id, digest: '', policies: {} };
    this.#deps = deps;
    this.#health = health;
    this.#balancer = createBalancer(undefined, deps);
    this.#slowStart = new SlowStart(0);
  }

  configure(entry: UpstreamEntry): void {
    const before = this.entry;
    this.entry = entry;
    if (before.digest === entry.digest) return;
    this.#configureBalancing(before.policies['load-balance']);
    this.#configureChecks(before.policies['health-check']);
  }

  #configureBalancing(before: LoadBalancePolicy | undefined): void {
    const policy = this.entry.policies['load-balance'];
    // A table that says the same leaves the rotation and what it knows of the endpoints as they are.
    if (isSamePolicy(before, policy)) return;
    this.#balancer = createBalancer(policy, this.#deps);
    this.#slowStart = new SlowStart(policy?.slowStartMs ?? 0);
    // What was said before is taken back.
    if (saysHealth(policy) || saysHealth(before)) this.#updateHealth();
    this.#updateBalancer();
  }

  #configureChecks(before: HealthCheckPolicy | undefined): void {
    const policy = this.entry.policies['health-check'];
    if (isSamePolicy(before, policy)) return;
    this.#checks?.stop();
    const { random, check, checked } = this.#deps;
    this.#checks =
      policy &&
      new ActiveChecks(policy, {
        random,
        check,
        changed: ({ key }, problem) => checked(this.id, key, problem),
      });
    this.#checks?.update(endpointsOf(this.#open));
  }

  /** Takes the new endpoints and gives back the old ones. */
  replace(places: readonly Place[]): readonly Place[] {
    const before = this.#places;
    const nowMs = this.#deps.nowMs();
    this.#places = places;
    const open = places.filter(({ entry }) => entry.isReady && entry.weight > 0);
    this.#slowStart.update(endpointsOf(this.#open), endpointsOf(open), nowMs);
    this.#open = open;
    this.#affinity?.update(endpointsOf(open), endpointsOf(places));
    this.#checks?.update(endpointsOf(open));
    if (saysHealth(this.entry.policies['load-balance'])) this.#updateHealth();
    this.#updateBalancer();
    return before;
  }

  hasEndpoints(): boolean {
    return this.#open.length > 0;
  }

  holdsSession(request: RequestView, affinity: AffinityPolicy): boolean {
    return this.#sessions().isBound(request, affinity);
  }

  #sessions(): Affinity {
    if (this.#affinity === undefined) {
      this.#affinity = new Affinity(this.id, this.#deps);
      this.#affinity.update(endpointsOf(this.#open), endpointsOf(this.#places));
    }
    return this.#affinity;
  }

  pick(request: RequestView, pick: PickState): Endpoint | undefined {
    if (this.#open.length === 0) return undefined;
    if (pick.affinity !== undefined) return this.#sessions().pick(pick.affinity, request, pick);
    if (this.#slowStart.isOn && this.#slowStart.isStepDue(this.#deps.nowMs())) this.#updateBalancer();
    const balancer = this.#balancer;
    if (pick.tried.length === 0) {
      const chosen = balancer.pick(request, undefined);
      if (!chosen.health.isOut || chosen.health.mayTake(this.#deps.nowMs())) return chosen;
    }
    return balancer.pick(request, this.#toAvoid(pick.tried));
  }

  next(tried: readonly Endpoint[]): Endpoint | undefined {
    if (this.#open.length === 0) return undefined;
    if (this.#rotation === undefined) {
      this.#rotation = createRoundRobin(this.#deps);
      this.#updateBalancer();
    }
    if (tried.length === 0) {
      const chosen = this.#rotation.pick(undefined, undefined);
      if (!chosen.health.isOut || chosen.health.mayTake(this.#deps.nowMs())) return chosen;
    }
    return this.#rotation.pick(undefined, this.#toAvoid(tried));
  }

  /** Passes over what is out of rotation or was tried, while there is anything else; when there is not, all are tried. */
  #toAvoid(tried: readonly Endpoint[]): Avoid | undefined {
    const nowMs = this.#deps.nowMs();
    const isOut: Avoid = ({ health }) => !health.mayTake(nowMs);
    const isTried: Avoid = (endpoint) => tried.includes(endpoint);
    const isEither: Avoid = (endpoint) => isOut(endpoint) || isTried(endpoint);
    return [isEither, isTried, isOut].find((avoid) => this.#open.some(({ endpoint }) => !avoid(endpoint)));
  }

  /** Of several upstreams with the same endpoint the last that says something decides. */
  #updateHealth(): void {
    const { maxFails, failTimeoutMs } = this.entry.policies['load-balance'] ?? {};
    const policy: HealthPolicy = {
      maxFails: maxFails ?? this.#health.maxFails,
      failTimeoutMs: failTimeoutMs ?? this.#health.failTimeoutMs,
    };
    for (const { endpoint } of this.#places) endpoint.health.policy = policy;
  }

  #updateBalancer(): void {
    if (this.#open.length === 0) return;
    const nowMs = this.#deps.nowMs();
    const members = this.#open.map(({ endpoint, entry }): Member => {
      const weight = Math.max(Math.round(entry.weight), 1);
      return { endpoint, weight, share: weight * this.#slowStart.factorOf(endpoint, nowMs) };
    });
    this.#balancer.update(members);
    this.#rotation?.update(members);
  }
}

function endpointsOf(places: readonly Place[]): readonly EndpointState[] {
  return places.map(({ endpoint }) => endpoint);
}

function saysHealth(policy: LoadBalancePolicy | undefined): boolean {
  return policy?.maxFails !== undefined || policy?.failTimeoutMs !== undefined;
}

function isSamePolicy(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

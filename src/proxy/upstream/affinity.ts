import { hash } from 'node:crypto';
import type { RequestView } from '../../features/kit/filter.ts';
import { cookieValueOf, toSetCookie } from '../../lib/cookie.ts';
import { RingHash } from '../../lib/ring-hash.ts';
import type { AffinityPolicy } from '../../model/policy.ts';
import type { EndpointState } from './endpoint.ts';
import { isSameSiteNoneUnderstood } from './same-site.ts';
import type { PickState } from './upstream.ts';

export interface AffinityDeps {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Monotonic. */
  readonly nowMs: () => number;
  /** Time since 1970 in ms. */
  readonly epochMs: () => number;
  readonly processId: number;
}

interface Choice {
  readonly endpoint: EndpointState;
  readonly key: string;
}

/** Draws for an endpoint that is not to be avoided; as many as ingress-nginx makes. */
const MAX_DRAWS = 20;

/**
 * Sessions of one upstream, kept by cookie alone (docs/reference/annotations.md §4): `<key>|<backend-key>`, all as ingress-nginx makes and reads it, so that
 * its cookies stay good.
 */
export class Affinity {
  /** Second part of the cookies of this upstream. */
  readonly #backendKey: string;
  readonly #upstreamId: string;
  readonly #deps: AffinityDeps;
  /** May take new sessions. */
  #open: readonly EndpointState[] = [];
  /** Have sessions, terminating ones included. */
  #all: readonly EndpointState[] = [];
  #ring: RingHash | undefined = undefined;
  #byKey: ReadonlyMap<string, EndpointState> | undefined = undefined;

  constructor(upstreamId: string, deps: AffinityDeps) {
    this.#upstreamId = upstreamId;
    this.#deps = deps;
    this.#backendKey = md5(md5(upstreamId) + upstreamId);
  }

  update(open: readonly EndpointState[], all: readonly EndpointState[]): void {
    this.#open = open;
    this.#all = all;
    this.#ring = undefined;
    this.#byKey = undefined;
  }

  /** Whether the request's cookie is of this upstream. */
  isBound(request: RequestView, policy: AffinityPolicy): boolean {
    return partsOf(request, policy)[1] === this.#backendKey;
  }

  /** The endpoint of the session, else that of a new one; sets `pick.setCookie` when a new one begins. */
  pick(policy: AffinityPolicy, request: RequestView, pick: PickState): EndpointState | undefined {
    const { tried } = pick;
    const [key] = partsOf(request, policy);
    const bound = key === undefined ? undefined : this.#find(policy, key);
    const isLeft = bound !== undefined && tried.includes(bound) && !this.#open.includes(bound);
    if (bound !== undefined && !isLeft && (tried.length === 0 || !policy.isChangedOnFailure)) return bound;
    const choice = this.#choose(policy, tried, bound !== undefined);
    // A session that finds nothing new stays where it is.
    if (choice === undefined) return bound;
    if (pick.isAffinityAsked) pick.setCookie = this.#setCookie(policy, choice.key, request, pick);
    return choice.endpoint;
  }

  #find(policy: AffinityPolicy, key: string): EndpointState | undefined {
    if (policy.mode === 'balanced') return this.#open[this.#toRing().find(key)];
    this.#byKey ??= new Map(this.#all.map((endpoint) => [this.#keyOf(endpoint), endpoint]));
    return this.#byKey.get(key);
  }

  /** Where a new session goes: not to what was tried, nor to what is out of rotation, while there is anything else. */
  #choose(policy: AffinityPolicy, tried: readonly unknown[], isBound: boolean): Choice | undefined {
    const nowMs = this.#deps.nowMs();
    const fresh = this.#open.filter((endpoint) => !tried.includes(endpoint));
    if (fresh.length === 0 && isBound) return undefined;
    const wanted = fresh.length === 0 ? this.#open : fresh;
    const healthy = wanted.filter(({ health }) => health.mayTake(nowMs));
    const from = healthy.length === 0 ? wanted : healthy;
    return policy.mode === 'balanced' ? this.#drawKey(from) : this.#drawEndpoint(from);
  }

  #drawEndpoint(from: readonly EndpointState[]): Choice {
    const endpoint = from[Math.floor(this.#deps.random() * from.length)]!;
    return { endpoint, key: this.#keyOf(endpoint) };
  }

  /** Draws keys until one falls to an endpoint that is wanted; after 20 any will do. */
  #drawKey(from: readonly EndpointState[]): Choice {
    const { random, epochMs, processId } = this.#deps;
    const ring = this.#toRing();
    const nowMs = Math.floor(epochMs());
    for (let i = 1; ; i++) {
      const key = `${(nowMs + i * 1_000) / 1_000}.${processId}.${Math.floor(random() * 999_999) + 1}`;
      const endpoint = this.#open[ring.find(key)]!;
      if (i === MAX_DRAWS || from.includes(endpoint)) return { endpoint, key };
    }
  }

  #toRing(): RingHash {
    return (this.#ring ??= new RingHash(this.#open.map(({ key }) => key)));
  }

  #keyOf(endpoint: EndpointState): string {
    return md5(this.#upstreamId + endpoint.key);
  }

  #setCookie(policy: AffinityPolicy, key: string, request: RequestView, pick: PickState): string {
    const { sameSite, expiresSeconds } = policy;
    const isSameSiteLeftOut =
      sameSite === 'None' &&
      policy.isSameSiteNoneConditional &&
      !isSameSiteNoneUnderstood(request.header('user-agent') ?? '');
    return toSetCookie(policy.cookieName, `${key}|${this.#backendKey}`, {
      expiresAtSeconds:
        expiresSeconds === undefined ? undefined : Math.floor(this.#deps.epochMs() / 1_000) + expiresSeconds,
      maxAgeSeconds: policy.maxAgeSeconds,
      domain: policy.domain,
      path: policy.path ?? pick.cookiePath,
      isSecure: policy.isAlwaysSecure || request.connectionScheme === 'https',
      sameSite: isSameSiteLeftOut ? undefined : sameSite,
    });
  }
}

function partsOf(request: RequestView, policy: AffinityPolicy): readonly string[] {
  const header = request.header('cookie');
  const value = header === undefined ? undefined : cookieValueOf(header, policy.cookieName);
  return value === undefined ? [] : value.split('|').filter((part) => part !== '');
}

function md5(text: string): string {
  return hash('md5', text, 'hex');
}

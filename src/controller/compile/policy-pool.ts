import { digestOf } from '../../lib/hash.ts';
import type { Policies } from '../../model/policy.ts';

/**
 * Equal policies as one object, for one table: what crosses to the workers is then smaller, and there, where the clone keeps what is
 * one object as one, thousands of routes read the same memory.
 */
export class PolicyPool {
  readonly #byDigest = new Map<string, Policies>();
  readonly #digests = new Map<Policies, string>();

  /** The one that stands for all that are equal to it. */
  shared(policies: Policies): Policies {
    const digest = digestOf(policies);
    const known = this.#byDigest.get(digest);
    if (known !== undefined) return known;
    this.#byDigest.set(digest, policies);
    this.#digests.set(policies, digest);
    return policies;
  }

  /** Digest of what `shared` gave. */
  digestOf(policies: Policies): string {
    return this.#digests.get(policies)!;
  }
}

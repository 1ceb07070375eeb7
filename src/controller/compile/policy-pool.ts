import { digestOf } from '../../lib/hash.ts';
import { toByteTexts } from '../../lib/byte-text.ts';
import type { Policies } from '../../model/policy.ts';

/** Patterns: whoever compiles them for matching bytes converts them. */
const KEPT: ReadonlySet<string> = new Set(['headerPattern', 'userAgents', 'referers', 'subjectPattern']);

/** Policies as workers have them: all that may become part of a head is bytes. */
export function toBytePolicies<T>(policies: T): T {
  return toByteTexts(policies, KEPT);
}

/**
 * Equal policies as one object, for one table: what crosses to the workers is then smaller, and there, where the clone keeps what is
 * one object as one, thousands of routes read the same memory.
 */
export class PolicyPool {
  readonly #byDigest = new Map<string, Policies>();
  readonly #digests = new Map<Policies, string>();
  /** What was asked for, as it is: thousands of Ingresses with the same annotations have one object. */
  readonly #asked = new Map<Policies, Policies>();

  /** The one that stands for all that are equal to it, as workers have it. */
  shared(policies: Policies): Policies {
    let one = this.#asked.get(policies);
    if (one === undefined) this.#asked.set(policies, (one = this.#share(policies)));
    return one;
  }

  #share(policies: Policies): Policies {
    const digest = digestOf(policies);
    const known = this.#byDigest.get(digest);
    if (known !== undefined) return known;
    const made = toBytePolicies(policies);
    this.#byDigest.set(digest, made);
    this.#digests.set(made, digest);
    return made;
  }

  /** Digest of what `shared` gave. */
  digestOf(policies: Policies): string {
    return this.#digests.get(policies)!;
  }
}

import type { PublicJwk } from '../../lib/key-set.ts';

/** Keys fetched from a URL, as known now. */
export interface KeySet {
  readonly keys: readonly PublicJwk[];
  /** Why the last try brought none; empty where it did. */
  readonly problem: string;
}

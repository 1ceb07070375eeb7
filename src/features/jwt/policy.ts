import type { PublicJwk } from '../../lib/key-set.ts';

export interface JwtPolicy {
  readonly issuer: string;
  /** One of them must be in `aud`; empty: not asked for. */
  readonly audiences: readonly string[];
  /** Public keys. */
  readonly keys: readonly PublicJwk[];
  readonly claims: readonly ClaimHeader[];
  /** Where a token may be instead of Authorization. */
  readonly cookie?: string;
  /** Difference of clocks that is let pass. */
  readonly leewaySeconds: number;
}

export interface ClaimHeader {
  /** Dots lead into objects. */
  readonly claim: string;
  readonly header: string;
}

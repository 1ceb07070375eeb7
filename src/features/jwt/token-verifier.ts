import { hash } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { ExpiringMap, type ExpiringLimits } from '../../lib/expiring-map.ts';
import { canonicalText } from '../../lib/hash.ts';
import type { JwtPolicy } from './policy.ts';

export type Claims = JWTPayload;

/** Asymmetric ones alone: a public key is no secret (RFC 8725 §2.1, §3.2). */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];
const TOKEN_MAX = 16_384;
/** Keys tried for a token that names none, or one that several have: each costs a signature, and whoever sends tokens pays nothing. */
const KEYS_TRIED_MAX = 8;
/** How long a good token is remembered at most. */
const REMEMBERED_MS = 60_000;
/** What a worker remembers of good tokens, over all routes: tenants choose how many of these there are, and what is in a token. */
const MEMORY: ExpiringLimits = { maxEntries: 65_536, maxBytes: 33_554_432 };

export type TokenMemory = ExpiringMap<Claims>;

export function createTokenMemory(): TokenMemory {
  return new ExpiringMap<Claims>(MEMORY);
}

type Verify = (token: string) => Promise<Claims | undefined>;

/** Checks tokens against one policy. A good one is remembered by its digest, so that the next request with it costs no signature. */
export class TokenVerifier {
  readonly #policy: JwtPolicy;
  readonly #nowMs: () => number;
  readonly #memory: TokenMemory;
  /** In front of a token's digest: what is good for another policy is not good for this one. */
  readonly #scope: string;
  #verify: Promise<Verify> | undefined;

  constructor(policy: JwtPolicy, memory: TokenMemory, nowMs: () => number = Date.now) {
    this.#policy = policy;
    this.#memory = memory;
    this.#nowMs = nowMs;
    this.#scope = hash('sha256', canonicalText(policy), 'base64');
  }

  /** Claims of a token that was good a moment ago and still is. */
  known(token: string): Claims | undefined {
    if (this.#memory.size === 0 || token.length > TOKEN_MAX) return undefined;
    return this.#memory.get(this.#keyOf(token), this.#nowMs());
  }

  /** Undefined: the token is none, or not good for this policy. Never rejects for what a client sent. */
  async verify(token: string): Promise<Claims | undefined> {
    if (token.length > TOKEN_MAX) return undefined;
    this.#verify ??= createVerify(this.#policy, this.#nowMs);
    const claims = await (await this.#verify)(token);
    if (claims !== undefined) this.#remember(token, claims);
    return claims;
  }

  #remember(token: string, claims: Claims): void {
    const nowMs = this.#nowMs();
    const endsMs = claims.exp === undefined ? Infinity : (claims.exp + this.#policy.leewaySeconds) * 1_000;
    // Claims are some three quarters of their text as such, and objects twice as large.
    const bytes = 256 + 2 * token.length;
    this.#memory.set(this.#keyOf(token), claims, bytes, Math.min(nowMs + REMEMBERED_MS, endsMs));
  }

  #keyOf(token: string): string {
    return this.#scope + hash('sha256', token, 'base64');
  }
}

/** The library is loaded by the first token: most workers never see one. */
async function createVerify(policy: JwtPolicy, nowMs: () => number): Promise<Verify> {
  const { createLocalJWKSet, errors, jwtVerify } = await import('jose');
  const keys = createLocalJWKSet({ keys: policy.keys.map((key) => ({ ...key })) });
  const options = () => ({
    issuer: policy.issuer,
    ...(policy.audiences.length === 0 ? {} : { audience: [...policy.audiences] }),
    algorithms: ALGORITHMS,
    clockTolerance: policy.leewaySeconds,
    currentDate: new Date(nowMs()),
  });
  return async (token) => {
    try {
      return (await jwtVerify(token, keys, options())).payload;
    } catch (error) {
      if (error instanceof errors.JWKSMultipleMatchingKeys) {
        // A token that does not say which of several keys signed it.
        let tried = 0;
        for await (const key of error) {
          if (tried++ === KEYS_TRIED_MAX) return undefined;
          try {
            return (await jwtVerify(token, key, options())).payload;
          } catch {
            continue;
          }
        }
      }
      return undefined;
    }
  };
}

import { hash } from 'node:crypto';
import type { JWTPayload } from 'jose';
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
/** Good tokens remembered for each route and worker, and for how long at most. */
const REMEMBERED_MAX = 4_096;
const REMEMBERED_MS = 60_000;

interface Remembered {
  readonly claims: Claims;
  readonly untilMs: number;
}

type Verify = (token: string) => Promise<Claims | undefined>;

/** Checks tokens against one policy. A good one is remembered by its digest, so that the next request with it costs no signature. */
export class TokenVerifier {
  readonly #policy: JwtPolicy;
  readonly #nowMs: () => number;
  readonly #good = new Map<string, Remembered>();
  #verify: Promise<Verify> | undefined;

  constructor(policy: JwtPolicy, nowMs: () => number = Date.now) {
    this.#policy = policy;
    this.#nowMs = nowMs;
  }

  /** Claims of a token that was good a moment ago and still is. */
  known(token: string): Claims | undefined {
    if (this.#good.size === 0 || token.length > TOKEN_MAX) return undefined;
    const found = this.#good.get(digestOf(token));
    return found !== undefined && this.#nowMs() < found.untilMs ? found.claims : undefined;
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
    const untilMs = Math.min(nowMs + REMEMBERED_MS, endsMs);
    const good = this.#good;
    const key = digestOf(token);
    good.delete(key);
    good.set(key, { claims, untilMs });
    // The first one is the one that was checked longest ago.
    if (good.size > REMEMBERED_MAX) good.delete(good.keys().next().value!);
  }
}

function digestOf(token: string): string {
  return hash('sha256', token, 'base64');
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

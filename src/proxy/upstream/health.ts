/**
 * Passive health of endpoints. ingress-nginx ejects nothing; Serin passes over an endpoint that refuses connections while others
 * do not, and tries it again after a while. When all fail, all are tried.
 */
export interface HealthPolicy {
  /** Failed connects within `failTimeoutMs` that take an endpoint out of rotation; Infinity: never. */
  readonly maxFails: number;
  /** How long it stays out before one request probes it. */
  readonly failTimeoutMs: number;
}

export const DEFAULT_HEALTH: HealthPolicy = { maxFails: 1, failTimeoutMs: 1_000 };

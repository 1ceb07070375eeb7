import { createHmac, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';

/**
 * A secret that prints as nothing, in whatever it stands: Node's own key objects show no bytes to logs, JSON or inspection. Plain data
 * otherwise: it crosses to other threads, which read the same memory.
 */
export interface RedactedBytes {
  /** Equal for equal secrets within this process, and of no use outside of it. */
  readonly digest: string;
  readonly secret: KeyObject;
}

let processKey: KeyObject | undefined;

/** Takes bytes out of sight. */
export function redactBytes(bytes: Uint8Array): RedactedBytes {
  processKey ??= createSecretKey(randomBytes(32));
  return {
    digest: createHmac('sha256', processKey).update(bytes).digest('base64url'),
    secret: createSecretKey(bytes),
  };
}

/** The bytes, for whoever uses them. */
export function revealBytes({ secret }: RedactedBytes): Buffer {
  return secret.export();
}

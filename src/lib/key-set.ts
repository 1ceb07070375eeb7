/** A public key of a JSON Web Key Set (RFC 7517 §4), its public members alone. */
export type PublicJwk = Readonly<Record<string, string>>;

export type ReadKeySet =
  | { readonly ok: true; readonly keys: readonly PublicJwk[]; readonly left: number }
  | { readonly ok: false; readonly problem: string };

const KEYS_MAX = 64;
const MEMBER_MAX = 1_024;
/** Base64url of RSA's numbers: a modulus of 4,096 bits, an exponent of 32. What is larger takes milliseconds for each token. */
const RSA_MAX: Readonly<Record<string, number>> = { n: 683, e: 6 };
/** Members by key type (RFC 7518 §6, RFC 8037 §2); whatever else a key has stays behind, private parts first of all. */
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
};
const COMMON = ['kty', 'kid', 'alg', 'use'];

/**
 * Reads the text of a key set. Keys for anything but signatures, symmetric ones and malformed ones are left out and counted in `left`;
 * there may be none left. Never throws.
 */
export function readKeySet(text: string): ReadKeySet {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return { ok: false, problem: 'is not JSON' };
  }
  const items = raw !== null && typeof raw === 'object' ? (raw as { keys?: unknown }).keys : undefined;
  if (!Array.isArray(items)) return { ok: false, problem: 'has no list of keys' };
  const keys = items.slice(0, KEYS_MAX).flatMap(readKey);
  return { ok: true, keys, left: items.length - keys.length };
}

function readKey(raw: unknown): PublicJwk[] {
  if (raw === null || typeof raw !== 'object') return [];
  const item = raw as Record<string, unknown>;
  const members = typeof item['kty'] === 'string' ? membersOf(item['kty']) : undefined;
  if (members === undefined || (item['use'] !== undefined && item['use'] !== 'sig')) return [];
  const key: Record<string, string> = {};
  for (const name of [...COMMON, ...members]) {
    const value = item[name];
    if (value === undefined && COMMON.includes(name)) continue;
    if (typeof value !== 'string' || value.length > (RSA_MAX[name] ?? MEMBER_MAX)) return [];
    key[name] = value;
  }
  return [key];
}

function membersOf(type: string): readonly string[] | undefined {
  return Object.hasOwn(MEMBERS, type) ? MEMBERS[type] : undefined;
}

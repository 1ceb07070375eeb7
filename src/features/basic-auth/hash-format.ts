/** A password hash that can be checked, or why not: `is a bcrypt hash of cost 15, above 14`. Never quotes the hash. */
export type HashFormat =
  | { readonly ok: true; readonly scheme: HashScheme; readonly costMs: number }
  | { readonly ok: false; readonly problem: string };

export type HashScheme = 'plain' | 'sha' | 'ssha' | 'md5' | 'sha-crypt' | 'bcrypt' | 'des';

/** Beyond these a check takes more CPU than a request may cost. */
export const BCRYPT_COST_MAX = 14;
export const ROUNDS_MAX = 200_000;
const ROUNDS_MIN = 1_000;
const ROUNDS_DEFAULT = 5_000;

/** Milliseconds that a check takes, about: of bcrypt of cost 10, and of a thousand rounds. */
const BCRYPT_10_MS = 100;
const THOUSAND_ROUNDS_MS = 3;

const SHA1_BYTES = 20;

/** What a hash of an htpasswd file is, by its form alone (docs/reference/annotations.md §5.1). */
export function readHash(hash: string): HashFormat {
  if (hash === '') return refuse('is empty');
  if (hash.startsWith('{PLAIN}')) return { ok: true, scheme: 'plain', costMs: 1 };
  if (hash.startsWith('{SHA}')) {
    return bytesOf(hash.slice(5)) === SHA1_BYTES
      ? { ok: true, scheme: 'sha', costMs: 1 }
      : refuse('is not the base64 text of a SHA-1 digest');
  }
  if (hash.startsWith('{SSHA}')) {
    return bytesOf(hash.slice(6)) > SHA1_BYTES
      ? { ok: true, scheme: 'ssha', costMs: 1 }
      : refuse('is not the base64 text of a SHA-1 digest and a salt');
  }
  if (/^\$(?:apr1|1)\$/.test(hash)) {
    return /^\$(?:apr1|1)\$[!-#%-9;-~]{1,8}\$[./0-9A-Za-z]{22}$/.test(hash)
      ? { ok: true, scheme: 'md5', costMs: 2 }
      : refuse('is not a whole MD5 hash');
  }
  if (/^\$[56]\$/.test(hash)) return readShaCrypt(hash);
  if (/^\$2[aby]?\$/.test(hash)) return readBcrypt(hash);
  if (/^[./0-9A-Za-z]{13}$/.test(hash)) return { ok: true, scheme: 'des', costMs: 4 };
  return refuse('is in no format that is known');
}

function readShaCrypt(hash: string): HashFormat {
  const parts = /^\$([56])\$(?:rounds=([1-9][0-9]{0,8})\$)?[./0-9A-Za-z]{1,16}\$([./0-9A-Za-z]+)$/.exec(hash);
  if (parts === null || parts[3]!.length !== (parts[1] === '5' ? 43 : 86)) {
    return refuse('is not a whole SHA-256 or SHA-512 hash');
  }
  const rounds = parts[2] === undefined ? ROUNDS_DEFAULT : Number(parts[2]);
  if (rounds < ROUNDS_MIN) return refuse(`has ${rounds} rounds, and ${ROUNDS_MIN} are the least`);
  if (rounds > ROUNDS_MAX) return refuse(`has ${rounds} rounds, above ${ROUNDS_MAX}`);
  return { ok: true, scheme: 'sha-crypt', costMs: Math.ceil((rounds / 1_000) * THOUSAND_ROUNDS_MS) };
}

function readBcrypt(hash: string): HashFormat {
  const parts = /^\$2[aby]\$([0-9]{2})\$[./0-9A-Za-z]{53}$/.exec(hash);
  const cost = Number(parts?.[1] ?? 0);
  if (cost < 4 || cost > 31) return refuse('is not a whole bcrypt hash');
  if (cost > BCRYPT_COST_MAX) return refuse(`is a bcrypt hash of cost ${cost}, above ${BCRYPT_COST_MAX}`);
  return { ok: true, scheme: 'bcrypt', costMs: BCRYPT_10_MS * 2 ** (cost - 10) };
}

/** Bytes of a base64 text; -1 of what is none. */
function bytesOf(base64: string): number {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, 'base64').length : -1;
}

function refuse(problem: string): HashFormat {
  return { ok: false, problem };
}

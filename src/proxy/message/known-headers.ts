/** Header names with a number: the codec finds it while it scans, so that no later stage compares names. 0 is any other name. */
export const HEADER = {
  host: 1,
  'content-length': 2,
  'transfer-encoding': 3,
  connection: 4,
  upgrade: 5,
  expect: 6,
  te: 7,
  'keep-alive': 8,
  'proxy-connection': 9,
  'http2-settings': 10,
  trailer: 11,
  cookie: 12,
  'user-agent': 13,
  referer: 14,
  accept: 15,
  'accept-encoding': 16,
  'accept-language': 17,
  authorization: 18,
  'content-type': 19,
  'content-encoding': 20,
  'cache-control': 21,
  origin: 22,
  proxy: 23,
  'x-request-id': 24,
  'x-real-ip': 25,
  'x-forwarded-for': 26,
  'x-forwarded-host': 27,
  'x-forwarded-port': 28,
  'x-forwarded-proto': 29,
  'x-forwarded-scheme': 30,
  'x-forwarded-prefix': 31,
  'x-scheme': 32,
  'x-original-forwarded-for': 33,
  'x-original-forwarded-host': 34,
  'x-original-uri': 35,
  'ssl-client-cert': 36,
  'ssl-client-verify': 37,
  'ssl-client-subject-dn': 38,
  'ssl-client-issuer-dn': 39,
  'access-control-request-method': 40,
  date: 41,
  server: 42,
  location: 43,
  refresh: 44,
  'set-cookie': 45,
  'strict-transport-security': 46,
  etag: 47,
  'last-modified': 48,
  vary: 49,
  'accept-ranges': 50,
  'content-range': 51,
  range: 52,
  'if-none-match': 53,
  'if-modified-since': 54,
  'x-accel-expires': 55,
  'x-accel-redirect': 56,
  'x-accel-limit-rate': 57,
  'x-accel-buffering': 58,
  'x-accel-charset': 59,
  'x-pad': 60,
  'proxy-authorization': 61,
  'proxy-authenticate': 62,
  'www-authenticate': 63,
  'max-forwards': 64,
  'set-cookie2': 65,
  forwarded: 66,
  priority: 67,
} as const;

export type KnownHeader = keyof typeof HEADER;

/** Size of a table indexed by known-name number. */
export const KNOWN_HEADER_COUNT = 68;

/** Lower-case name by number. */
export const HEADER_NAMES: readonly string[] = ['', ...Object.keys(HEADER)];

const IDS = new Map<string, number>(Object.entries(HEADER));

/** Number of a lower-case name; 0 when it has none. */
export function headerIdOf(lowerName: string): number {
  return IDS.get(lowerName) ?? 0;
}

/** Never sent on by themselves: framing and Host are rebuilt, the rest speaks to the next hop only (RFC 9110 §7.6.1). */
const REBUILT: readonly KnownHeader[] = [
  'host',
  'content-length',
  'transfer-encoding',
  'connection',
  'upgrade',
  'expect',
  'te',
  'keep-alive',
  'proxy-connection',
  'http2-settings',
];

/** 1 for every name that no head is forwarded with unless the proxy writes it anew. */
export const NEVER_FORWARDED: Uint8Array = createDropTable([]);

/** Table for `HeaderBlock.forwardable`: what is never forwarded, and these. */
export function createDropTable(names: readonly KnownHeader[]): Uint8Array {
  const table = new Uint8Array(KNOWN_HEADER_COUNT);
  for (const name of REBUILT) table[HEADER[name]] = 1;
  for (const name of names) table[HEADER[name]] = 1;
  return table;
}

/**
 * Names that nobody may write with `_` in place of `-`: backends that read both as one (CGI does) would frame a message by them, or take a
 * client's word for Serin's.
 */
const GUARDED: ReadonlySet<string> = new Set(
  Object.entries(HEADER)
    .filter(
      ([, id]) => id <= HEADER.connection || (id >= HEADER.proxy && id <= HEADER['ssl-client-issuer-dn']),
    )
    .map(([name]) => name),
);

/** Whether a lower-case name is one of those, or looks like it by a `_`. */
export function isGuardedAlike(lowerName: string): boolean {
  return GUARDED.has(lowerName.replaceAll('_', '-'));
}

const BUCKETS = 1024;
const buckets = new Uint8Array(BUCKETS);

/** Step of the hash over lower-cased name bytes, chosen so that no two names above share a bucket. */
export const HASH_FACTOR = 41;

for (const [name, id] of Object.entries(HEADER)) {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, HASH_FACTOR) + name.charCodeAt(i)) | 0;
  const bucket = hash & (BUCKETS - 1);
  if (buckets[bucket] !== 0)
    throw new Error(`known headers ${name} and ${HEADER_NAMES[buckets[bucket]!]} collide`);
  buckets[bucket] = id;
}

/** Number of the name in buffer[start, end) whose hash is given; 0 when it has none. */
export function knownHeaderId(buffer: Uint8Array, start: number, end: number, hash: number): number {
  const id = buckets[hash & (BUCKETS - 1)]!;
  if (id === 0) return 0;
  const name = HEADER_NAMES[id]!;
  if (name.length !== end - start) return 0;
  for (let i = 0; i < name.length; i++) {
    // Names with a number hold letters, digits and `-` only; bit 5 lower-cases the letters and is set in the others.
    if ((buffer[start + i]! | 32) !== name.charCodeAt(i)) return 0;
  }
  return id;
}

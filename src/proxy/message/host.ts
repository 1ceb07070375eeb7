/* Classes of host characters by code; 1: plain, 2: capital, 3: dot. */
const PLAIN = 1;
const CAPITAL = 2;
const DOT = 3;
const CLASS = new Uint8Array(128);
for (const char of "abcdefghijklmnopqrstuvwxyz0123456789-_~!$&'()*+,;=") CLASS[char.charCodeAt(0)] = PLAIN;
for (let code = 65; code <= 90; code++) CLASS[code] = CAPITAL;
CLASS[46] = DOT;

const COLON = 58;

/**
 * Name a request is routed by: lower-case, without port and one trailing dot. Undefined when the Host (or authority) is not
 * `uri-host [":" port]` (RFC 9110 §7.2): empty, userinfo, blanks, empty labels, a port that is no number up to 65535.
 */
export function normaliseHost(host: string): string | undefined {
  const { length } = host;
  if (length === 0 || length > 512) return undefined;
  if (host.charCodeAt(0) === 91) return normaliseLiteral(host);
  let hasCapital = false;
  let previous = DOT;
  let i = 0;
  for (; i < length; i++) {
    const code = host.charCodeAt(i);
    if (code === COLON) break;
    const kind = code < 128 ? CLASS[code]! : 0;
    if (kind === 0) return undefined;
    if (kind === CAPITAL) hasCapital = true;
    else if (kind === DOT && previous === DOT) return undefined;
    previous = kind;
  }
  if (i < length && !isPort(host, i + 1)) return undefined;
  const nameEnd = previous === DOT ? i - 1 : i;
  if (nameEnd <= 0) return undefined;
  const name = nameEnd === length ? host : host.slice(0, nameEnd);
  return hasCapital ? name.toLowerCase() : name;
}

/** `[v6]`, checked by its characters: it never names a configured host, and routes to the catch-all. */
function normaliseLiteral(host: string): string | undefined {
  const close = host.indexOf(']');
  if (close < 3 || !/^[0-9A-Fa-f:.]+$/.test(host.slice(1, close))) return undefined;
  if (!host.slice(1, close).includes(':')) return undefined;
  if (close + 1 < host.length && (host.charCodeAt(close + 1) !== COLON || !isPort(host, close + 2)))
    return undefined;
  return host.slice(0, close + 1).toLowerCase();
}

/** Whether the rest is a port; an empty one is allowed (RFC 3986 §3.2.3). */
function isPort(host: string, start: number): boolean {
  if (host.length - start > 5) return false;
  let port = 0;
  for (let i = start; i < host.length; i++) {
    const digit = host.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return false;
    port = port * 10 + digit;
  }
  return port <= 65_535;
}

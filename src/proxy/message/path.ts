const SLASH = 47;
const DOT = 46;
const PERCENT = 37;
const QUESTION = 63;
const HASH = 35;

/**
 * Path that a request is matched by (docs/reference/routing.md §5): percent-decoded once, `//` merged, dot segments resolved. The text holds one
 * byte per character (latin1), as the head does. Undefined for what is a 400: `%00`, a malformed escape, a way above the root.
 * `path` begins with `/` and holds neither query nor fragment.
 */
export function normalisePath(path: string): string | undefined {
  if (path.charCodeAt(0) !== SLASH) return undefined;
  return scanPath(path) === path.length ? path : rewritePath(path);
}

/**
 * Where the path of an origin-form target ends: at `?`, at `#`, or with the text. Complemented (`~end`) when that path is not normal yet:
 * an escape, an empty segment, a segment that begins with a dot.
 */
export function scanPath(target: string): number {
  let isNormal = true;
  let previous = 0;
  let i = 0;
  for (; i < target.length; i++) {
    const code = target.charCodeAt(i);
    if (code === QUESTION || code === HASH) break;
    if (code === PERCENT || (previous === SLASH && (code === SLASH || code === DOT))) isNormal = false;
    previous = code;
  }
  return isNormal ? i : ~i;
}

function rewritePath(path: string): string | undefined {
  const decoded = decodeOnce(path);
  if (decoded === undefined) return undefined;
  const segments: string[] = [];
  const parts = decoded.split('/');
  const last = parts.length - 1;
  let endsInSlash = false;
  for (let i = 1; i <= last; i++) {
    const part = parts[i]!;
    endsInSlash = part === '' || part === '.' || part === '..';
    if (part === '..') {
      if (segments.pop() === undefined) return undefined;
    } else if (!endsInSlash) {
      segments.push(part);
    }
  }
  const joined = `/${segments.join('/')}`;
  return endsInSlash && segments.length > 0 ? `${joined}/` : joined;
}

/** Percent-decoding, once: `%252f` becomes `%2f`. A decoded `?` or `#` is a character of the path. */
function decodeOnce(path: string): string | undefined {
  let percent = path.indexOf('%');
  if (percent < 0) return path;
  let result = '';
  let from = 0;
  while (percent >= 0) {
    const high = hexValue(path.charCodeAt(percent + 1));
    const low = hexValue(path.charCodeAt(percent + 2));
    if (high < 0 || low < 0) return undefined;
    const octet = high * 16 + low;
    if (octet === 0) return undefined;
    result += path.slice(from, percent) + String.fromCharCode(octet);
    from = percent + 3;
    percent = path.indexOf('%', from);
  }
  return result + path.slice(from);
}

function hexValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

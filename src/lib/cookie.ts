/** Attributes of a cookie to be set. */
export interface CookieAttributes {
  /** Seconds since 1970. */
  readonly expiresAtSeconds?: number | undefined;
  readonly maxAgeSeconds?: number | undefined;
  readonly domain?: string | undefined;
  readonly path?: string | undefined;
  readonly isSecure: boolean;
  readonly sameSite?: string | undefined;
}

/** Value of a cookie in a Cookie header, names compared case-sensitively; undefined when absent or empty. Of several the last counts. */
export function cookieValueOf(header: string, name: string): string | undefined {
  let found: string | undefined;
  for (const item of header.split(';')) {
    const equals = item.indexOf('=');
    if (equals >= 0 && item.slice(0, equals).trim() === name) found = item.slice(equals + 1).trim();
  }
  return found === '' ? undefined : found;
}

/** Value of a Set-Cookie header, HttpOnly, its attributes in the order of ingress-nginx. */
export function toSetCookie(name: string, value: string, attributes: CookieAttributes): string {
  const { expiresAtSeconds, maxAgeSeconds, domain, path, isSecure, sameSite } = attributes;
  let text = `${name}=${value}`;
  if (expiresAtSeconds !== undefined) text += `; Expires=${toCookieDate(expiresAtSeconds)}`;
  if (maxAgeSeconds !== undefined) text += `; Max-Age=${maxAgeSeconds}`;
  if (domain !== undefined) text += `; Domain=${domain}`;
  if (path !== undefined) text += `; Path=${path}`;
  if (isSecure) text += '; Secure';
  text += '; HttpOnly';
  if (sameSite !== undefined) text += `; SameSite=${sameSite}`;
  return text;
}

/**
 * `Mon, 02-Jan-06 15:04:05 GMT`; years behind 2037 have four digits, as nginx writes them: two would be read as long past. Times beyond
 * what a date can hold are its ends.
 */
export function toCookieDate(secondsSince1970: number): string {
  const bounded = Math.min(Math.max(secondsSince1970, 0), MAX_SECONDS);
  const [weekday, day, month, year, time] = new Date(bounded * 1_000).toUTCString().split(' ');
  const shownYear = Number(year) > 2037 ? year : year!.slice(-2);
  return `${weekday} ${day}-${month}-${shownYear} ${time} GMT`;
}

/** End of 9999. */
const MAX_SECONDS = 253_402_300_799;

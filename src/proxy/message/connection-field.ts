import type { HeaderLines } from './header-lines.ts';
import { HEADER } from './known-headers.ts';
import { isToken } from './octets.ts';

export const CONNECTION_CLOSE = 1;
export const CONNECTION_KEEP_ALIVE = 2;
export const CONNECTION_UPGRADE = 4;

/** Options of Connection as bits; other names it nominates go to `lines.nominated` (RFC 9110 §7.6.1). */
export function readConnection(lines: HeaderLines): number {
  let options = 0;
  let nominated: string[] | undefined;
  for (let i = 0; i < lines.count; i++) {
    if (lines.idAt(i) !== HEADER.connection) continue;
    const value = lines.valueAt(i);
    if (value === 'keep-alive') options |= CONNECTION_KEEP_ALIVE;
    else if (value === 'close') options |= CONNECTION_CLOSE;
    else options |= readOptions(value, (nominated ??= []));
  }
  if (nominated !== undefined && nominated.length > 0) lines.nominated = nominated;
  return options;
}

function readOptions(value: string, nominated: string[]): number {
  let options = 0;
  for (const item of value.split(',')) {
    const option = trimBlanks(item).toLowerCase();
    if (option === 'close') options |= CONNECTION_CLOSE;
    else if (option === 'keep-alive') options |= CONNECTION_KEEP_ALIVE;
    else if (option === 'upgrade') options |= CONNECTION_UPGRADE;
    else if (isToken(option)) nominated.push(option);
  }
  return options;
}

/** Text without the SP and HTAB around it; nothing else counts as blank in HTTP (OWS, RFC 9110 §5.6.3). */
export function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** Non-negative decimal of at most 15 digits; -1 for anything else (RFC 9110 §8.6). */
export function parseContentLength(value: string): number {
  const { length } = value;
  if (length === 0 || length > 15) return -1;
  let result = 0;
  for (let i = 0; i < length; i++) {
    const digit = value.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -1;
    result = result * 10 + digit;
  }
  return result;
}

/** Whether the one Transfer-Encoding line says `chunked` and nothing else. */
export function isChunkedOnly(lines: HeaderLines): boolean {
  const id = HEADER['transfer-encoding'];
  return lines.byId(id)!.toLowerCase() === 'chunked' && !lines.isTabbed(id);
}

/** Upgrade value that may be passed on: tokens with versions, none of them HTTP itself (RFC 9110 §7.8); else undefined. */
export function readUpgrade(value: string | undefined): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (value === 'websocket') return value;
  for (const item of value.split(',')) {
    const protocol = trimBlanks(item);
    const slash = protocol.indexOf('/');
    const name = (slash < 0 ? protocol : protocol.slice(0, slash)).toLowerCase();
    if (!isToken(name) || (slash >= 0 && !isToken(protocol.slice(slash + 1)))) return undefined;
    // An upstream that speaks h2c would serve requests this proxy never sees.
    if (name === 'h2c' || name === 'h2' || name === 'http') return undefined;
  }
  return value;
}

/** Whether each protocol of an answer's Upgrade is one of those that were asked for (RFC 9110 §7.8). */
export function isUpgradeAsked(answered: string, asked: string): boolean {
  if (answered === asked) return true;
  const wanted = protocolsOf(asked);
  return protocolsOf(answered).every((protocol) => protocol !== '' && wanted.includes(protocol));
}

function protocolsOf(value: string): string[] {
  return value.split(',').map((item) => trimBlanks(item).toLowerCase());
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

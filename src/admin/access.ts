import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { revealBytes, type RedactedBytes } from '../lib/redacted-bytes.ts';

export type Verdict = 'let in' | 'not from here' | 'wrong token';

/** Who may see what is not for everybody: this machine, and whoever has the token. What a proxy passes on comes from elsewhere. */
export interface Access {
  judge(request: IncomingMessage): Verdict;
}

/** `token` is asked for each time; without one only loopback is let in. */
export function createAccess(
  token: () => RedactedBytes | undefined,
  isLocal: (address: string) => boolean = isLoopback,
): Access {
  return {
    judge(request) {
      if (isLocal(request.socket.remoteAddress ?? '') && !isRelayed(request.headers)) return 'let in';
      const wanted = token();
      if (wanted === undefined) return 'not from here';
      const given = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
      // Digests are of one length, so that the time of comparing says nothing, that of the token's length included.
      return timingSafeEqual(digestOf(given), digestOf(revealBytes(wanted))) ? 'let in' : 'wrong token';
    },
  };
}

/** What proxies say of whom they speak for. Serin itself is one: tenants name its upstreams, and a name may lead to this port. */
const RELAY_HEADERS = [
  'x-forwarded-for',
  'x-real-ip',
  'x-forwarded-host',
  'x-request-id',
  'forwarded',
  'via',
];

/** By such a name a person asks; another one in Host is a proxy's, or that of a page whose name was led here. */
const OWN_HOST = /^(?:localhost|[\d.]+|\[[\da-f:.]+\])?(?::\d+)?$/i;

function isRelayed(headers: IncomingHttpHeaders): boolean {
  return !OWN_HOST.test(headers.host ?? '') || RELAY_HEADERS.some((name) => headers[name] !== undefined);
}

/** Whether a peer's address is of this machine's loopback, in the forms in which sockets name it. */
export function isLoopback(address: string): boolean {
  const plain = address.toLowerCase().startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  return plain === '::1' || /^127\.\d+\.\d+\.\d+$/.test(plain);
}

function digestOf(text: string | Buffer): Buffer {
  return createHash('sha256').update(text).digest();
}

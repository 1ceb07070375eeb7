import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { revealBytes, type RedactedBytes } from '../lib/redacted-bytes.ts';

export type Verdict = 'let in' | 'not from here' | 'wrong token';

/** Who may see what is not for everybody: this machine, and whoever has the token. */
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
      if (isLocal(request.socket.remoteAddress ?? '')) return 'let in';
      const wanted = token();
      if (wanted === undefined) return 'not from here';
      const given = /^bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
      // Digests are of one length, so that the time of comparing says nothing, that of the token's length included.
      return timingSafeEqual(digestOf(given), digestOf(revealBytes(wanted))) ? 'let in' : 'wrong token';
    },
  };
}

/** Whether a peer's address is of this machine's loopback, in the forms in which sockets name it. */
export function isLoopback(address: string): boolean {
  const plain = address.toLowerCase().startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
  return plain === '::1' || /^127\.\d+\.\d+\.\d+$/.test(plain);
}

function digestOf(text: string | Buffer): Buffer {
  return createHash('sha256').update(text).digest();
}

import type { HeaderBlock } from '../message/heads.ts';
import { NEVER_FORWARDED } from '../message/known-headers.ts';

/** Behind the data of every chunk. */
export const CHUNK_END = '\r\n';

/** End of a body without trailers. */
export const LAST_CHUNK = '0\r\n\r\n';

/** What stands before a chunk of that many bytes (RFC 9112 §7.1); `bytes` must be above 0, since 0 ends the body. */
export function chunkHead(bytes: number): string {
  return `${bytes.toString(16)}\r\n`;
}

/** End of a body with the trailers that came with it. */
export function lastChunk(trailers: HeaderBlock): string {
  return trailers.count === 0 ? LAST_CHUNK : `0\r\n${trailers.forwardable(NEVER_FORWARDED)}\r\n`;
}

import { readFileSync } from 'node:fs';
import { redactBytes, type RedactedBytes } from '../lib/redacted-bytes.ts';

/** A token that is kept in a file, such as one of a mounted Secret. */
export interface TokenFile {
  /** Undefined while the file has none. */
  token(): RedactedBytes | undefined;
  close(): void;
}

const FILE_POLL_MS = 10_000;
const LONGEST = 4_096;

/** Reads the token and follows the file. Throws where it cannot be read at first; later that is told, and there is no token. */
export function openTokenFile(
  path: string,
  failed: (error: unknown) => void,
  pollMs: number = FILE_POLL_MS,
): TokenFile {
  let token: RedactedBytes | undefined = readToken(path);
  const timer = setInterval(() => {
    try {
      token = readToken(path);
    } catch (error) {
      if (token !== undefined) failed(error);
      token = undefined;
    }
  }, pollMs);
  timer.unref();
  return { token: () => token, close: () => clearInterval(timer) };
}

/** The file's only word. */
function readToken(path: string): RedactedBytes {
  const text = readFileSync(path, 'utf8').trim();
  if (text === '' || /\s/.test(text)) throw new Error(`${path} does not hold one token`);
  if (text.length > LONGEST) throw new Error(`${path} holds a token of more than ${LONGEST} characters`);
  return redactBytes(Buffer.from(text));
}

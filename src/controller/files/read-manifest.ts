import { isUtf8 } from 'node:buffer';
import { parseManifest, type ParsedManifest } from './parse-manifest.ts';

/** Of a manifest file or standard input no more is read: a device or a pipe may have no end, and text in memory has one. */
const BYTES_MAX = 256 * 1_048_576;

/** Reads a manifest to its end, and what it holds. `file` and `order` as in `parseManifest`. Never rejects. */
export async function readManifest(
  source: AsyncIterable<Uint8Array | string>,
  file: string,
  order: string,
  maxBytes = BYTES_MAX,
): Promise<ParsedManifest> {
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of source) {
      const bytes = Buffer.from(piece);
      length += bytes.length;
      if (length > maxBytes) return refuse(`is larger than ${maxBytes} bytes`);
      pieces.push(bytes);
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return refuse(`cannot be read (${code ?? message})`);
  }
  const bytes = Buffer.concat(pieces, length);
  // Decoded all the same, what is no UTF-8 would be other text than was written.
  if (!isUtf8(bytes)) return refuse('is not UTF-8', lineOfFault(bytes));
  return parseManifest(bytes.toString('utf8').replace(/^\uFEFF/, ''), file, order);
}

function refuse(problem: string, line = 1): ParsedManifest {
  return { ok: false, line, problem };
}

function lineOfFault(bytes: Buffer): number {
  let line = 1;
  for (let from = 0; ; line++) {
    const end = bytes.indexOf(0x0a, from);
    if (end === -1 || !isUtf8(bytes.subarray(from, end))) return line;
    from = end + 1;
  }
}

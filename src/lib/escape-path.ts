const HEX = '0123456789ABCDEF';

/** One character, which stands for a byte, percent-encoded. */
export function percentEncode(character: string): string {
  const byte = character.charCodeAt(0) & 255;
  return `%${HEX[byte >> 4]}${HEX[byte & 15]}`;
}

/**
 * Encodes what a decoded path (one character per byte) may not have in a request target: controls, space, any of
 * "#%<>?\\^`{|} and bytes above ASCII, as nginx encodes a rewritten path (since 1.21.1).
 */
export function escapePath(path: string): string {
  // oxlint-disable-next-line no-control-regex -- control bytes are what must be encoded
  return path.replace(/[\0-\x20"#%<>?\\^`{|}\x7f-\uffff]/g, percentEncode);
}

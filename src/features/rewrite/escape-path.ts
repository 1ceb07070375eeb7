const HEX = '0123456789ABCDEF';

/**
 * Encodes what a decoded path (one character per byte) may not have in a request target: controls, space, `"#%<>?`, and
 * bytes above ASCII, as nginx encodes a rewritten path.
 */
export function escapePath(path: string): string {
  // oxlint-disable-next-line no-control-regex -- control bytes are what must be encoded
  if (!/[\0-\x20"#%<>?\x7f-\uffff]/.test(path)) return path;
  let out = '';
  for (const byte of Buffer.from(path, 'latin1')) {
    const character = String.fromCharCode(byte);
    const isEscaped = byte <= 0x20 || byte >= 0x7f || '"#%<>?'.includes(character);
    out += isEscaped ? `%${HEX[byte >> 4]}${HEX[byte & 15]}` : character;
  }
  return out;
}

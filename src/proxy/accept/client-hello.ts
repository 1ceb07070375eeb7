/** What the first bytes of a TLS connection say. `foreign`: no ClientHello, leave it to OpenSSL to refuse. */
export type ClientHelloResult =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'foreign' }
  | { readonly kind: 'hello'; readonly serverName: string | undefined };

const INCOMPLETE: ClientHelloResult = { kind: 'incomplete' };
const FOREIGN: ClientHelloResult = { kind: 'foreign' };
const RECORD_HEAD_BYTES = 5;
const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const MAX_RECORD_BYTES = 16_384;
/** Far above any real hello, post-quantum key shares included. */
const MAX_HELLO_BYTES = 32_768;

/** Whether a connection that begins with this byte speaks TLS: a handshake record, or SSLv2's form of a hello. */
export function isTlsByte(first: number): boolean {
  return first === HANDSHAKE_RECORD || (first & 0x80) !== 0;
}

/**
 * Reads the server name out of a ClientHello (RFC 8446 §4.1.2, RFC 6066 §3), which may be spread over several
 * records. Give it all bytes received so far. Reads only: the same bytes then go to the TLS implementation.
 */
export function parseClientHello(bytes: Buffer): ClientHelloResult {
  const hello = collectHello(bytes);
  return 'kind' in hello ? hello : readHello(hello);
}

/** The ClientHello's body without record and message heads. */
function collectHello(bytes: Buffer): Buffer | ClientHelloResult {
  const parts: Buffer[] = [];
  let collected = 0;
  let offset = 0;
  while (bytes.length >= offset + RECORD_HEAD_BYTES) {
    const length = bytes.readUInt16BE(offset + 3);
    const isHandshake = bytes[offset] === HANDSHAKE_RECORD && bytes[offset + 1] === 3;
    if (!isHandshake || length === 0 || length > MAX_RECORD_BYTES) return FOREIGN;
    const part = bytes.subarray(offset + RECORD_HEAD_BYTES, offset + RECORD_HEAD_BYTES + length);
    parts.push(part);
    collected += part.length;
    if (collected >= 4) {
      const message = parts.length === 1 ? part : Buffer.concat(parts);
      const messageBytes = message.readUIntBE(1, 3);
      if (message[0] !== CLIENT_HELLO || messageBytes > MAX_HELLO_BYTES) return FOREIGN;
      if (message.length >= 4 + messageBytes) return message.subarray(4, 4 + messageBytes);
    }
    offset += RECORD_HEAD_BYTES + length;
  }
  return bytes.length > 0 && bytes[0] !== HANDSHAKE_RECORD ? FOREIGN : INCOMPLETE;
}

function readHello(hello: Buffer): ClientHelloResult {
  // Version, random; then session id, cipher suites and compression methods, each with its length.
  let offset = 34;
  offset = skip(hello, offset, 1);
  offset = skip(hello, offset, 2);
  offset = skip(hello, offset, 1);
  if (offset < 0) return FOREIGN;
  if (offset === hello.length) return { kind: 'hello', serverName: undefined };
  const end = skip(hello, offset, 2);
  if (end < 0) return FOREIGN;
  offset += 2;
  while (offset + 4 <= end) {
    const type = hello.readUInt16BE(offset);
    const next = skip(hello, offset + 2, 2);
    if (next < 0 || next > end) return FOREIGN;
    if (type === 0) return readServerName(hello.subarray(offset + 4, next));
    offset = next;
  }
  return { kind: 'hello', serverName: undefined };
}

function readServerName(extension: Buffer): ClientHelloResult {
  // One list with one entry of type host_name, which is all that was ever defined.
  if (extension.length < 5 || extension[2] !== 0) return FOREIGN;
  const end = 5 + extension.readUInt16BE(3);
  if (end > extension.length) return FOREIGN;
  return { kind: 'hello', serverName: extension.toString('latin1', 5, end) };
}

/** The offset behind a vector whose length stands in `lengthBytes` bytes at `offset`; -1 when it overruns. */
function skip(bytes: Buffer, offset: number, lengthBytes: 1 | 2): number {
  if (offset < 0 || offset + lengthBytes > bytes.length) return -1;
  const end = offset + lengthBytes + bytes.readUIntBE(offset, lengthBytes);
  return end > bytes.length ? -1 : end;
}

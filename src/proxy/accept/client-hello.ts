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
/** Type and length of a handshake message. */
const MESSAGE_HEAD_BYTES = 4;
const MAX_RECORD_BYTES = 16_384;
/** Far above any real hello, post-quantum key shares included. */
const MAX_HELLO_BYTES = 32_768;
/** Of all records: a hello in the smallest of them takes six times its size. */
const MAX_BYTES = 65_536;

/** Whether a connection that begins with this byte speaks TLS: a handshake record, or SSLv2's form of a hello. */
export function isTlsByte(first: number): boolean {
  return first === HANDSHAKE_RECORD || (first & 0x80) !== 0;
}

/** Reads a ClientHello at the start of `bytes`, all of them at once. */
export function parseClientHello(bytes: Buffer): ClientHelloResult {
  return new ClientHelloReader().read(bytes);
}

/**
 * Reads the server name out of a ClientHello (RFC 8446 §4.1.2, RFC 6066 §3), which may be spread over many records and reads. A record is
 * looked at once, however often more comes in. Reads only: the same bytes then go to the TLS implementation.
 */
export class ClientHelloReader {
  /** Where the next record begins. */
  #offset = 0;
  /** Where the fragments before it begin and end, in pairs. */
  readonly #fragments: number[] = [];
  #collected = 0;

  /** Give it all bytes received so far, again and again while it is incomplete. */
  read(bytes: Buffer): ClientHelloResult {
    if (bytes.length > 0 && bytes[0] !== HANDSHAKE_RECORD) return FOREIGN;
    while (bytes.length >= this.#offset + RECORD_HEAD_BYTES) {
      const head = this.#offset;
      const length = bytes.readUInt16BE(head + 3);
      const isHandshake = bytes[head] === HANDSHAKE_RECORD && bytes[head + 1] === 3;
      if (!isHandshake || length === 0 || length > MAX_RECORD_BYTES) return FOREIGN;
      const start = head + RECORD_HEAD_BYTES;
      if (head === 0 && bytes.length > start && bytes[start] !== CLIENT_HELLO) return FOREIGN;
      if (bytes.length < start + length) break;
      this.#fragments.push(start, start + length);
      this.#collected += length;
      this.#offset = start + length;
      if (this.#collected < MESSAGE_HEAD_BYTES) continue;
      const messageBytes = this.#messageBytes(bytes);
      if (messageBytes > MAX_HELLO_BYTES) return FOREIGN;
      if (this.#collected >= MESSAGE_HEAD_BYTES + messageBytes) return readHello(this.#join(bytes));
    }
    return bytes.length > MAX_BYTES ? FOREIGN : INCOMPLETE;
  }

  /** Length of the message as its head says, wherever that is cut. */
  #messageBytes(bytes: Buffer): number {
    let length = 0;
    for (let fragment = 0, place = 0; place < MESSAGE_HEAD_BYTES; fragment += 2) {
      const end = this.#fragments[fragment + 1]!;
      for (let at = this.#fragments[fragment]!; at < end && place < MESSAGE_HEAD_BYTES; at++, place++)
        if (place > 0) length = length * 256 + bytes[at]!;
    }
    return length;
  }

  /** The message without the heads of records and its own. */
  #join(bytes: Buffer): Buffer {
    const parts: Buffer[] = [];
    for (let i = 0; i < this.#fragments.length; i += 2)
      parts.push(bytes.subarray(this.#fragments[i], this.#fragments[i + 1]));
    const message = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
    return message.subarray(MESSAGE_HEAD_BYTES, MESSAGE_HEAD_BYTES + message.readUIntBE(1, 3));
  }
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

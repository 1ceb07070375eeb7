import { addressFamily, canonicalAddress, toAddressText } from '../../lib/address-text.ts';
import type { ProxiedConnection } from '../message/connection-info.ts';

/** What the first bytes of a connection are. `connection` is undefined for LOCAL and UNKNOWN: the real addresses count. */
export type ProxyHeaderResult =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed'; readonly problem: string }
  | { readonly kind: 'parsed'; readonly length: number; readonly connection: ProxiedConnection | undefined };

const INCOMPLETE: ProxyHeaderResult = { kind: 'incomplete' };
const V1_START = Buffer.from('PROXY ');
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** Longest version 1 line with its CRLF (PROXY protocol §2.1). */
const V1_MAX_BYTES = 107;
const V2_HEAD_BYTES = 16;

/**
 * Reads a PROXY protocol header, version 1 or 2, at the start of `bytes`. Give it all bytes received so far; what
 * follows the header begins at `length`. Type-length-values of version 2 are skipped.
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeaderResult {
  if (bytes.length === 0) return INCOMPLETE;
  return bytes[0] === V2_SIGNATURE[0] ? parseV2(bytes) : parseV1(bytes);
}

function parseV1(bytes: Buffer): ProxyHeaderResult {
  if (!startsAlike(bytes, V1_START)) return malformed('no PROXY protocol header');
  const end = bytes.indexOf(13);
  if (end < 0) return bytes.length < V1_MAX_BYTES ? INCOMPLETE : malformed('version 1 line too long');
  if (end + 2 > V1_MAX_BYTES) return malformed('version 1 line too long');
  if (end + 1 === bytes.length) return INCOMPLETE;
  if (bytes[end + 1] !== 10) return malformed('CR without LF');
  const fields = bytes.toString('latin1', V1_START.length, end).split(' ');
  const length = end + 2;
  const [family, source = '', destination = '', sourcePort = '', destinationPort = ''] = fields;
  // The rest of an UNKNOWN line is ignored, whatever it says.
  if (family === 'UNKNOWN') return { kind: 'parsed', length, connection: undefined };
  if (family !== 'TCP4' && family !== 'TCP6') return malformed('unknown address family');
  const wanted = family === 'TCP4' ? 4 : 6;
  const isAddress = (text: string): boolean => addressFamily(text) === wanted;
  if (fields.length !== 5 || !isAddress(source) || !isAddress(destination))
    return malformed('invalid address');
  if (!isPort(sourcePort) || !isPort(destinationPort)) return malformed('invalid port');
  return {
    kind: 'parsed',
    length,
    connection: {
      sourceAddress: canonicalAddress(source),
      sourcePort: Number(sourcePort),
      destinationAddress: canonicalAddress(destination),
      destinationPort: Number(destinationPort),
    },
  };
}

function parseV2(bytes: Buffer): ProxyHeaderResult {
  if (!startsAlike(bytes, V2_SIGNATURE)) return malformed('no PROXY protocol header');
  if (bytes.length >= 13 && bytes[12]! >> 4 !== 2) return malformed('unknown version');
  if (bytes.length < V2_HEAD_BYTES) return INCOMPLETE;
  const command = bytes[12]! & 0x0f;
  const family = bytes[13]! >> 4;
  const transport = bytes[13]! & 0x0f;
  const blockBytes = bytes.readUInt16BE(14);
  // Unassigned values must be rejected (PROXY protocol §2.2).
  if (command > 1) return malformed('unknown command');
  if (family > 3 || transport > 2) return malformed('unknown address family or transport');
  const isLocal = command === 0;
  const needed = isLocal ? 0 : ADDRESS_BLOCK_BYTES[family]!;
  if (blockBytes < needed) return malformed('address block too short');
  const length = V2_HEAD_BYTES + blockBytes;
  if (bytes.length < length) return INCOMPLETE;
  // LOCAL is the balancer's own health check. Only TCP over IP has addresses that mean something here.
  const isTcp = transport === 1 && (family === 1 || family === 2);
  if (isLocal || !isTcp) return { kind: 'parsed', length, connection: undefined };
  const size = family === 1 ? 4 : 16;
  const ports = V2_HEAD_BYTES + 2 * size;
  return {
    kind: 'parsed',
    length,
    connection: {
      sourceAddress: toAddressText(bytes.subarray(V2_HEAD_BYTES, V2_HEAD_BYTES + size)),
      sourcePort: bytes.readUInt16BE(ports),
      destinationAddress: toAddressText(bytes.subarray(V2_HEAD_BYTES + size, ports)),
      destinationPort: bytes.readUInt16BE(ports + 2),
    },
  };
}

/** Address bytes by family: unspecified, IPv4, IPv6, UNIX. */
const ADDRESS_BLOCK_BYTES = [0, 12, 36, 216];

function malformed(problem: string): ProxyHeaderResult {
  return { kind: 'malformed', problem };
}

function startsAlike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, length, 0, length) === 0;
}

function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

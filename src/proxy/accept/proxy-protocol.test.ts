import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ProxiedConnection } from '../message/connection-info.ts';
import { parseProxyHeader } from './proxy-protocol.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const v1 = (line: string) => Buffer.from(line, 'latin1');
const v2 = (rest: string) => hex(SIGNATURE + rest);
const from = (
  sourceAddress: string,
  sourcePort: number,
  to: string,
  destinationPort: number,
): ProxiedConnection => ({
  sourceAddress,
  sourcePort,
  destinationAddress: to,
  destinationPort,
});

const IPV6_A = '20010db8000000000000000000000001';
const IPV6_B = '20010db8000000000000000000000002';
const LONGEST = `PROXY UNKNOWN ${'f'.repeat(91)}\r\n`;

const accepted: readonly { name: string; bytes: Buffer; want: ProxiedConnection | undefined }[] = [
  {
    name: 'v1 TCP4',
    bytes: v1('PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n'),
    want: from('192.0.2.1', 56_324, '198.51.100.1', 443),
  },
  {
    name: 'v1 TCP6',
    bytes: v1('PROXY TCP6 2001:DB8:0:0::1 ::1 0 65535\r\n'),
    want: from('2001:db8::1', 0, '::1', 65_535),
  },
  {
    name: 'v1 TCP6 with a mapped address',
    bytes: v1('PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n'),
    want: from('192.0.2.1', 1, '::1', 2),
  },
  { name: 'v1 UNKNOWN alone', bytes: v1('PROXY UNKNOWN\r\n'), want: undefined },
  { name: 'v1 UNKNOWN with anything behind it, 107 bytes', bytes: v1(LONGEST), want: undefined },
  {
    name: 'v2 PROXY TCP4',
    bytes: v2('21 11 000c c0000201 c6336401 dc04 01bb'),
    want: from('192.0.2.1', 56_324, '198.51.100.1', 443),
  },
  {
    name: 'v2 PROXY TCP6',
    bytes: v2(`21 21 0024 ${IPV6_A} ${IPV6_B} 0001 0050`),
    want: from('2001:db8::1', 1, '2001:db8::2', 80),
  },
  {
    name: 'v2 PROXY TCP4 with type-length-values',
    bytes: v2('21 11 0014 c0000201 c6336401 dc04 01bb 03 0004 00000000 04'),
    want: from('192.0.2.1', 56_324, '198.51.100.1', 443),
  },
  { name: 'v2 LOCAL without addresses', bytes: v2('20 00 0000'), want: undefined },
  { name: 'v2 LOCAL with addresses', bytes: v2('20 11 000c c0000201 c6336401 dc04 01bb'), want: undefined },
  { name: 'v2 PROXY UNSPEC with bytes to skip', bytes: v2('21 00 0003 010203'), want: undefined },
  { name: 'v2 PROXY UDP over IPv4', bytes: v2('21 12 000c c0000201 c6336401 dc04 01bb'), want: undefined },
  { name: 'v2 PROXY UNIX', bytes: v2(`21 31 00d8 ${'00'.repeat(216)}`), want: undefined },
];

for (const { name, bytes, want } of accepted) {
  test(`${name}, whole, with bytes behind it`, () => {
    const result = parseProxyHeader(Buffer.concat([bytes, Buffer.from('GET / HTTP/1.1\r\n')]));
    expect(result).toEqual({ kind: 'parsed', length: bytes.length, connection: want });
  });

  test(`${name}, incomplete at every byte before its last`, () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(parseProxyHeader(bytes.subarray(0, length)).kind, `${length} bytes`).toBe('incomplete');
    }
  });
}

const refused: readonly { name: string; bytes: Buffer; problem: string }[] = [
  { name: 'an HTTP request', bytes: v1('GET / HTTP/1.1\r\n'), problem: 'no PROXY protocol header' },
  { name: 'a TLS hello', bytes: hex('16030100'), problem: 'no PROXY protocol header' },
  { name: 'lower case', bytes: v1('proxy TCP4 '), problem: 'no PROXY protocol header' },
  { name: 'POST, alike in its first byte', bytes: v1('PO'), problem: 'no PROXY protocol header' },
  {
    name: 'an unknown family',
    bytes: v1('PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n'),
    problem: 'unknown address family',
  },
  {
    name: 'an IPv6 address as TCP4',
    bytes: v1('PROXY TCP4 ::1 2.2.2.2 1 2\r\n'),
    problem: 'invalid address',
  },
  {
    name: 'an IPv4 address as TCP6',
    bytes: v1('PROXY TCP6 1.1.1.1 ::1 1 2\r\n'),
    problem: 'invalid address',
  },
  {
    name: 'an address with a zone',
    bytes: v1('PROXY TCP6 fe80::1%lo ::1 1 2\r\n'),
    problem: 'invalid address',
  },
  {
    name: 'an address with leading zeros',
    bytes: v1('PROXY TCP4 01.1.1.1 2.2.2.2 1 2\r\n'),
    problem: 'invalid address',
  },
  { name: 'two spaces', bytes: v1('PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n'), problem: 'invalid address' },
  { name: 'a trailing space', bytes: v1('PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n'), problem: 'invalid address' },
  { name: 'a missing port', bytes: v1('PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n'), problem: 'invalid address' },
  { name: 'a port too large', bytes: v1('PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n'), problem: 'invalid port' },
  {
    name: 'a port with a leading zero',
    bytes: v1('PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n'),
    problem: 'invalid port',
  },
  { name: 'CR alone', bytes: v1('PROXY TCP4 1.1.1.1\rx'), problem: 'CR without LF' },
  { name: 'LF alone', bytes: v1(`PROXY UNKNOWN\n${'x'.repeat(107)}`), problem: 'version 1 line too long' },
  {
    name: 'a line of 108 bytes',
    bytes: v1(`PROXY UNKNOWN ${'f'.repeat(92)}\r\n`),
    problem: 'version 1 line too long',
  },
  { name: 'a broken signature', bytes: hex('0d0a0d0a000d0a515549540b'), problem: 'no PROXY protocol header' },
  { name: 'version 1 in binary', bytes: v2('11 11 000c'), problem: 'unknown version' },
  { name: 'an unassigned command', bytes: v2('22 11 000c'), problem: 'unknown command' },
  { name: 'an unassigned family', bytes: v2('21 41 000c'), problem: 'unknown address family or transport' },
  {
    name: 'an unassigned transport',
    bytes: v2('21 13 000c'),
    problem: 'unknown address family or transport',
  },
  { name: 'a TCP4 block too short', bytes: v2('21 11 000b'), problem: 'address block too short' },
  { name: 'a TCP6 block too short', bytes: v2('21 21 000c'), problem: 'address block too short' },
];

describe('refused', () => {
  for (const { name, bytes, problem } of refused) {
    test(name, () => expect(parseProxyHeader(bytes)).toEqual({ kind: 'malformed', problem }));
  }
});

test('no bytes make it throw or claim more than there is', () => {
  const start = fc.constantFrom(Buffer.alloc(0), v1('PROXY '), v1('PROXY TCP4 '), v2(''), v2('21'));
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 300 }), (head, tail) => {
      const bytes = Buffer.concat([head, tail]);
      const result = parseProxyHeader(bytes);
      if (result.kind === 'parsed') expect(result.length).toBeLessThanOrEqual(bytes.length);
    }),
  );
});

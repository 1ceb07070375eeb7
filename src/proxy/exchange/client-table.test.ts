import { describe, expect, test } from 'vitest';
import { compileNetworks } from '../../lib/cidr.ts';
import { clientAddressOf, lastHopOf } from './client-address.ts';

/*
 * Every combination of the settings that decide who the client is, of peers, PROXY headers and forwarded chains. What is expected is
 * written down here by hand: who is trusted, which address a set-up goes by, and what each chain gives.
 */

const CIDRS = {
  default: ['0.0.0.0/0'],
  balancer: ['10.0.0.0/8', '2001:db8:b::/48'],
  other: ['172.16.0.0/12', '2001:db8:f::/48'],
} as const;
type Cidr = keyof typeof CIDRS;

/** Address, and the CIDR settings that it is inside of. */
const PEERS: readonly (readonly [address: string, trustedBy: readonly Cidr[]])[] = [
  ['10.0.0.1', ['default', 'balancer']],
  ['2001:db8:b::1', ['balancer']],
];
const PROXIED: readonly (readonly [address: string | undefined, trustedBy: readonly Cidr[]])[] = [
  [undefined, []],
  ['203.0.113.9', ['default']],
  ['10.0.0.7', ['default', 'balancer']],
  ['2001:db8:c::9', []],
  ['2001:db8:b::7', ['balancer']],
];

/** What a chain gives that is read behind a trusted hop; `undefined`: nothing, that hop stays the client. */
const CHAINS: readonly (readonly [
  chain: string | undefined,
  byDefault: string | undefined,
  byBalancer: string | undefined,
])[] = [
  [undefined, undefined, undefined],
  ['', undefined, undefined],
  ['unknown', undefined, undefined],
  ['192.0.2.77.example', undefined, undefined],
  ['192.0.2.256', undefined, undefined],
  ['192.0.2.77:port', undefined, undefined],
  ['192.0.2.77:70000', undefined, undefined],
  ['fe80::1%eth0', undefined, undefined],
  ['192.0.2.77', '192.0.2.77', '192.0.2.77'],
  ['192.0.2.77:4711', '192.0.2.77', '192.0.2.77'],
  ['2001:DB8:0:0::77', '2001:db8::77', '2001:db8::77'],
  ['[2001:db8::77]:443', '2001:db8::77', '2001:db8::77'],
  ['::ffff:192.0.2.77', '192.0.2.77', '192.0.2.77'],
  ['198.51.100.1, 192.0.2.77', '198.51.100.1', '192.0.2.77'],
  ['198.51.100.1,192.0.2.77, 10.0.0.8', '198.51.100.1', '192.0.2.77'],
  ['198.51.100.1 10.0.0.8', '198.51.100.1', '198.51.100.1'],
  ['2001:db8::77, 192.0.2.77', '2001:db8::77', '192.0.2.77'],
  ['192.0.2.77, 2001:db8::77', '2001:db8::77', '2001:db8::77'],
  ['unknown, 192.0.2.77', '192.0.2.77', '192.0.2.77'],
  ['192.0.2.77, unknown', undefined, undefined],
  ['192.0.2.77, ,', '192.0.2.77', '192.0.2.77'],
];

type Source = 'peer' | 'PROXY' | 'chain behind peer' | 'chain behind PROXY';

/** The first line whose conditions hold; `undefined` is any. */
const SOURCES: readonly (readonly [
  conditions: {
    proxyProtocol?: boolean;
    forwarded?: boolean;
    realIp?: boolean;
    isPeerTrusted?: boolean;
    isProxiedTrusted?: boolean;
    hasProxied?: boolean;
  },
  source: Source,
])[] = [
  [{ isPeerTrusted: false }, 'peer'],
  [{ proxyProtocol: true, hasProxied: false }, 'peer'],
  [{ proxyProtocol: true, forwarded: true, isProxiedTrusted: true }, 'chain behind PROXY'],
  [{ proxyProtocol: true }, 'PROXY'],
  [{ forwarded: true }, 'chain behind peer'],
  [{ realIp: true }, 'chain behind peer'],
  [{}, 'peer'],
];

const BOOLEANS = [false, true];

describe('who the client is, over all combinations', () => {
  for (const proxyProtocol of BOOLEANS) {
    for (const forwarded of BOOLEANS) {
      for (const realIp of BOOLEANS) {
        for (const full of BOOLEANS) {
          for (const cidr of Object.keys(CIDRS) as Cidr[]) {
            const words = [
              proxyProtocol && 'use-proxy-protocol',
              forwarded && 'use-forwarded-headers',
              realIp && 'enable-real-ip',
              full && 'compute-full-forwarded-for',
            ].filter((word) => word !== false);
            test(`${words.join(' + ') || 'nothing on'}, trusting ${cidr}`, () => {
              expect(mistakes(proxyProtocol, forwarded, realIp, full, cidr)).toEqual([]);
            });
          }
        }
      }
    }
  }
});

function mistakes(
  proxyProtocol: boolean,
  forwarded: boolean,
  realIp: boolean,
  full: boolean,
  cidr: Cidr,
): string[] {
  const wrong: string[] = [];
  const isTrustedHop = compileNetworks(CIDRS[cidr]);
  const settings = {
    isProxyProtocolUsed: proxyProtocol,
    isForwardedTrusted: forwarded,
    isRealIpEnabled: realIp,
    isForwardedForAppended: full,
  };
  for (const [peerAddress, peerTrustedBy] of PEERS) {
    for (const [address, proxiedTrustedBy] of proxyProtocol ? PROXIED : PROXIED.slice(0, 1)) {
      const facts = {
        proxyProtocol,
        forwarded,
        realIp,
        isPeerTrusted: peerTrustedBy.includes(cidr),
        isProxiedTrusted: proxiedTrustedBy.includes(cidr),
        hasProxied: address !== undefined,
      };
      const [, source] = SOURCES.find(([conditions]) =>
        Object.entries(conditions).every(([name, value]) => facts[name as keyof typeof facts] === value),
      )!;
      const proxied = address === undefined ? undefined : proxiedFrom(address);
      for (const [chain, byDefault, byBalancer] of CHAINS) {
        const first = source.endsWith('PROXY') ? address! : peerAddress;
        const told = cidr === 'default' ? byDefault : byBalancer;
        const want = source.startsWith('chain') ? (told ?? first) : first;
        const got = clientAddressOf({ peerAddress, proxied }, chain, settings, isTrustedHop);
        if (got !== want)
          wrong.push(`peer ${peerAddress}, PROXY ${address}, chain ${chain}: ${got}, not ${want}`);
      }
      if (lastHopOf({ peerAddress, proxied }) !== (address ?? peerAddress))
        wrong.push(`last hop of ${address}`);
    }
  }
  return wrong;
}

function proxiedFrom(sourceAddress: string) {
  return { sourceAddress, sourcePort: 40_000, destinationAddress: '10.0.0.1', destinationPort: 80 };
}

test('a PROXY header that was read counts for its connection when the setting is off since', () => {
  const settings = { isProxyProtocolUsed: false, isForwardedTrusted: false, isRealIpEnabled: true };
  const ends = { peerAddress: '10.0.0.1', proxied: proxiedFrom('203.0.113.9') };
  expect(clientAddressOf(ends, '192.0.2.77', settings, compileNetworks(['0.0.0.0/0']))).toBe('203.0.113.9');
});

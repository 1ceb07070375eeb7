import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import { isIPv4, isIPv6 } from 'node:net';
import { describe, expect, test } from 'vitest';
import { compileNetworks, isNetwork } from './cidr.ts';
import { toIPv4Number } from './ipv4-number.ts';
import { readIPv6 } from './ipv6-groups.ts';

const cases: readonly {
  name: string;
  networks: readonly string[];
  inside: readonly string[];
  outside: readonly string[];
}[] = [
  {
    name: 'a length with a leading zero',
    networks: ['10.0.0.0/08'],
    inside: ['10.1.1.1'],
    outside: ['11.0.0.1'],
  },
  { name: 'no networks admit nobody', networks: [], inside: [], outside: ['10.0.0.1', '::1'] },
  {
    name: 'an IPv4 network has both its bounds',
    networks: ['10.1.0.0/16'],
    inside: ['10.1.0.0', '10.1.255.255'],
    outside: ['10.0.255.255', '10.2.0.0', '::1'],
  },
  { name: 'host bits are masked', networks: ['10.1.2.3/8'], inside: ['10.200.0.1'], outside: ['11.0.0.1'] },
  {
    name: 'a bare address is one host',
    networks: ['192.0.2.7'],
    inside: ['192.0.2.7'],
    outside: ['192.0.2.8'],
  },
  {
    name: 'everything of IPv4 is not IPv6',
    networks: ['0.0.0.0/0'],
    inside: ['0.0.0.0', '255.255.255.255', '::ffff:8.8.8.8'],
    outside: ['2001:db8::1', '::1'],
  },
  {
    name: 'everything of IPv6 is not IPv4',
    networks: ['::/0'],
    inside: ['2001:db8::1', '::1'],
    outside: ['10.0.0.1', '::ffff:10.0.0.1'],
  },
  {
    name: 'mapped addresses count as IPv4, in either spelling',
    networks: ['10.0.0.0/8'],
    inside: ['::ffff:10.0.0.1', '::FFFF:10.0.0.1', '::ffff:a00:1'],
    outside: ['::ffff:11.0.0.1', '::10.0.0.1', '::ffff:b00:1'],
  },
  {
    name: 'a mapped network is an IPv4 network',
    networks: ['::ffff:10.0.0.0/104'],
    inside: ['10.9.9.9'],
    outside: ['11.0.0.1'],
  },
  {
    name: 'an IPv6 network, with a zone in the address',
    networks: ['fe80::9%eth1/10', '2001:DB8::/33'],
    inside: ['2001:db8:7fff::1'],
    outside: ['2001:db8:8000::1', 'ff02::1'],
  },
  {
    name: 'networks that overlap and touch',
    networks: ['10.0.1.0/24', '10.0.0.0/24', '10.0.0.0/16', '10.1.0.0/16', '9.255.255.255'],
    inside: ['9.255.255.255', '10.0.0.0', '10.0.200.1', '10.1.255.255'],
    outside: ['9.255.255.254', '10.2.0.0'],
  },
  {
    name: 'what is no address is in no network',
    networks: ['0.0.0.0/0', '::/0'],
    inside: [],
    outside: [
      '',
      'unix:',
      '1.2.3',
      '1.2.3.4.5',
      '1.2.3.256',
      '01.2.3.4',
      '1..2.3',
      '1.2.3.4 ',
      '0x7f.1',
      ':::',
    ],
  },
];

for (const { name, networks, inside, outside } of cases) {
  test(name, () => {
    const matches = compileNetworks(networks);
    for (const address of inside) expect(matches(address), address).toBe(true);
    for (const address of outside) expect(matches(address), address).toBe(false);
  });
}

describe('what is no network is refused', () => {
  for (const text of ['', '10.0.0.0/33', '10.0.0.0/', '10.0.0/8', '::/129', 'all', '10.0.0.0/8 ']) {
    test(`"${text}"`, () => {
      expect(isNetwork(text)).toBe(false);
      expect(() => compileNetworks([text])).toThrow(RangeError);
    });
  }
});

test('matching agrees with ipaddr.js', () => {
  // Dotted IPv6 is left out: ipaddr.js takes `::10.0.0.1` for a mapped address.
  const ipV6 = fc.ipV6().filter((address) => !address.includes('.') && !address.startsWith('::ffff:'));
  const network = fc.oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })),
    fc.tuple(ipV6, fc.integer({ min: 0, max: 128 })),
  );
  fc.assert(
    fc.property(fc.array(network, { maxLength: 8 }), fc.oneof(fc.ipV4(), ipV6), (networks, address) => {
      const matches = compileNetworks(networks.map(([host, length]) => `${host}/${length}`));
      const parsed = ipaddr.parse(address);
      const naive = networks.some(([host, length]) => {
        const base = ipaddr.parse(host);
        return base.kind() === parsed.kind() && parsed.match(base, length);
      });
      expect(matches(address)).toBe(naive);
    }),
    { numRuns: 500 },
  );
});

test('toIPv4Number reads every octet', () => {
  expect(toIPv4Number('1.2.3.4')).toBe(0x01020304);
  expect(toIPv4Number('255.255.255.255')).toBe(0xffffffff);
  expect(toIPv4Number('::1')).toBe(-1);
});

describe('addresses are those of node:net, and their values those of ipaddr.js', () => {
  const groups = new Uint16Array(8);
  const agree = (text: string) => {
    expect(readIPv6(text, groups), text).toBe(isIPv6(text));
    const isMappedText = isIPv6(text) && /^::ffff:[\d.]+$/i.test(text) && text.includes('.');
    expect(toIPv4Number(text) >= 0, text).toBe(isIPv4(text) || isMappedText);
  };

  test('any IPv6 address', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        expect(readIPv6(text, groups)).toBe(true);
        if (!text.includes('.')) expect([...groups]).toEqual(ipaddr.IPv6.parse(text).parts);
      }),
      { numRuns: 1000 },
    );
  });

  test('any text made of what addresses are made of', () => {
    const text = fc.string({
      unit: fc.constantFrom(':', '::', '.', '0', '1', '12', 'f', 'FFFF', '::ffff:', '1.2.3.4', 'g'),
      maxLength: 12,
    });
    fc.assert(fc.property(text, agree), { numRuns: 5000 });
  });

  for (const text of [
    '::',
    '1::',
    '::1',
    ':',
    ':1',
    '1:',
    '1:::2',
    '1::2::3',
    '1:2:3:4:5:6:7::',
    '::2:3:4:5:6:7:8',
    '1:2:3:4::5:6:7:8',
    '1:2:3:4:5:6:7:8',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:1.2.3.4',
    '1:2:3:4:5:6:7:1.2.3.4',
    '::1.2.3.4',
    '::1.2.3',
    '12345::',
  ]) {
    test(`"${text}"`, () => expect(readIPv6(text, groups)).toBe(isIPv6(text)));
  }
});

test('whatever node:net takes for an address, with a length of its family, compiles', () => {
  const text = fc.oneof(
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })),
    fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })),
  );
  fc.assert(
    fc.property(text, ([address, length]) => {
      const matches = compileNetworks([`${address}/${length}`]);
      expect(matches(address)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

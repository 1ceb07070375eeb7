import { makeAuthority, makeCertificate } from '../../../test/fixtures/certificates.ts';
import { costlyRsaKey } from '../../../test/fixtures/costly-keys.ts';
import { redactBytes } from '../../lib/redacted-bytes.ts';
import { expect, test } from 'vitest';
import { translateWith } from '../kit/testing.ts';
import { proxySsl } from './proxy-ssl.ts';

const { certificate: CERT, key: KEY } = makeCertificate(['client.test']);
const { certificate: CA } = makeAuthority();
const other = makeCertificate(['other.test'], { hasOwnKey: true });
const secrets = {
  'a/both': { 'tls.crt': CERT, 'tls.key': KEY, 'ca.crt': CA },
  'a/pair': { 'tls.crt': CERT, 'tls.key': KEY },
  'a/half': { 'tls.crt': CERT },
  'a/garbage': { 'tls.crt': 'garbage', 'tls.key': 'garbage' },
  'a/swapped': { 'tls.crt': CERT, 'tls.key': other.key },
  'a/costly': { 'tls.crt': CERT, 'tls.key': costlyRsaKey(65_536) },
  'a/garbage-ca': { 'ca.crt': 'garbage' },
};
const translate = (annotations: Record<string, string>) => translateWith(proxySsl, annotations, { secrets });

test('without a Secret the others do not count', () => {
  expect(translate({ 'proxy-ssl-verify': 'on', 'proxy-ssl-name': 'x' })).toMatchObject({
    policy: undefined,
    isDenied: false,
  });
});

test('the whole group', () => {
  const { policy } = translate({
    'proxy-ssl-secret': 'a/both',
    'proxy-ssl-verify': 'on',
    'proxy-ssl-verify-depth': '0',
    'proxy-ssl-name': 'backend.test',
    'proxy-ssl-server-name': 'on',
    'proxy-ssl-protocols': 'TLSv1.2 TLSv1.3',
    'proxy-ssl-ciphers': 'HIGH:!aNULL',
  });
  expect(policy).toEqual({
    certificate: CERT,
    key: redactBytes(Buffer.from(KEY)),
    ca: CA,
    isVerified: true,
    verifyDepth: 1,
    serverName: 'backend.test',
    isSniSent: true,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: 'HIGH:!aNULL',
  });
});

const denied: [name: string, annotations: Record<string, string>, problem: string][] = [
  ['no namespace', { 'proxy-ssl-secret': 'both' }, 'is not namespace/name'],
  ['a missing Secret', { 'proxy-ssl-secret': 'a/none' }, 'is a Secret that does not exist'],
  ['a certificate without key', { 'proxy-ssl-secret': 'a/half' }, 'neither tls.crt and tls.key nor ca.crt'],
  ['a malformed pair', { 'proxy-ssl-secret': 'a/garbage' }, 'whose tls.crt and tls.key cannot be used'],
  ['the key of another certificate', { 'proxy-ssl-secret': 'a/swapped' }, 'tls.key that does not belong'],
  ['a key that takes minutes', { 'proxy-ssl-secret': 'a/costly' }, 'more than 4096 bits take too long'],
  ['a malformed CA', { 'proxy-ssl-secret': 'a/garbage-ca' }, 'whose ca.crt cannot be read'],
  ['nothing to verify by', { 'proxy-ssl-secret': 'a/pair', 'proxy-ssl-verify': 'on' }, 'without ca.crt'],
];
for (const [name, annotations, problem] of denied) {
  test(`${name} denies`, () => {
    const { policy, isDenied, messages } = translate(annotations);
    expect({ policy, isDenied }).toEqual({ policy: undefined, isDenied: true });
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain(problem);
  });
}

test('characters that no name has refuse the Ingress', () => {
  expect(translate({ 'proxy-ssl-secret': 'a/b;c' }).refused[0]).toMatch(/: drop$/);
});

test('ciphers that OpenSSL does not take are told, not thrown at each request', () => {
  const { policy, messages } = translate({ 'proxy-ssl-secret': 'a/pair', 'proxy-ssl-ciphers': 'NONSENSE' });
  expect(policy).not.toHaveProperty('ciphers');
  expect(messages).toEqual([expect.stringContaining('is a list that OpenSSL does not take')]);
});

for (const [secret, locationOnly, want] of [
  ['a/both', undefined, true],
  ['a/both', 'false', true],
  ['a/both', 'maybe', true],
  ['a/both', 'true', false],
  ['a/pair', undefined, false],
] as const) {
  test(`${secret} with proxy-ssl-location-only ${locationOnly} counts for the host: ${want}`, () => {
    const { policy } = translate({ 'proxy-ssl-secret': secret });
    expect(proxySsl.isForHost!(policy!, () => locationOnly)).toBe(want);
  });
}

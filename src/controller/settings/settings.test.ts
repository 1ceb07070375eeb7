import { expect, test } from 'vitest';
import { createFindings, findingMessage } from '../../model/finding.ts';
import { DEFAULT_SETTINGS } from '../../table/settings.ts';
import { toSettings, type HeaderMaps } from './settings.ts';

const source = { kind: 'ConfigMap', namespace: 'ingress-nginx', name: 'ingress-nginx-controller' };
const flags = {
  httpsPort: 443,
  healthPath: '/healthz',
  isHostCounted: true,
  areUndefinedHostsCounted: false,
  ticketKeys: [],
};

function read(data: Record<string, string> | undefined, headerMaps: HeaderMaps = () => undefined) {
  const findings = createFindings();
  const map = data === undefined ? undefined : new Map(Object.entries(data));
  const featureKeys = new Set(['proxy-body-size']);
  const settings = toSettings({ data: map, source, flags, featureKeys, headerMaps, findings });
  return { settings, messages: findings.list().map(findingMessage) };
}

test('a missing ConfigMap gives the defaults', () => {
  expect(read(undefined)).toEqual({ settings: DEFAULT_SETTINGS, messages: [] });
});

const cases: [key: string, value: string, want: object][] = [
  ['use-forwarded-headers', 'true', { isForwardedTrusted: true }],
  ['forwarded-for-header', 'CF-Connecting-IP', { forwardedForHeader: 'cf-connecting-ip' }],
  ['proxy-real-ip-cidr', '10.0.0.0/8, fd00::/8', { trustedNetworks: ['10.0.0.0/8', 'fd00::/8'] }],
  ['keep-alive', '30', { keepAliveTimeoutMs: 30_000 }],
  ['hsts', 'false', { hsts: undefined }],
  ['hsts-preload', 'true', { hsts: 'max-age=31536000; includeSubDomains; preload' }],
  ['large-client-header-buffers', '4 16k', { maxTargetBytes: 16_384, maxHeadBytes: 65_536 }],
  ['proxy-protocol-header-timeout', '2s', { proxyProtocolTimeoutMs: 2_000 }],
  ['hide-headers', 'X-Powered-By,X-Debug', { hiddenResponseHeaders: ['x-powered-by', 'x-debug'] }],
];
for (const [key, value, want] of cases) {
  test(`${key}: ${value}`, () => {
    const { settings, messages } = read({ [key]: value });
    expect(settings).toMatchObject(want);
    expect(messages).toEqual([]);
  });
}

const refused: [key: string, value: string, message: string][] = [
  ['keep-alive', 'long', 'data.keep-alive: "long" is not a whole number of seconds; the default is used'],
  [
    'proxy-real-ip-cidr',
    '10.0.0.0/33',
    'data.proxy-real-ip-cidr: "10.0.0.0/33" has an item that is no address and no network: 10.0.0.0/33; the default is used',
  ],
  [
    'ssl-protocols',
    'SSLv3',
    'data.ssl-protocols: "SSLv3" names neither TLSv1.2 nor TLSv1.3; the default is used',
  ],
  ['use-geoip', 'true', 'data.use-geoip: "true" is a key that Serin does not honour; it is ignored'],
  ['add-headers', 'x', 'data.add-headers: "x" is not namespace/name of a ConfigMap; no header is set by it'],
  [
    'add-headers',
    'a/b',
    'data.add-headers: "a/b" names a ConfigMap that does not exist; no header is set by it',
  ],
];
for (const [key, value, message] of refused) {
  test(`${key}: ${value} is a finding and the other keys stand`, () => {
    const { settings, messages } = read({ [key]: value, 'keep-alive-requests': '5' });
    expect(messages).toEqual([message]);
    expect(settings).toEqual({ ...DEFAULT_SETTINGS, keepAliveRequests: 5 });
  });
}

test('keys of features and keys with nothing to set give no finding', () => {
  expect(read({ 'proxy-body-size': '8m', 'worker-processes': '4' }).messages).toEqual([]);
});

test('reads the headers of a named ConfigMap', () => {
  const maps: HeaderMaps = (namespace, name) =>
    namespace === 'a' && name === 'b'
      ? new Map([
          ['X-Frame-Options', 'DENY'],
          ['bad name', 'x'],
        ])
      : undefined;
  const { settings, messages } = read({ 'add-headers': 'a/b' }, maps);
  expect(settings.responseHeaders).toEqual([['X-Frame-Options', 'DENY']]);
  expect(messages).toEqual([
    'data.add-headers: "a/b" has a header that cannot be sent: bad name; no header is set by it',
  ]);
});

import { redactBytes, revealBytes, type RedactedBytes } from '../../lib/redacted-bytes.ts';
import { expect, test } from 'vitest';
import { createFindings, findingMessage } from '../../model/finding.ts';
import { makeDhParameters } from '../../../test/fixtures/dh-parameters.ts';
import { DEFAULT_SETTINGS } from '../../table/settings.ts';
import { toSettings, type HeaderMaps } from './settings.ts';

const source = { kind: 'ConfigMap', namespace: 'ingress-nginx', name: 'ingress-nginx-controller' };
const flags = {
  httpsPort: 443,
  healthPath: '/healthz',
  undefinedHosts: 'uncounted' as const,
  ticketKeys: [],
};

function read(
  data: Record<string, string> | undefined,
  headerMaps: HeaderMaps = () => undefined,
  ticketKeys: readonly RedactedBytes[] = [],
  secrets: Readonly<Record<string, ReadonlyMap<string, RedactedBytes>>> = {},
) {
  const findings = createFindings();
  const map = data === undefined ? undefined : new Map(Object.entries(data));
  const featureKeys = new Set(['proxy-body-size']);
  const settings = toSettings({
    data: map,
    source,
    flags: { ...flags, ticketKeys },
    featureKeys,
    headerMaps,
    secretOf: (namespace, name) => secrets[`${namespace}/${name}`],
    geoFiles: new Map(),
    findings,
  });
  return { settings, messages: findings.list().map(findingMessage) };
}

test('a name of the service that is too long is cut, and told', () => {
  const { settings, messages } = read({ 'otel-service-name': 'n'.repeat(256) });
  expect(settings.tracing.serviceName).toBe('n'.repeat(255));
  expect(messages).toEqual([
    expect.stringMatching(
      /^data\.otel-service-name: "n+" has more than 255 characters; spans name the first 255 of them$/,
    ),
  ]);
});

test('a key that is not honoured and asks for nothing is not told', () => {
  const data = { 'enable-modsecurity': 'false', 'ssl-early-data': 'False', 'main-snippet': ' ' };
  expect(read(data)).toEqual({ settings: DEFAULT_SETTINGS, messages: [] });
});

test('a missing ConfigMap gives the defaults', () => {
  expect(read(undefined)).toEqual({ settings: DEFAULT_SETTINGS, messages: [] });
});

const cases: [key: string, value: string, want: object][] = [
  ['use-forwarded-headers', 'true', { isForwardedTrusted: true }],
  ['forwarded-for-header', 'CF-Connecting-IP', { forwardedForHeader: 'cf-connecting-ip' }],
  ['proxy-real-ip-cidr', '10.0.0.0/8, fd00::/8', { trustedNetworks: ['10.0.0.0/8', 'fd00::/8'] }],
  ['nginx-status-ipv4-whitelist', '10.0.0.5,10.1.0.0/16', { statusReadersIPv4: ['10.0.0.5', '10.1.0.0/16'] }],
  ['nginx-status-ipv6-whitelist', 'fd00::/8', { statusReadersIPv6: ['fd00::/8'] }],
  ['keep-alive', '30', { keepAliveTimeoutMs: 30_000 }],
  ['hsts', 'false', { hsts: undefined }],
  ['hsts-preload', 'true', { hsts: 'max-age=31536000; includeSubDomains; preload' }],
  ['large-client-header-buffers', '4 16k', { maxTargetBytes: 16_384, maxHeadBytes: 65_536 }],
  ['proxy-protocol-header-timeout', '2s', { proxyProtocolTimeoutMs: 2_000 }],
  ['worker-shutdown-timeout', '30s', { drainTimeoutMs: 30_000 }],
  ['worker-shutdown-timeout', '0', { drainTimeoutMs: 0 }],
  ['max-worker-connections', '512', { maxConnections: 512 }],
  ['limit-req-status-code', '429', { rateLimitStatus: 429 }],
  ['limit-conn-status-code', '444', { connectionLimitStatus: 444 }],
  ['limit-conn-zone-variable', '$http_x_key$host', { limitKey: '$http_x_key$host' }],
  ['proxy-stream-timeout', '30s', { streams: expect.objectContaining({ idleTimeoutMs: 30_000 }) }],
  ['proxy-stream-next-upstream', 'false', { streams: expect.objectContaining({ isNextTried: false }) }],
  [
    'proxy-stream-next-upstream-timeout',
    '1m',
    { streams: expect.objectContaining({ triesTimeoutMs: 60_000 }) },
  ],
  ['proxy-stream-next-upstream-tries', '0', { streams: expect.objectContaining({ tries: 0 }) }],
  ['proxy-stream-responses', '4', { streams: expect.objectContaining({ responses: 4 }) }],
  ['log-format-stream', '$remote_addr', { streamLog: expect.objectContaining({ format: '$remote_addr' }) }],
  ['stream-access-log-path', '/tmp/s', { streamLog: expect.objectContaining({ path: '/tmp/s' }) }],
  ['access-log-path', '/tmp/a', { streamLog: expect.objectContaining({ path: '/tmp/a' }) }],
  ['disable-stream-access-log', 'true', { streamLog: expect.objectContaining({ isEnabled: false }) }],
  ['disable-access-log', 'true', { streamLog: expect.objectContaining({ isEnabled: false }) }],
  ['ssl-ciphers', 'ECDHE-RSA-AES128-GCM-SHA256', {}],
  ['ssl-ecdh-curve', 'X25519:prime256v1', {}],
  ['log-format-upstream', '$remote_addr ${req_id}', {}],
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
  [
    'limit-req-status-code',
    '200',
    'data.limit-req-status-code: "200" is not a status from 400 to 599; the default is used',
  ],
  [
    'limit-conn-status-code',
    'no',
    'data.limit-conn-status-code: "no" is not a status from 400 to 599; the default is used',
  ],
  ['limit-conn-zone-variable', '', 'data.limit-conn-zone-variable: is empty; the default is used'],
  [
    'limit-conn-zone-variable',
    '$remote_adr$host',
    'data.limit-conn-zone-variable: "$remote_adr$host" has variables that Serin does not know: $remote_adr; the default is used',
  ],
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
  [
    'ssl-ciphers',
    'NONE-OF-THEM',
    'data.ssl-ciphers: "NONE-OF-THEM" is refused by OpenSSL (error:0A0000B9:SSL routines::no cipher match); the default is used',
  ],
  [
    'ssl-ecdh-curve',
    'curve1',
    'data.ssl-ecdh-curve: "curve1" is refused by OpenSSL (Failed to set ECDH curve); the default is used',
  ],
  [
    'main-snippet',
    'user nobody;',
    'data.main-snippet: "user nobody;" is a key that Serin does not honour; snippets are never evaluated; it is ignored; instead: keys of the ConfigMap',
  ],
  [
    'ssl-early-data',
    'true',
    'data.ssl-early-data: "true" is a key that Serin does not honour; Node\'s TLS has no early data: every handshake is whole',
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

test('what is half right is taken as far as it goes, and says so', () => {
  const { settings, messages } = read({
    'log-format-upstream': '$remote_addr $geoip_country ${geoip_city}',
    'ssl-protocols': 'TLSv1.1 TLSv1.3',
  });
  expect(settings.accessLog.format).toBe('$remote_addr $geoip_country ${geoip_city}');
  expect(settings.tls.minVersion).toBe('TLSv1.3');
  expect(messages).toEqual([
    'data.log-format-upstream: "$remote_addr $geoip_country ${geoip_city}" has variables that Serin does not know: $geoip_country, $geoip_city; they are logged as missing values',
    'data.ssl-protocols: "TLSv1.1 TLSv1.3" names TLSv1.1, which Serin does not speak; TLSv1.3 is spoken',
  ]);
});

test('limits that count by the same text for everybody are told', () => {
  const { settings, messages } = read({ 'limit-conn-zone-variable': 'remote_addr' });
  expect(settings.limitKey).toBe('remote_addr');
  expect(messages).toEqual([
    'data.limit-conn-zone-variable: "remote_addr" has no variable, and is the same for every request; all clients of an Ingress share its limits',
  ]);
});

test('the key of tickets is that of the ConfigMap, 48 or 80 bytes, and is quoted nowhere', () => {
  const own = redactBytes(Buffer.alloc(48, 1));
  for (const length of [48, 80]) {
    const secret = Buffer.alloc(length, 7);
    const data = { 'ssl-session-tickets': 'true', 'ssl-session-ticket-key': secret.toString('base64') };
    const { settings, messages } = read(data, undefined, [own]);
    expect(settings.tls.ticketKeys.map((key) => revealBytes(key))).toEqual([secret]);
    expect(messages).toEqual([]);
    expect(read({ ...data, 'ssl-session-tickets': 'false' }).settings.tls.ticketKeys).toEqual([]);
  }
  for (const value of ['c2hvcnQ=', 'not base64!']) {
    const data = { 'ssl-session-tickets': 'true', 'ssl-session-ticket-key': value };
    const { settings, messages } = read(data, undefined, [own]);
    expect(settings.tls.ticketKeys).toEqual([own]);
    expect(messages).toEqual([
      'data.ssl-session-ticket-key: is not 48 or 80 bytes in base64; tickets have a key of this replica’s own',
    ]);
  }
});

test('session tickets are off, as in ingress-nginx, unless ssl-session-tickets says true', () => {
  const ticketKey = redactBytes(Buffer.alloc(48, 1));
  const keysOf = (data: Record<string, string>) => read(data, undefined, [ticketKey]).settings.tls.ticketKeys;
  expect(keysOf({})).toEqual([]);
  expect(keysOf({ 'ssl-session-tickets': 'false' })).toEqual([]);
  expect(keysOf({ 'ssl-session-tickets': 'true' })).toEqual([ticketKey]);
});

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

test('a pattern of unlogged targets that cannot be linear counts, and is told', () => {
  const { settings, messages } = read({ 'skip-access-log-urls': '/a, ~(b+)\\1' });
  expect(settings.accessLog.skippedTargets).toEqual(['/a', '~(b+)\\1']);
  expect(messages).toEqual([
    'data.skip-access-log-urls: "/a, ~(b+)\\1" has a pattern that cannot be matched in linear time: ~(b+)\\1; a target for which it takes longer than 50 ms is logged',
  ]);
});

test('a variable that is none in proxy-set-headers or add-headers is a finding, and the header stays', () => {
  const maps = () => new Map([['X-Request-Start', 't=${msec} $nope']]);
  const { settings, messages } = read({ 'proxy-set-headers': 'a/b' }, maps);
  expect(settings.upstreamHeaders).toEqual([['X-Request-Start', 't=${msec} $nope']]);
  expect(messages).toEqual([
    'data.proxy-set-headers: "a/b" has a header with variables that Serin does not know: X-Request-Start: $nope; they are filled in with nothing, unless the path of a route has a group of that name',
  ]);
});

test('enable-syslog sends the access log to the server that is named beside it', () => {
  const { settings, messages } = read({
    'enable-syslog': 'true',
    'syslog-host': 'logs.example.test',
    'syslog-port': '1514',
  });
  expect(settings.accessLog.syslog).toEqual({ host: 'logs.example.test', port: 1514 });
  expect(messages).toEqual([]);
  expect(read({ 'syslog-host': 'logs' }).settings.accessLog.syslog).toBeUndefined();
});

test('and nowhere where there is none', () => {
  const { settings, messages } = read({
    'enable-syslog': 'true',
    'syslog-host': 'logs:514',
    'syslog-port': '0',
  });
  expect(settings.accessLog.syslog).toBeUndefined();
  expect(messages).toEqual([
    'data.syslog-host: "logs:514" is neither an address nor a host name; the default is used',
    'data.syslog-port: "0" is not a port number; the default is used',
    'data.enable-syslog: "true" has no syslog-host beside it; the access log goes to where access-log-path says',
  ]);
});

test('ssl-dh-param names a Secret with a group', () => {
  const pem = makeDhParameters();
  const secret = (key: string, text: string) => new Map([[key, redactBytes(Buffer.from(text))]]);
  const secrets = {
    'tls/good': secret('dhparam.pem', pem),
    'tls/other': secret('tls.key', pem),
    'tls/bad': secret('dhparam.pem', 'no group'),
  };
  const readDh = (value: string) => {
    const { settings, messages } = read({ 'ssl-dh-param': value }, undefined, [], secrets);
    return [settings.tls.dhParameters, ...messages];
  };
  expect(readDh('tls/good')).toEqual([pem]);
  const said = (value: string, problem: string) => [
    undefined,
    `data.ssl-dh-param: "${value}" ${problem}; no DHE suite of TLS 1.2 is offered`,
  ];
  expect(readDh('good')).toEqual(said('good', 'is not namespace/name of a Secret'));
  expect(readDh('tls/none')).toEqual(said('tls/none', 'names a Secret that does not exist'));
  expect(readDh('tls/other')).toEqual(said('tls/other', 'names a Secret without the key dhparam.pem'));
  expect(readDh('tls/bad')).toEqual(
    said('tls/bad', 'names a Secret whose dhparam.pem is no group (Invalid PEM formatted message.)'),
  );
});

test('HTTP/2 is on, for 128 streams at once, unless the keys say otherwise', () => {
  expect(read({}).settings).toMatchObject({ isHttp2Used: true, maxConcurrentStreams: 128 });
  const { settings, messages } = read({ 'use-http2': 'false', 'http2-max-concurrent-streams': '20' });
  expect(settings).toMatchObject({ isHttp2Used: false, maxConcurrentStreams: 20 });
  expect(messages).toEqual([]);
});

for (const value of ['0', '4097', 'many']) {
  test(`http2-max-concurrent-streams: ${value} leaves the default`, () => {
    const { settings, messages } = read({ 'http2-max-concurrent-streams': value });
    expect(settings.maxConcurrentStreams).toBe(128);
    expect(messages).toEqual([
      `data.http2-max-concurrent-streams: "${value}" is not a whole number from 1 to 4096; the default is used`,
    ]);
  });
}

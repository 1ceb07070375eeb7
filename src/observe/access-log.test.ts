import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createAccessLog } from './access-log.ts';
import type { AccessLogOptions } from './access-log.ts';
import { toIsoTime, toLocalTime, toSeconds } from '../lib/nginx-time.ts';
import type { Attempt } from '../lib/variables/source.ts';
import { variableReader } from '../lib/variables/variables.ts';
import { LineParts, type AccessRecord } from './access-record.ts';
import { compileLogFormat, unknownVariables, UPSTREAM_LOG_FORMAT } from './log-format.ts';
import type { LogSink } from './log-sink.ts';

let zone: string | undefined;
beforeAll(() => {
  zone = process.env['TZ'];
  process.env['TZ'] = 'UTC';
});
afterAll(() => {
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
});

const attempt = (fields: Partial<Attempt>): Attempt => ({
  address: '10.245.0.9:18101',
  status: 200,
  responseLength: 458,
  connectMs: 1,
  headerMs: 6,
  responseMs: 7,
  ...fields,
});

interface Fields extends Partial<AccessRecord> {
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: Readonly<Record<string, string>>;
  readonly responseHeaders?: Readonly<Record<string, string>>;
}

function recordOf({ headers = {}, cookies = {}, responseHeaders = {}, ...fields }: Fields): AccessRecord {
  return {
    connection: {
      serial: 7,
      peerAddress: '10.0.0.1',
      peerPort: 4711,
      clientAddress: '10.0.0.1',
      clientPort: 4711,
      localAddress: '10.0.0.2',
      proxied: undefined,
      serverName: undefined,
    },
    sequence: 3,
    clientAddress: '127.0.0.1',
    remoteUser: '',
    method: 'GET',
    requestLine: 'GET /p/canary-log HTTP/1.1',
    status: 200,
    bodyBytesSent: 458,
    bytesSent: 600,
    requestLength: 71,
    startedAtMs: Date.UTC(2026, 10, 23, 13, 41, 48, 100),
    durationMs: 7,
    requestId: '72814d4944cf69ca5b9e823c04e3a579',
    ownRequestId: fields.requestId ?? '72814d4944cf69ca5b9e823c04e3a579',
    upstreamName: 'lab-cmain-80',
    canaryName: '',
    attempts: [],
    host: 'a.test',
    hostHeader: 'A.test:80',
    path: '/p/canary-log',
    rewrittenPath: undefined,
    target: '/p/canary-log',
    query: '',
    scheme: 'http',
    connectionScheme: 'http',
    seenHost: 'A.test:80',
    localPort: 80,
    saidPort: '80',
    seenPort: '80',
    forwardedFor: '127.0.0.1',
    tlsProtocol: '',
    tlsCipher: '',
    lineParts: new LineParts(),
    labels: undefined,
    header: (name) => headers[name],
    cookie: (name) => cookies[name],
    responseHeader: (name) => responseHeaders[name],
    sentHeader: (name) => responseHeaders[name],
    located: () => undefined,
    capture: () => '',
    group: () => undefined,
    ...fields,
  };
}

const LABELS = {
  namespace: 'lab',
  ingress: 'web',
  service: 'cmain',
  servicePort: '80',
  path: '/p/caf\u00e9',
  host: '*.a.test',
};

/** Lines of docs/reference/operation.md §3, and what they come from. */
const OBSERVED: readonly (readonly [name: string, want: string, fields: Fields])[] = [
  [
    'served by a canary',
    '127.0.0.1 - - [23/Nov/2026:13:41:48 +0000] "GET /p/canary-log HTTP/1.1" 200 458 "-" "-" 71 0.007 [lab-cmain-80] [lab-ccan-80] 10.245.0.9:18101 458 0.007 200 72814d4944cf69ca5b9e823c04e3a579',
    { canaryName: 'lab-ccan-80', attempts: [attempt({})] },
  ],
  [
    'three tries',
    '127.0.0.1 - - [23/Nov/2026:13:41:48 +0000] "GET /p/canary-log HTTP/1.1" 502 150 "-" "-" 57 0.001 [lab-bad-80] [] 10.245.0.9:18104, 10.245.0.9:18104, 10.245.0.9:18104 0, 0, 0 0.000, 0.001, 0.000 502, 502, 502 72814d4944cf69ca5b9e823c04e3a579',
    {
      status: 502,
      bodyBytesSent: 150,
      requestLength: 57,
      durationMs: 1,
      upstreamName: 'lab-bad-80',
      attempts: [0, 1, 0].map((responseMs) =>
        attempt({ address: '10.245.0.9:18104', status: 502, responseLength: 0, headerMs: -1, responseMs }),
      ),
    },
  ],
  [
    'an error page from the default backend',
    '127.0.0.1 - - [23/Nov/2026:13:41:48 +0000] "GET /x HTTP/1.1" 404 465 "-" "-" 78 0.006 [custom-default-backend-lab-err] [] 10.245.0.9:18100 : 10.245.0.9:18102 0 : 465 0.004 : 0.001 404 : 404 72814d4944cf69ca5b9e823c04e3a579',
    {
      requestLine: 'GET /x HTTP/1.1',
      status: 404,
      bodyBytesSent: 465,
      requestLength: 78,
      durationMs: 6,
      upstreamName: 'custom-default-backend-lab-err',
      attempts: [
        attempt({ address: '10.245.0.9:18100', status: 404, responseLength: 0, responseMs: 4 }),
        attempt({
          address: '10.245.0.9:18102',
          status: 404,
          responseLength: 465,
          responseMs: 1,
          isRedirected: true,
        }),
      ],
    },
  ],
  [
    'app-root',
    '127.0.0.1 - - [23/Nov/2026:13:41:48 +0000] "GET / HTTP/1.1" 302 138 "-" "-" 61 0.000 [-] [] - - - - d28f',
    {
      requestLine: 'GET / HTTP/1.1',
      status: 302,
      bodyBytesSent: 138,
      requestLength: 61,
      durationMs: 0,
      upstreamName: '-',
      requestId: 'd28f',
    },
  ],
  [
    'refused while parsing',
    '127.0.0.1 - - [23/Nov/2026:13:41:48 +0000] "get / HTTP/1.1" 400 150 "-" "-" 0 0.000 [] [] - - - - 25e1',
    {
      requestLine: 'get / HTTP/1.1',
      status: 400,
      bodyBytesSent: 150,
      requestLength: 0,
      durationMs: 0.2,
      upstreamName: '',
      requestId: '25e1',
    },
  ],
  [
    'a user, a referer, an agent, an id of the client',
    '127.0.0.1 - bar [23/Nov/2026:13:41:48 +0000] "GET /p/canary-log HTTP/1.1" 200 458 "http://r/" "curl/8 \\x22x\\x22" 71 0.007 [lab-cmain-80] [] - - - - my-id',
    { remoteUser: 'bar', requestId: 'my-id', headers: { referer: 'http://r/', 'user-agent': 'curl/8 "x"' } },
  ],
  [
    'escapes',
    '127.0.0.1 - - [23/Nov/2026:13:41:48 +0000] "GET /with\\x22quote\\x5C\\xC3\\xA9 HTTP/1.1" 200 458 "-" "" 71 0.007 [lab-cmain-80] [] - - - - 72814d4944cf69ca5b9e823c04e3a579',
    { requestLine: 'GET /with"quote\\\u00c3\u00a9 HTTP/1.1', headers: { 'user-agent': '' } },
  ],
];

describe('the default format', () => {
  // The same template with a reader that the fast path does not know is compiled piece by piece.
  const fast = compileLogFormat(UPSTREAM_LOG_FORMAT, 'default');
  const compiled = compileLogFormat(`${UPSTREAM_LOG_FORMAT}\${pipe}`, 'default');
  for (const [name, want, fields] of OBSERVED) {
    test(name, () => {
      expect(fast(recordOf(fields))).toBe(want);
      expect(compiled(recordOf(fields))).toBe(`${want}.`);
    });
  }
});

test('what is kept from one line to the next of a connection is as good as new', () => {
  const format = compileLogFormat(UPSTREAM_LOG_FORMAT, 'default');
  const lineParts = new LineParts();
  const later = { startedAtMs: Date.UTC(2026, 10, 23, 13, 41, 59) };
  const all = OBSERVED.map(([, , fields]) => fields);
  for (const fields of [...all, ...all.map((one) => ({ ...one, ...later })), ...all.toReversed()]) {
    expect(format(recordOf({ ...fields, lineParts }))).toBe(format(recordOf(fields)));
  }
});

test('lines of one connection that differ in anything at all are as good as new', () => {
  const format = compileLogFormat(UPSTREAM_LOG_FORMAT, 'default');
  const lineParts = new LineParts();
  const base = { attempts: [attempt({})] };
  const changes: readonly Fields[] = [
    {},
    { requestLine: 'GET /other HTTP/2.0' },
    { requestLine: 'GET /"\x01 HTTP/2.0' },
    { status: 404 },
    { bodyBytesSent: 9 },
    { requestLength: 9 },
    { durationMs: 2345 },
    { requestId: '' },
    { clientAddress: '192.0.2.1' },
    { remoteUser: 'me' },
    { upstreamName: 'lab-other-80' },
    { canaryName: 'lab-canary-80' },
    { attempts: [] },
    { attempts: [attempt({ responseLength: 9 })] },
    { attempts: [attempt({ address: '10.0.0.1:80' })] },
    { attempts: [attempt({ status: 0, responseMs: -1 })] },
    { attempts: [attempt({}), attempt({ address: '10.0.0.1:80' })] },
    { header: (name) => (name === 'user-agent' ? 'curl' : undefined) },
    { header: (name) => (name === 'referer' ? 'curl' : undefined) },
  ];
  for (const one of changes) {
    for (const two of changes) {
      for (const fields of [base, { ...base, ...one }, { ...base, ...one, ...two }, { ...base, ...two }]) {
        expect(format(recordOf({ ...fields, lineParts }))).toBe(format(recordOf(fields)));
      }
    }
  }
});

test('nothing long is kept from one line to the next', () => {
  const format = compileLogFormat(UPSTREAM_LOG_FORMAT, 'default');
  const lineParts = new LineParts();
  const long = '\xe9'.repeat(8_000);
  const rounds: readonly Fields[] = [
    {},
    { requestLine: `GET /${long} HTTP/1.1` },
    { remoteUser: long },
    { header: (name) => (name === 'user-agent' ? long : undefined) },
    { header: (name) => (name === 'referer' ? long : undefined) },
    { requestLine: long, remoteUser: long, header: () => long },
    {},
  ];
  for (const fields of rounds) {
    expect(format(recordOf({ ...fields, lineParts }))).toBe(format(recordOf(fields)));
    for (const part of Object.values(lineParts)) expect(String(part).length).toBeLessThan(1_000);
  }
});

test('what an upstream without address left is not taken for the one before it', () => {
  const format = compileLogFormat(UPSTREAM_LOG_FORMAT, 'default');
  const lineParts = new LineParts();
  for (const attempts of [[attempt({})], [], [attempt({ address: '-' })], [attempt({})]]) {
    expect(format(recordOf({ attempts, lineParts }))).toBe(format(recordOf({ attempts })));
  }
});

const VALUES: readonly (readonly [format: string, want: string])[] = [
  ['$namespace/$ingress_name $service_name:$service_port', 'lab/web cmain:80'],
  ['$location_path', '/p/caf\\xC3\\xA9'],
  ['$host $http_host $server_name $server_port', 'a.test A.test:80 *.a.test 443'],
  ['$scheme $https $ssl_protocol $ssl_cipher', 'https on TLSv1.3 TLS_AES_128_GCM_SHA256'],
  [
    '$request_method $uri $args $is_args $request_uri $server_protocol',
    'POST /a/b x=1&Y=2 ? /a//b?x=1&Y=2 HTTP/1.1',
  ],
  ['$arg_x $arg_y $arg_z', '1 2 -'],
  ['$http_x_forwarded_for $http_absent', '1.2.3.4 -'],
  ['$sent_http_content_type $upstream_http_x_a $sent_http_absent', 'text/html b -'],
  ['$cookie_session $cookie_absent', 'abc -'],
  ['$bytes_sent $body_bytes_sent $msec', '600 458 1795441308.107'],
  ['$time_iso8601', '2026-11-23T13:41:48+00:00'],
  ['$upstream_connect_time $upstream_header_time', '0.001, - 0.006, -'],
  ['$upstream_status', '502, -'],
  ['$remote_user ${request_id}x', '- rid-x'],
  ['$constructor $__proto__ $unheard_of', '- - -'],
  ['100% $ $$ done', '100% $ $$ done'],
  ['caf\u00e9', 'caf\u00c3\u00a9'],
];

const RICH = recordOf({
  method: 'POST',
  requestLine: 'POST /a//b?x=1&Y=2 HTTP/1.1',
  path: '/a/b',
  target: '/a//b?x=1&Y=2',
  query: 'x=1&Y=2',
  scheme: 'https',
  connectionScheme: 'https',
  localPort: 443,
  tlsProtocol: 'TLSv1.3',
  tlsCipher: 'TLS_AES_128_GCM_SHA256',
  labels: LABELS,
  requestId: 'rid-',
  attempts: [attempt({ status: 502 }), attempt({ status: 0, connectMs: -1, headerMs: -1, responseMs: -1 })],
  headers: { 'x-forwarded-for': '1.2.3.4', host: 'A.test:80' },
  cookies: { session: 'abc' },
  responseHeaders: { 'content-type': 'text/html', 'x-a': 'b' },
});

describe('variables', () => {
  for (const [format, want] of VALUES) {
    test(format, () => expect(compileLogFormat(format, 'default')(RICH)).toBe(want));
  }

  test('without a route names are empty and there is nothing to say about TLS', () => {
    const format = compileLogFormat(
      '[$namespace] [$ingress_name] [$location_path] $ssl_protocol [$https]',
      'default',
    );
    expect(format(recordOf({}))).toBe('[] [] [] - []');
  });

  test('unknown ones can be asked for', () => {
    expect(unknownVariables('$host $nope ${geoip2_x} $nope $http_any $constructor')).toEqual([
      'nope',
      'geoip2_x',
      'constructor',
    ]);
    expect(unknownVariables(UPSTREAM_LOG_FORMAT)).toEqual([]);
    expect(variableReader('toString')).toBeUndefined();
  });
});

describe('escapes', () => {
  const record = recordOf({ requestLine: 'GET /"\\\u00c3\u00a9\t HTTP/1.1', remoteUser: '', headers: {} });
  const format = '{"r":"$request","u":"$remote_user","h":"$http_a"}';

  test('json escapes as JSON does, and what is missing is empty', () => {
    const line = compileLogFormat(format, 'json')(record);
    const text = Buffer.from(line, 'latin1').toString('utf8');
    expect(JSON.parse(text)).toEqual({ r: 'GET /"\\\u00e9\t HTTP/1.1', u: '', h: '' });
  });

  test('controls are escaped by number in JSON', () => {
    expect(compileLogFormat('$request', 'json')(recordOf({ requestLine: 'a\u0001b' }))).toBe('a\\u0001b');
  });

  const BYTES: readonly [name: string, bytes: string, want: string][] = [
    ['a byte that UTF-8 does not have', 'a\u00ffb', 'a\\u00FFb'],
    ['a character cut short', 'a\u00c3', 'a\\u00C3'],
    ['a byte behind a whole character', '\u00c3\u00a9\u00a9', '\u00c3\u00a9\\u00A9'],
    ['a slash in too many bytes', '\u00c0\u00af', '\\u00C0\\u00AF'],
    ['half a surrogate pair', '\u00ed\u00a0\u0080', '\\u00ED\\u00A0\\u0080'],
    ['above U+10FFFF', '\u00f4\u0090\u0080\u0080', '\\u00F4\\u0090\\u0080\\u0080'],
    ['a whole character of four bytes', '\u00f0\u009f\u0090\u00a4', '\u00f0\u009f\u0090\u00a4'],
    ['a character that is no byte', '\u010a', '\\u010A'],
  ];
  for (const [name, bytes, want] of BYTES) {
    test(`JSON lines are UTF-8: ${name}`, () => {
      const line = compileLogFormat('{"r":"$request"}', 'json')(recordOf({ requestLine: bytes }));
      expect(line).toBe(`{"r":"${want}"}`);
      const octets = Buffer.from(line, 'latin1');
      expect(isUtf8(octets)).toBe(true);
      expect(() => JSON.parse(octets.toString('utf8')) as unknown).not.toThrow();
    });
  }

  test('every text of bytes is one line of JSON in UTF-8', () => {
    const write = compileLogFormat('{"r":"$request","h":"$http_a"}', 'json');
    const bytes = fc.uint8Array({ maxLength: 12 }).map((octets) => Buffer.from(octets).toString('latin1'));
    fc.assert(
      fc.property(bytes, bytes, (requestLine, value) => {
        const line = Buffer.from(write(recordOf({ requestLine, headers: { a: value } })), 'latin1');
        expect(isUtf8(line)).toBe(true);
        expect(Object.keys(JSON.parse(line.toString('utf8')) as object)).toEqual(['r', 'h']);
        expect(line.includes('\n')).toBe(false);
      }),
    );
  });

  test('names of upstreams are escaped in the default format too', () => {
    const attempts = [
      { address: '192.0.2.1:80', status: 200, responseLength: 1, connectMs: 1, headerMs: 1, responseMs: 1 },
    ];
    const line = compileLogFormat(
      UPSTREAM_LOG_FORMAT,
      'default',
    )(recordOf({ upstreamName: 'a\nb', canaryName: '\u00c3\u00a9', attempts }));
    expect(line).toContain('[a\\x0Ab] [\\xC3\\xA9]');
  });

  test('none writes what came', () => {
    expect(compileLogFormat('$request|$remote_user', 'none')(record)).toBe(
      'GET /"\\\u00c3\u00a9\t HTTP/1.1|',
    );
  });
});

test('times are written to the millisecond, and never below zero', () => {
  expect([0, 0.4, 0.5, 7, 999, 1000, 4096, 61_234.6, -3].map(toSeconds)).toEqual([
    '0.000',
    '0.000',
    '0.001',
    '0.007',
    '0.999',
    '1.000',
    '4.096',
    '61.235',
    '0.000',
  ]);
});

test('clock texts follow the second', () => {
  expect(toLocalTime(0)).toBe('01/Jan/1970:00:00:00 +0000');
  expect(toLocalTime(999)).toBe('01/Jan/1970:00:00:00 +0000');
  expect(toLocalTime(1000)).toBe('01/Jan/1970:00:00:01 +0000');
  expect(toIsoTime(86_400_000)).toBe('1970-01-02T00:00:00+00:00');
});

function logOf(options: Partial<AccessLogOptions>): { lines: string[]; write(target: string): void } {
  const lines: string[] = [];
  const sink: LogSink = {
    write: (line) => void lines.push(line),
    flush: () => Promise.resolve(),
    reopen: () => {},
    droppedLines: 0,
    close: () => Promise.resolve(),
  };
  const log = createAccessLog(
    { isEnabled: true, format: '$request_uri', escape: 'default', skippedTargets: [], ...options },
    sink,
  );
  return { lines, write: (target) => log.write(recordOf({ target })) };
}

describe('what is logged', () => {
  test('one line per exchange', () => {
    const log = logOf({});
    log.write('/a');
    log.write('/b');
    expect(log.lines).toEqual(['/a\n', '/b\n']);
  });

  test('nothing when it is off', () => {
    const log = logOf({ isEnabled: false });
    log.write('/a');
    expect(log.lines).toEqual([]);
  });

  test('not what skip-access-log-urls names, and a bad pattern skips nothing', () => {
    const log = logOf({ skippedTargets: ['/skip', '~^/re[0-9]', '~*^/CASE', '~('] });
    for (const target of ['/skip', '/SKIP', '/skip?x', '/re1/x', '/RE1', '/case/y', '/other'])
      log.write(target);
    expect(log.lines).toEqual(['/skip?x\n', '/RE1\n', '/other\n']);
  });
});

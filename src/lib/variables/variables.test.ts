import { createHash, X509Certificate } from 'node:crypto';
import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { fakeRequest } from '../../features/kit/testing.ts';
import { ClientCertificate } from '../client-certificate.ts';
import { createSelfSigned } from '../self-signed.ts';
import type { TlsClient } from './source.ts';
import { compileFieldTemplate, compileTemplate, parseTemplate, unknownNames } from './template.ts';
import { variableReader } from './variables.ts';

/** Behind a PROXY balancer (10.0.0.1) and a trusted hop that speaks for a client of https. */
const BEHIND_A_HOP = fakeRequest({
  method: 'POST',
  target: '/a//b?x=1&Y=2',
  path: '/a/b',
  hostHeader: 'inner.test:8080',
  host: 'inner.test',
  seenHost: 'outer.test',
  scheme: 'https',
  connectionScheme: 'http',
  localPort: 8080,
  saidPort: '8443',
  seenPort: '443',
  clientAddress: '192.0.2.77',
  forwardedFor: '192.0.2.77, 203.0.113.9',
  connection: {
    serial: 9,
    peerAddress: '10.0.0.1',
    peerPort: 4711,
    clientAddress: '203.0.113.9',
    clientPort: 40_000,
    localAddress: '10.0.0.2',
    proxied: {
      sourceAddress: '203.0.113.9',
      sourcePort: 40_000,
      destinationAddress: '198.51.100.1',
      destinationPort: 443,
    },
    serverName: undefined,
  },
  sequence: 3,
  requestId: 'clients-id',
  ownRequestId: 'own-id',
  durationMs: 7,
  headers: {
    'x-forwarded-for': '192.0.2.77',
    'x-tenant': 'blue',
    x_odd: 'underscored',
    cookie: 'Session=abc',
    'content-length': '5',
  },
});

const VALUES: readonly (readonly [name: string, value: string | undefined])[] = [
  ['remote_addr', '192.0.2.77'],
  ['the_real_ip', '192.0.2.77'],
  ['binary_remote_addr', '\xc0\x00\x02\x4d'],
  ['remote_port', undefined],
  ['realip_remote_addr', '10.0.0.1'],
  ['realip_remote_port', '4711'],
  ['proxy_protocol_addr', '203.0.113.9'],
  ['proxy_protocol_port', '40000'],
  ['proxy_protocol_server_addr', '198.51.100.1'],
  ['proxy_protocol_server_port', '443'],
  ['proxy_add_x_forwarded_for', '192.0.2.77, 192.0.2.77'],
  ['full_x_forwarded_for', '192.0.2.77, 203.0.113.9'],
  ['scheme', 'http'],
  ['https', ''],
  ['pass_access_scheme', 'https'],
  ['server_port', '8080'],
  ['server_addr', '10.0.0.2'],
  ['pass_server_port', '8443'],
  ['pass_port', '443'],
  ['host', 'inner.test'],
  ['http_host', 'inner.test:8080'],
  ['best_http_host', 'outer.test'],
  ['hostname', hostname()],
  ['req_id', 'clients-id'],
  ['request_id', 'own-id'],
  ['request_method', 'POST'],
  ['request_uri', '/a//b?x=1&Y=2'],
  ['uri', '/a/b'],
  ['args', 'x=1&Y=2'],
  ['is_args', '?'],
  ['arg_y', '2'],
  ['ARG_X', '1'],
  ['arg_z', undefined],
  ['http_x_tenant', 'blue'],
  ['http_x_odd', 'underscored'],
  ['cookie_session', 'abc'],
  ['content_length', '5'],
  ['msec', '1795435200.007'],
  ['time_iso8601', expect.stringMatching(/^2026-11-23T/) as string],
  ['namespace', 'a'],
  ['ingress_name', 'web'],
  ['service_name', 'web'],
  ['service_port', '80'],
  ['location_path', '/'],
  ['proxy_upstream_name', 'a-web-80'],
  ['upstream_addr', undefined],
  ['ssl_protocol', undefined],
  ['connection', '9'],
  ['connection_requests', '3'],
  ['subdomain', undefined],
];

describe('variables behind a trusted hop are of the side that nginx means', () => {
  for (const [name, value] of VALUES) {
    test(`$${name}`, () => expect(variableReader(name)!(BEHIND_A_HOP)).toEqual(value));
  }
});

describe('of the certificate that a client showed', () => {
  const { certificate } = createSelfSigned(['ann.test'], Date.UTC(2026, 10, 23));
  const x509 = new X509Certificate(certificate);
  const source = fakeRequest({ connectionScheme: 'https', durationMs: 0 });
  const showing = (client?: TlsClient) => ({
    ...source,
    connection: client === undefined ? source.connection : { ...source.connection, client },
  });
  const client: TlsClient = {
    hostName: 'a.test',
    authId: 'x',
    verification: 'FAILED:self-signed certificate',
    isIssuerUnknown: true,
    certificate: new ClientCertificate(x509.raw),
  };
  const days = Math.floor((x509.validToDate.getTime() - source.startedAtMs) / 86_400_000);
  const told: readonly (readonly [name: string, value: string])[] = [
    ['ssl_client_verify', 'FAILED:self-signed certificate'],
    ['ssl_client_s_dn', client.certificate!.subject],
    ['ssl_client_i_dn', client.certificate!.issuer],
    ['ssl_client_serial', x509.serialNumber],
    ['ssl_client_fingerprint', createHash('sha1').update(x509.raw).digest('hex')],
    ['ssl_client_v_start', x509.validFrom],
    ['ssl_client_v_end', x509.validTo],
    ['ssl_client_v_remain', String(days)],
    ['ssl_client_raw_cert', x509.toString()],
    ['ssl_client_cert', x509.toString().trimEnd().split('\n').join('\n\t')],
    ['ssl_client_escaped_cert', encodeURIComponent(x509.toString())],
  ];
  for (const [name, value] of told) {
    test(`$${name}`, () => {
      expect(value).not.toBe('');
      expect(variableReader(name)!(showing(client))).toBe(value);
      const verified = name === 'ssl_client_verify' ? 'NONE' : undefined;
      expect(variableReader(name)!(showing())).toBe(verified);
      expect(variableReader(name)!(fakeRequest())).toBeUndefined();
    });
  }

  test('it has no days left when it has expired', () => {
    const late = { ...showing(client), startedAtMs: x509.validToDate.getTime() + 1 };
    expect(variableReader('ssl_client_v_remain')!(late)).toBe('0');
  });
});

test('what a rewrite made of the path is $uri, and $request_uri stays', () => {
  const request = fakeRequest({ target: '/a', rewrittenPath: '/b' });
  expect(compileTemplate('$uri $document_uri $request_uri')(request)).toBe('/b /b /a');
});

test('$subdomain is what the star of a wildcard host stood for', () => {
  const labels = { ...BEHIND_A_HOP.labels!, host: '*.a.test' };
  expect(compileTemplate('$subdomain.inner')(fakeRequest({ host: 'blue.a.test', labels }))).toBe(
    'blue.inner',
  );
});

test('an IPv6 address has sixteen bytes', () => {
  const request = fakeRequest({ clientAddress: '2001:db8::1' });
  expect(variableReader('binary_remote_addr')!(request)).toBe(`\x20\x01\x0d\xb8${'\0'.repeat(11)}\x01`);
});

describe('templates', () => {
  const parts: readonly (readonly [text: string, printed: string])[] = [
    ['plain', '"plain"'],
    ['$host', 'host'],
    ['${host}x$uri.', 'host "x" uri "."'],
    ['$12', '#1 "2"'],
    ['${3}', '#3'],
    ['$0', '0'],
    ['100% $ $$ ${', '"100% $ $$ ${"'],
  ];
  for (const [text, printed] of parts) {
    test(text, () => {
      const got = parseTemplate(text).map((part) =>
        part.kind === 'text'
          ? JSON.stringify(part.text)
          : part.kind === 'capture'
            ? `#${part.number}`
            : part.name,
      );
      expect(got.join(' ')).toBe(printed);
    });
  }

  test('names that are no variable are told, each once, groups aside', () => {
    expect(unknownNames('$host $nope ${nope} $1 $tenant $constructor', (name) => name === 'tenant')).toEqual([
      'nope',
      'constructor',
    ]);
  });

  test('captures and groups are filled in, unknown names with nothing', () => {
    const request = fakeRequest({
      capture: (number) => `<${number}>`,
      group: (name) => (name === 'tenant' ? 'blue' : undefined),
    });
    expect(compileTemplate('$1-$2$tenant[$nope]')(request)).toBe('<1>-<2>blue[]');
  });

  test('nothing that is filled into a header field ends its line', () => {
    const request = fakeRequest({ path: '/a\r\nX: y\0' });
    expect(compileFieldTemplate('x$uri')(request)).toBe('x/a%0D%0AX: y%00');
  });
});

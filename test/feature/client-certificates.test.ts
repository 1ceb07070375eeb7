import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ingressOf, webObjects } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/*
 * Client certificates from a manifest to the wire, over a Serin in its own process; openssl makes the certificates. The backend answers
 * with the headers about the client that it was sent.
 */

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'serin-auth-tls-'));
const manifests = mkdtempSync(join(tmpdir(), 'serin-auth-tls-manifests-'));
let backend: Server;
let asked: Server;
let serin: SerinProcess;

const openssl = (...args: string[]) =>
  execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
const read = (name: string) => readFileSync(join(folder, name), 'utf8');

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

function makeCa(name: string): void {
  openssl(
    'req',
    '-x509',
    ...KEY,
    '-keyout',
    `${name}.key`,
    '-out',
    `${name}.crt`,
    '-days',
    '30',
    '-subj',
    `/CN=${name}`,
  );
}

function makeCertificate(
  name: string,
  subject: string,
  ca: string,
  extensions = 'basicConstraints=CA:FALSE',
): void {
  writeFileSync(join(folder, `${name}.ext`), extensions);
  openssl('req', ...KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-utf8', '-subj', subject);
  openssl(
    'x509',
    '-req',
    '-in',
    `${name}.csr`,
    '-CA',
    `${ca}.crt`,
    '-CAkey',
    `${ca}.key`,
    '-CAcreateserial',
    '-days',
    '30',
    '-extfile',
    `${name}.ext`,
    '-out',
    `${name}.crt`,
  );
}

function secret(name: string, data: Record<string, string>): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'a', name }, stringData: data };
}

function writeSecret(name: string, data: Record<string, string>): void {
  writeFileSync(join(manifests, `${name}.yaml`), stringify(secret(name, data)));
}

interface Ask {
  /** Server name of the handshake; undefined: none. */
  readonly sni?: string;
  readonly host?: string;
  readonly as?: string;
  readonly lines?: readonly string[];
  readonly session?: Buffer | undefined;
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3';
  onSession?(session: Buffer): void;
}

/** One request over a connection of its own, and all that comes back. */
async function ask({
  sni,
  host = sni ?? '',
  as,
  lines = [],
  session,
  maxVersion = 'TLSv1.3',
  onSession = () => {},
}: Ask): Promise<string> {
  const socket = connect({
    host: '127.0.0.1',
    port: serin.httpsPort,
    servername: sni ?? '',
    rejectUnauthorized: false,
    session,
    maxVersion,
    ...(as === undefined ? {} : { cert: read(`${as}.crt`), key: read(`${as}.key`) }),
  });
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('error', () => {});
  socket.on('session', (given: Buffer) => onSession(given));
  socket.write(['GET /x HTTP/1.1', `Host: ${host}`, 'Connection: close', ...lines, '', ''].join('\r\n'));
  await once(socket, 'close');
  return text;
}

async function askPlain(host: string): Promise<Response> {
  return fetch(`http://127.0.0.1:${serin.httpPort}/x`, { headers: { host }, redirect: 'manual' });
}

const statusOf = (text: string) => Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
const seenOf = (text: string): Record<string, string> =>
  JSON.parse(/\{.*\}/s.exec(text)![0]) as Record<string, string>;

describe.skipIf(!hasOpenssl)('client certificates (needs openssl)', () => {
  beforeAll(async () => {
    for (const ca of ['one', 'two']) makeCa(ca);
    makeCertificate('ann', '/C=DE/O=Serin, Inc./CN=ann', 'one');
    makeCertificate('zoë', '/O=Café/CN=zoë', 'one');
    makeCertificate('bob', '/CN=bob', 'one');
    makeCertificate('mallory', '/CN=ann', 'two');
    makeCertificate('middle', '/CN=middle', 'one', 'basicConstraints=critical,CA:TRUE');
    makeCertificate('lower', '/CN=lower', 'middle', 'basicConstraints=critical,CA:TRUE');
    for (const [leaf, ca, above] of [
      ['near', 'middle', []],
      ['far', 'lower', ['middle']],
    ] as const) {
      makeCertificate(leaf, `/CN=${leaf}`, ca);
      writeFileSync(
        join(folder, `${leaf}.crt`),
        [leaf, ca, ...above].map((name) => read(`${name}.crt`)).join(''),
      );
    }
    writeFileSync(join(folder, 'index.txt'), '');
    writeFileSync(
      join(folder, 'ca.cnf'),
      '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=30\n',
    );
    openssl('ca', '-config', 'ca.cnf', '-keyfile', 'one.key', '-cert', 'one.crt', '-revoke', 'bob.crt');
    openssl(
      'ca',
      '-config',
      'ca.cnf',
      '-keyfile',
      'one.key',
      '-cert',
      'one.crt',
      '-gencrl',
      '-out',
      'one.crl',
    );

    backend = createServer((request, response) => {
      const about = Object.entries(request.headers).filter(([name]) => name.startsWith('ssl-client'));
      response.setHeader('x-seen', `${request.method} ${request.url}`);
      response.end(JSON.stringify(Object.fromEntries(about)));
    });
    await once(backend.listen(0, '127.0.0.1'), 'listening');
    // Says who it was told that the client is.
    asked = createServer(({ headers }, response) => {
      const about = Object.entries(headers).filter(([name]) => name.startsWith('ssl-client'));
      response.setHeader('ssl-client-seen', JSON.stringify(Object.fromEntries(about)));
      response.end();
    });
    await once(asked.listen(0, '127.0.0.1'), 'listening');
    const { port: askedPort } = asked.address() as AddressInfo;
    const question = {
      'auth-url': `http://127.0.0.1:${askedPort}/`,
      'auth-response-headers': 'ssl-client-seen',
    };
    const { port } = backend.address() as AddressInfo;
    const one = { 'auth-tls-secret': 'a/one' };
    const objects = [
      ingressOf('on', 'on.test', '/', { ...one, 'auth-tls-pass-certificate-to-upstream': 'true' }),
      ingressOf('optional', 'optional.test', '/', { ...one, 'auth-tls-verify-client': 'optional' }),
      ingressOf('any', 'any.test', '/', { ...one, 'auth-tls-verify-client': 'optional_no_ca' }),
      ingressOf('off', 'off.test', '/', { ...one, 'auth-tls-verify-client': 'off' }),
      ingressOf('cn', 'cn.test', '/', {
        ...one,
        'auth-tls-match-cn': 'CN=(ann|zo.*)',
        'ssl-redirect': 'false',
      }),
      ingressOf('page', 'page.test', '/', { ...one, 'auth-tls-error-page': 'https://help.test/cert' }),
      ingressOf('help', 'help.test', '/', { ...one, 'auth-tls-error-page': '/help/page?a=b' }),
      ingressOf('helping', 'help.test', '/help', { 'rewrite-target': '/helped' }),
      ingressOf('root', 'root.test', '/', {
        ...one,
        'auth-tls-error-page': '/',
        'app-root': '/home',
      }),
      ingressOf('revoked', 'revoked.test', '/', { 'auth-tls-secret': 'a/revoked' }),
      ingressOf('two', 'two.test', '/', { 'auth-tls-secret': 'a/two' }),
      ingressOf('deep', 'deep.test', '/', { ...one, 'auth-tls-verify-depth': '2' }),
      ingressOf('missing', 'missing.test', '/', { 'auth-tls-secret': 'a/none' }),
      ingressOf('wild', '*.wild.test', '/', one),
      ingressOf('live', 'live.test', '/', { 'auth-tls-secret': 'a/live' }),
      ingressOf('open', 'open.test', '/'),
      ingressOf('asking', 'asking.test', '/', { ...one, ...question, 'auth-tls-verify-client': 'optional' }),
      ingressOf('telling', 'telling.test', '/', {
        ...one,
        ...question,
        'auth-tls-pass-certificate-to-upstream': 'true',
      }),
      ingressOf('silent', 'silent.test', '/', question),
      ...webObjects(port),
      secret('one', { 'ca.crt': read('one.crt') }),
      secret('two', { 'ca.crt': read('two.crt') }),
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { namespace: 'a', name: 'settings' },
        data: { 'ssl-session-tickets': 'true' },
      },
      secret('revoked', { 'ca.crt': read('one.crt'), 'ca.crl': read('one.crl') }),
    ];
    writeSecret('live', { 'ca.crt': read('one.crt') });
    writeFileSync(join(manifests, 'objects.yaml'), objects.map((object) => stringify(object)).join('---\n'));
    serin = await startSerin([
      'serve',
      `--manifests=${manifests}`,
      '--configmap=a/settings',
      '--watch-ingress-without-class',
    ]);
  }, 60_000);

  afterAll(async () => {
    await serin?.stop();
    backend?.close();
    asked?.close();
    for (const path of [folder, manifests]) rmSync(path, { recursive: true, force: true });
  });

  const NONE = '400 No required SSL certificate was sent';
  const BAD = '400 The SSL certificate error';
  const refusals: [name: string, ask: Ask, title: string][] = [
    ['on: none', { sni: 'on.test' }, NONE],
    ['on: of another CA, by the same name', { sni: 'on.test', as: 'mallory' }, BAD],
    ['optional: of another CA', { sni: 'optional.test', as: 'mallory' }, BAD],
    ['revoked', { sni: 'revoked.test', as: 'bob' }, BAD],
    ['a chain that is too long', { sni: 'on.test', as: 'far' }, BAD],
    ['no server name, and so no question', { host: 'on.test', as: 'ann' }, NONE],
    ['a server name that is no host', { sni: 'nowhere.test', host: 'on.test', as: 'ann' }, NONE],
  ];
  for (const [name, given, title] of refusals) {
    test(`refused: ${name}`, async () => {
      const text = await ask(given);
      expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
      expect(text).toContain(`<title>${title}</title>`);
      expect(text).not.toContain('Strict-Transport-Security');
    });
  }

  const allowed: [name: string, ask: Ask, seen: Record<string, string>][] = [
    ['optional: none', { sni: 'optional.test' }, { 'ssl-client-verify': 'NONE' }],
    [
      'optional_no_ca: of a CA that nobody knows',
      { sni: 'any.test', as: 'mallory' },
      {
        'ssl-client-verify': 'FAILED:unable to verify the first certificate',
        'ssl-client-subject-dn': 'CN=ann',
        'ssl-client-issuer-dn': 'CN=two',
      },
    ],
    ['off', { sni: 'off.test', as: 'ann' }, { 'ssl-client-verify': 'NONE' }],
    [
      'a name with special characters, as RFC 2253 has it',
      { sni: 'optional.test', as: 'ann' },
      {
        'ssl-client-verify': 'SUCCESS',
        'ssl-client-subject-dn': 'CN=ann,O=Serin\\, Inc.,C=DE',
        'ssl-client-issuer-dn': 'CN=one',
      },
    ],
    [
      'a name beyond ASCII',
      { sni: 'cn.test', as: 'zoë' },
      {
        'ssl-client-verify': 'SUCCESS',
        'ssl-client-subject-dn': 'CN=zo\\C3\\AB,O=Caf\\C3\\A9',
        'ssl-client-issuer-dn': 'CN=one',
      },
    ],
    [
      'the server name of a host that asks, and a host that does not',
      { sni: 'on.test', host: 'open.test', as: 'ann' },
      {},
    ],
  ];
  for (const [name, given, seen] of allowed) {
    test(`let in: ${name}`, async () => expect(seenOf(await ask(given))).toEqual(seen));
  }

  test('the certificate goes to the upstream where that is asked for', async () => {
    const seen = seenOf(await ask({ sni: 'on.test', as: 'ann' }));
    expect(decodeURIComponent(seen['ssl-client-cert']!)).toBe(read('ann.crt'));
    expect(seen['ssl-client-verify']).toBe('SUCCESS');
  });

  test('chains are as long as the depth says', async () => {
    expect(statusOf(await ask({ sni: 'on.test', as: 'near' }))).toBe(200);
    expect(statusOf(await ask({ sni: 'deep.test', as: 'far' }))).toBe(200);
    expect(statusOf(await ask({ sni: 'revoked.test', as: 'ann' }))).toBe(200);
  });

  test('one host’s certificate opens no other', async () => {
    for (const given of [
      { sni: 'two.test', host: 'on.test', as: 'mallory' },
      { sni: 'on.test', host: 'two.test', as: 'ann' },
      { sni: 'open.test', host: 'on.test', as: 'ann' },
      { sni: 'on.test', host: 'optional.test', as: 'ann' },
    ]) {
      expect(statusOf(await ask(given))).toBe(421);
    }
    expect(statusOf(await ask({ sni: 'x.wild.test', host: 'y.wild.test', as: 'ann' }))).toBe(200);
    expect(statusOf(await ask({ sni: 'ON.test', host: 'on.test.', as: 'ann' }))).toBe(200);
  });

  test('the name of the certificate must match', async () => {
    expect(statusOf(await ask({ sni: 'cn.test', as: 'ann' }))).toBe(200);
    const text = await ask({ sni: 'cn.test', as: 'bob' });
    expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    expect(text).toMatch(/Content-Length: 31\r\n.*\r\n\r\nclient certificate unauthorized$/s);
    const plain = await askPlain('cn.test');
    expect(plain.status).not.toBe(200);
  });

  test('a client without one is redirected to the page that is named', async () => {
    const text = await ask({ sni: 'page.test' });
    expect(text).toMatch(/^HTTP\/1\.1 302 Moved Temporarily\r\n/);
    expect(text).toContain('\r\nLocation: https://help.test/cert\r\n');
    expect(statusOf(await ask({ sni: 'page.test', as: 'ann' }))).toBe(200);
  });

  test('a client without one is served the page of the host that is named, and nothing else', async () => {
    const text = await ask({ sni: 'help.test' });
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).toContain('x-seen: GET /helped?a=b\r\n');
    expect(seenOf(text)).toEqual({ 'ssl-client-verify': 'NONE' });
    expect(seenOf(await ask({ sni: 'help.test', as: 'mallory' }))).toMatchObject({
      'ssl-client-verify': 'FAILED:unable to verify the first certificate',
    });
    expect(await ask({ sni: 'help.test', as: 'ann' })).toContain('x-seen: GET /x\r\n');
    const upload = await ask({ sni: 'help.test', lines: ['Content-Length: 1', '', 'x'] });
    expect(upload).toContain(`<title>${NONE}</title>`);
    expect(upload).not.toContain('x-seen');
  });

  test('what the host says of a page counts for one that is served in place of another', async () => {
    expect(await ask({ sni: 'root.test' })).toContain('\r\nLocation: https://root.test/home\r\n');
  });

  test('a host whose CA cannot be read lets nobody in', async () => {
    expect(statusOf(await ask({ sni: 'missing.test', as: 'ann' }))).toBe(403);
  });

  test('nothing about the certificate is believed from the client', async () => {
    const lines = [
      'ssl-client-verify: SUCCESS',
      'SSL-Client-Subject-DN: CN=root',
      'ssl-client-issuer-dn: CN=root',
      'Ssl-Client-Cert: x',
      'ssl_client_verify: SUCCESS',
    ];
    expect(seenOf(await ask({ sni: 'optional.test', lines }))).toEqual({ 'ssl-client-verify': 'NONE' });
    expect(seenOf(await ask({ sni: 'open.test', lines }))).toEqual({});
    expect(seenOf(await ask({ sni: 'off.test', lines }))).toEqual({ 'ssl-client-verify': 'NONE' });
  });

  test('an authentication server is told what the upstream is, by nobody but Serin', async () => {
    const toldOf = async (given: Ask) =>
      JSON.parse(
        seenOf(await ask({ ...given, lines: ['ssl-client-verify: SUCCESS', 'ssl-client-cert: x'] }))[
          'ssl-client-seen'
        ]!,
      ) as Record<string, string>;
    const ann = { 'ssl-client-verify': 'SUCCESS', 'ssl-client-issuer-dn': 'CN=one' };
    expect(await toldOf({ sni: 'asking.test', as: 'bob' })).toEqual({
      ...ann,
      'ssl-client-subject-dn': 'CN=bob',
    });
    expect(await toldOf({ sni: 'asking.test' })).toEqual({ 'ssl-client-verify': 'NONE' });
    const told = await toldOf({ sni: 'telling.test', as: 'ann' });
    expect(told).toMatchObject(ann);
    expect(decodeURIComponent(told['ssl-client-cert']!)).toBe(read('ann.crt'));
    expect(await toldOf({ sni: 'silent.test' })).toEqual({});
  });

  test('over HTTP/2 the name of each stream is held against that of the handshake', async () => {
    const client = connectHttp2(`https://127.0.0.1:${serin.httpsPort}`, {
      servername: 'on.test',
      rejectUnauthorized: false,
      cert: read('ann.crt'),
      key: read('ann.key'),
    });
    const statusFor = async (authority: string): Promise<number> => {
      const stream = client.request({ ':authority': authority });
      const [head] = (await once(stream.resume(), 'response')) as [IncomingHttpHeaders];
      return Number(head[':status']);
    };
    const all = ['on.test', 'two.test', 'open.test', 'on.test'].map(statusFor);
    expect(await Promise.all(all)).toEqual([200, 421, 200, 200]);
    client.destroy();
  });

  test('without a good one nothing is tunnelled over HTTP/2 either', async () => {
    for (const as of [undefined, 'mallory']) {
      const client = connectHttp2(`https://127.0.0.1:${serin.httpsPort}`, {
        servername: 'on.test',
        rejectUnauthorized: false,
        ...(as === undefined ? {} : { cert: read(`${as}.crt`), key: read(`${as}.key`) }),
      });
      await once(client, 'remoteSettings');
      const socket = { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/' };
      const stream = client.request({ ...socket, ':authority': 'on.test' });
      const [head] = (await once(stream.resume(), 'response')) as [IncomingHttpHeaders];
      expect([as, head[':status']]).toEqual([as, 400]);
      client.destroy();
    }
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'a session of %s that is resumed stands in for no other certificate',
    async (maxVersion) => {
      let ticket: Buffer | undefined;
      const given = { maxVersion, onSession: (session: Buffer) => void (ticket = session) };
      for (const [sni, as] of [
        ['on.test', 'ann'],
        ['two.test', 'mallory'],
        ['any.test', 'mallory'],
        ['open.test', undefined],
      ] as const) {
        await ask({ sni, ...(as === undefined ? {} : { as }), ...given });
        expect(ticket).toBeInstanceOf(Buffer);
        for (const other of ['on.test', 'two.test', 'optional.test', 'revoked.test', 'any.test']) {
          if (other === sni) continue;
          const text = await ask({ sni: other, session: ticket, maxVersion });
          if (statusOf(text) === 200) expect(seenOf(text)).toEqual({ 'ssl-client-verify': 'NONE' });
          else expect([other, statusOf(text)]).toEqual([other, 400]);
        }
        ticket = undefined;
      }
    },
  );

  test('a CA that changes counts at once, on connections that are open too', async () => {
    const socket = connect({
      host: '127.0.0.1',
      port: serin.httpsPort,
      servername: 'live.test',
      rejectUnauthorized: false,
      cert: read('ann.crt'),
      key: read('ann.key'),
    });
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    const request = 'GET / HTTP/1.1\r\nHost: live.test\r\n\r\n';
    socket.write(request);
    while (!text.includes('SUCCESS')) await once(socket, 'data');
    await serin.afterTable(() => writeSecret('live', { 'ca.crt': read('two.crt') }));
    for (let tries = 0; statusOf(await ask({ sni: 'live.test', as: 'mallory' })) !== 200; tries++) {
      if (tries > 500) throw new Error(serin.stderr());
    }
    expect(statusOf(await ask({ sni: 'live.test', as: 'ann' }))).toBe(400);
    text = '';
    socket.write(request);
    await once(socket, 'close');
    expect(text).toMatch(/^HTTP\/1\.1 421 Misdirected Request\r\n/);
  });
});

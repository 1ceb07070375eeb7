import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { UpstreamTlsPolicy } from '../../../src/model/policy.ts';
import { data, headers } from '../../../src/proxy/http2/testing.ts';
import { tlsWire } from '../../../src/proxy/upstream/wire-key.ts';
import { makeAuthority, makeCertificate } from '../../fixtures/certificates.ts';
import { Bench, GET } from './harness.ts';
import { rawHttp2 } from './raw-http2.ts';

let bench: Bench;
let servers: Server[] = [];
beforeEach(() => {
  bench = new Bench();
});
afterEach(async () => {
  await bench.close();
  for (const server of servers) server.close();
  servers = [];
});

const authority = makeAuthority();
const backend = makeCertificate(['backend.test'], { issuer: authority });

const POLICY: UpstreamTlsPolicy = {
  isVerified: false,
  verifyDepth: 1,
  isSniSent: false,
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
};

interface Seen {
  readonly endpoint: { readonly address: string; readonly port: number };
  readonly names: (string | false | null)[];
  readonly resumed: boolean[];
  readonly sockets: TLSSocket[];
}

/** A TLS upstream that answers every head with `body`. */
async function secureUpstream(body: string, certificate = backend, options = {}): Promise<Seen> {
  const seen: Omit<Seen, 'endpoint'> = { names: [], resumed: [], sockets: [] };
  const server = createServer(
    { cert: certificate.certificate, key: certificate.key, ...options },
    (socket) => {
      seen.names.push(socket.servername);
      seen.resumed.push(socket.isSessionReused());
      seen.sockets.push(socket);
      socket.on('error', () => {});
      socket.on('data', () =>
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
      );
    },
  );
  servers.push(server);
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { ...seen, endpoint: { address: '127.0.0.1', port: (server.address() as AddressInfo).port } };
}

test('bytes of HTTP/2 that have to wait for a turn are not overtaken by what TLS has decrypted already', async () => {
  const body = Array.from({ length: 8_000 }, (_, i) => String.fromCharCode(97 + (i % 26)));
  const asked: number[] = [];
  const server = await rawHttp2(
    bench,
    (connection, id) => {
      if (asked.push(id) < 4) return;
      // Each octet is a frame: one read of the socket is more than a turn takes.
      const answers = asked.flatMap((each) => [
        headers(each, [[':status', '200']], 4),
        ...body.map((octet, i) => data(each, octet, i === body.length - 1 ? 1 : 0)),
      ]);
      connection.send(...answers);
    },
    undefined,
    async (onConnection) => {
      const { certificate: cert, key } = backend;
      const listening = createServer({ cert, key, ALPNProtocols: ['h2'] }, onConnection);
      servers.push(listening);
      listening.listen(0, '127.0.0.1');
      await once(listening, 'listening');
      return { address: '127.0.0.1', port: (listening.address() as AddressInfo).port };
    },
  );
  const engine = await bench.engine({ endpoints: [server.endpoint], wire: tlsWire('h2', undefined) });
  const clients = await Promise.all(Array.from({ length: 4 }, () => engine.connect()));
  for (const client of clients) client.send('GET / HTTP/1.0\r\nHost: a.test\r\n\r\n');
  for (const client of clients) expect((await client.ended()).split('\r\n\r\n')[1]).toBe(body.join(''));
  expect(engine.log.map(({ status, bodyBytesSent }) => [status, bodyBytesSent])).toEqual(
    clients.map(() => [200, body.length]),
  );
});

describe('TLS to the upstream (docs/reference/annotations.md §3.8)', () => {
  test('without policy: self-signed is good enough, no name is sent, the connection is kept', async () => {
    const upstream = await secureUpstream('secure', makeCertificate(['other.test']));
    const engine = await bench.engine({ endpoints: [upstream.endpoint], tls: true });
    const client = await engine.connect();
    for (let i = 0; i < 3; i++) {
      client.send(GET);
      expect(await client.response()).toMatch(/\r\n\r\nsecure$/);
    }
    expect(upstream.names).toEqual([false]);
    expect(engine.faults).toEqual([]);
  });

  test('a long body arrives whole', async () => {
    const body = 'l'.repeat(1_000_000);
    const upstream = await secureUpstream(body);
    const engine = await bench.engine({ endpoints: [upstream.endpoint], tls: true });
    const client = await engine.connect();
    client.send(GET);
    expect((await client.response()).length).toBeGreaterThan(1_000_000);
    expect(engine.log[0]!.bodyBytesSent).toBe(1_000_000);
  });

  test('the name is sent when asked for', async () => {
    const upstream = await secureUpstream('x');
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      tls: { ...POLICY, isSniSent: true, serverName: 'backend.test' },
    });
    const client = await engine.connect();
    client.send(GET);
    await client.response();
    expect(upstream.names).toEqual(['backend.test']);
  });

  const verified: { name: string; policy: Partial<UpstreamTlsPolicy>; status: number }[] = [
    {
      name: 'right authority and name',
      policy: { ca: authority.certificate, serverName: 'backend.test' },
      status: 200,
    },
    { name: 'another name', policy: { ca: authority.certificate, serverName: 'wrong.test' }, status: 502 },
    { name: 'no name', policy: { ca: authority.certificate }, status: 502 },
    {
      name: 'another authority',
      policy: { ca: makeAuthority('Other').certificate, serverName: 'backend.test' },
      status: 502,
    },
    {
      name: 'a protocol it does not speak',
      policy: { isVerified: false, maxVersion: 'TLSv1.2' },
      status: 502,
    },
  ];
  for (const { name, policy, status } of verified) {
    test(`verified with ${name}: ${status}`, async () => {
      const upstream = await secureUpstream('x', backend, { minVersion: 'TLSv1.3' });
      const engine = await bench.engine({
        endpoints: [upstream.endpoint],
        tls: { ...POLICY, isVerified: true, ...policy },
        retry: { tries: 1 },
      });
      const client = await engine.connect();
      client.send('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\nx');
      expect(await client.response()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(engine.router.endpoints[0]!.outcomes).toEqual([status === 200 ? 'ok' : 'connect-failed']);
      expect(engine.faults).toEqual([]);
    });
  }

  test('a second connection resumes the session of the first', async () => {
    const upstream = await secureUpstream('x');
    const engine = await bench.engine({ endpoints: [upstream.endpoint], tls: true });
    const client = await engine.connect();
    client.send(GET);
    await client.response();
    engine.context.pools.close();
    client.send(GET);
    await client.response();
    expect(upstream.resumed).toEqual([false, true]);
  });

  test('an upstream that speaks no TLS is a 502', async () => {
    const upstream = await bench.upstream((socket) =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
    );
    const engine = await bench.engine({ endpoints: [upstream], tls: true, retry: { tries: 1 } });
    const client = await engine.connect();
    client.send(GET);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 502 /);
  });

  test('an answer that comes before the body was read, of an upstream that closes, reaches the client', async () => {
    const server = createServer({ cert: backend.certificate, key: backend.key }, (socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        socket.pause();
        socket.write('HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 5\r\n\r\nearly', () =>
          socket.destroy(),
        );
      });
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const endpoint = { address: '127.0.0.1', port: (server.address() as AddressInfo).port };
    const engine = await bench.engine({ endpoints: [endpoint], tls: POLICY, body: { maxBodyBytes: 0 } });
    for (let i = 0; i < 20; i++) {
      const client = await engine.connect();
      client.send(
        `POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4000000\r\n\r\n${'u'.repeat(4_000_000)}`,
      );
      expect(await client.response()).toMatch(/^HTTP\/1\.1 401 [^]*early$/);
    }
  });
});

import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Resolver } from 'node:dns/promises';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSelfSigned } from '../../src/lib/self-signed.ts';
import { startFakeApi, type FakeApiServer } from '../fakes/api-server.ts';
import { startDnsServer } from '../fakes/dns-server.ts';
import { servePostgres } from '../fakes/postgres-server.ts';
import { connectTo, freePort, startTcpServer } from '../fixtures/streams.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

// TCP and UDP services and TLS passthrough: `serin controller` as a process, the API server double, and real clients.

const folder = mkdtempSync(join(tmpdir(), 'serin-streams-'));
const closers: (() => Promise<unknown> | void)[] = [];
let api: FakeApiServer;
let serin: SerinProcess;

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const hasOpenssl = spawnSync('openssl', ['version']).error === undefined;

const configMap = (name: string, data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'ingress-nginx', name },
  data,
});
const service = (name: string, ports: object[], clusterIP = 'None') => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'a', name },
  spec: { clusterIP, ports },
});
const slice = (name: string, port: number, protocol = 'TCP', addresses = ['127.0.0.1']) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { namespace: 'a', name: `${name}-1`, labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  ports: [{ name: 'main', port, protocol }],
  endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
});
const ingress = (name: string, host: string, port: number, annotations: Record<string, string> = {}) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { namespace: 'a', name, annotations },
  spec: {
    ingressClassName: 'nginx',
    rules: [
      {
        host,
        http: {
          paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name, port: { number: port } } } }],
        },
      },
    ],
  },
});

/** Asks until the answer is as wanted; the bound of the test ends it. */
async function until<T>(ask: () => T | Promise<T>, isWanted: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Asks until the answer is that, or the test ends. */
function becomes<T>(ask: () => Promise<T>, wanted: T): Promise<T | undefined> {
  return until(
    () => ask().catch(() => undefined),
    (answer) => answer === wanted,
  );
}

/** What becomes of a connection that its client ends as soon as it stands. */
function attempt(port: number): Promise<string> {
  const { socket, closed } = connectTo(port);
  socket.once('connect', () => socket.destroy());
  return closed;
}

const findings = () =>
  api.events('ConfigMap', 'ingress-nginx').map((event: any) => `${event.reason} ${event.message}`);

beforeAll(async () => {
  api = await startFakeApi();
  writeFileSync(join(folder, 'kubeconfig'), api.kubeconfig());
  api.apply({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: 'nginx' },
    spec: { controller: 'k8s.io/ingress-nginx' },
  });
  serin = await startSerin(
    [
      'controller',
      '--configmap=ingress-nginx/ingress-nginx-controller',
      '--tcp-services-configmap=ingress-nginx/tcp-services',
      '--udp-services-configmap=ingress-nginx/udp-services',
      '--enable-ssl-passthrough',
      '--workers=2',
      '--post-shutdown-grace-period=0',
    ],
    { KUBECONFIG: join(folder, 'kubeconfig'), POD_NAME: 'serin-0', POD_NAMESPACE: 'ingress-nginx' },
  );
});

afterAll(async () => {
  for (const close of closers.toReversed()) await close();
  await serin?.stop();
  await api?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!has('psql'))('TCP, with psql', () => {
  function psql(port: number, query: string): Promise<string> {
    const url = `postgresql://user@127.0.0.1:${port}/db?connect_timeout=10`;
    return new Promise((resolve, reject) =>
      execFile('psql', ['-X', '-A', '-t', '-c', query, url], (error, out, err) => {
        if (error === null) resolve(out.trim());
        else reject(new Error(err));
      }),
    );
  }

  /** A session that goes on: it takes one query after another. */
  function openPsql(port: number) {
    const child = spawn('psql', ['-X', '-A', '-t', `postgresql://user@127.0.0.1:${port}/db`]);
    closers.push(() => void child.kill());
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    return {
      end: () => void child.stdin.end(),
      async ask(): Promise<string> {
        const from = text.length;
        child.stdin.write('select 1;\n');
        return (
          await until(
            () => text.slice(from),
            (answer) => answer.endsWith('\n'),
          )
        ).trim();
      },
    };
  }

  test('a port opens with the ConfigMap, moves to another Service, and closes; a session stays where it began', async () => {
    const [blue, green] = await Promise.all([
      startTcpServer(servePostgres('blue')),
      startTcpServer(servePostgres('green')),
    ]);
    closers.push(
      () => blue.close(),
      () => green.close(),
    );
    const port = await freePort();
    const ports = [{ name: 'main', port: 5432, targetPort: 'main' }];
    api.apply([service('blue', ports), slice('blue', blue.port)]);
    api.apply([service('green', ports), slice('green', green.port)]);
    api.apply(configMap('tcp-services', { [port]: 'a/blue:5432' }));
    await becomes(() => psql(port, 'select 1'), 'blue');
    const session = openPsql(port);
    expect(await session.ask()).toBe('blue');

    api.apply(configMap('tcp-services', { [port]: 'a/green:main' }));
    await becomes(() => psql(port, 'select 1'), 'green');
    expect(await session.ask()).toBe('blue');

    api.apply(configMap('tcp-services', {}));
    await becomes(() => attempt(port), 'ECONNREFUSED');
    expect(await session.ask()).toBe('blue');
    session.end();
  });

  test('what is wrong with an entry is told on the ConfigMap, and the others are served', async () => {
    const server = await startTcpServer(servePostgres('only'));
    closers.push(() => server.close());
    api.apply([service('only', [{ name: 'main', port: 5432 }]), slice('only', server.port)]);
    const port = await freePort();
    const bad = { '443x': 'a/only:5432', '10246': 'a/only:5432', '6000': 'a/nobody:5432' };
    api.apply(configMap('tcp-services', { ...bad, [port]: 'a/only:5432' }));
    await becomes(() => psql(port, 'select 1'), 'only');
    const told = await until(findings, (texts) => texts.filter((text) => text.includes('data.')).length >= 3);
    expect(told).toEqual(
      expect.arrayContaining([
        expect.stringMatching(
          /^InvalidSetting data\.443x: "a\/only:5432" stands under a key that is not a port/,
        ),
        expect.stringMatching(
          /^InvalidSetting data\.10246: .*the controller keeps for itself \(--status-port\)/,
        ),
        expect.stringMatching(/^MissingService data\.6000: "a\/nobody:5432" names Service a\/nobody/),
      ]),
    );
    // The Service that was missing comes: its port opens without a word in the ConfigMap.
    const late = await freePort();
    api.apply(configMap('tcp-services', { [late]: 'a/late:5432', [port]: 'a/only:5432' }));
    expect(await attempt(late)).toBe('ECONNREFUSED');
    api.apply(service('late', [{ name: 'main', port: 5432 }]));
    api.apply(slice('late', server.port));
    await until(
      () => psql(late, 'select 1').catch(() => ''),
      (answer) => answer === 'only',
    );
  });

  test('a port that somebody else has keeps nothing else from being served', async () => {
    const server = await startTcpServer(servePostgres('held'));
    closers.push(() => server.close());
    const port = await freePort();
    api.apply([service('held', [{ name: 'main', port: 5432 }]), slice('held', server.port)]);
    api.apply(configMap('tcp-services', { [port]: 'a/held:5432', [server.port]: 'a/held:5432' }));
    await serin.waitFor(new RegExp(`cannot listen name=tcp-${server.port} .*EADDRINUSE`));
    await becomes(() => psql(port, 'select 1'), 'held');
    // Once it is free, it is taken without another word.
    await server.close();
    const moved = await startTcpServer(servePostgres('moved'));
    closers.push(() => moved.close());
    api.apply(slice('held', moved.port));
    await becomes(() => psql(server.port, 'select 1'), 'moved');
  });
});

describe('UDP, with the resolver of Node', () => {
  test('names are resolved through a port that opens with the ConfigMap and moves to another Service', async () => {
    const [blue, green] = [await startDnsServer(), await startDnsServer()];
    closers.push(
      () => blue.close(),
      () => green.close(),
    );
    blue.answers.set('app.test', { a: ['192.0.2.1'], aaaa: ['2001:db8::1'] });
    green.answers.set('app.test', { a: ['192.0.2.2'] });
    const portOf = ({ address }: { address: string }): number => Number(address.split(':')[1]);
    const ports = [{ name: 'main', port: 53, protocol: 'UDP' }];
    api.apply([service('dns-blue', ports), slice('dns-blue', portOf(blue), 'UDP')]);
    api.apply([service('dns-green', ports), slice('dns-green', portOf(green), 'UDP')]);
    const port = await freePort();
    api.apply(configMap('udp-services', { [port]: 'a/dns-blue:53' }));
    const resolver = new Resolver();
    resolver.setServers([`127.0.0.1:${port}`]);
    await becomes(async () => (await resolver.resolve4('app.test')).join(), '192.0.2.1');
    expect(await resolver.resolve6('app.test')).toEqual(['2001:db8::1']);
    await expect(resolver.resolve4('nobody.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    const many = await Promise.all(Array.from({ length: 50 }, () => resolver.resolve4('app.test')));
    expect(new Set(many.flat())).toEqual(new Set(['192.0.2.1']));

    api.apply(configMap('udp-services', { [port]: 'a/dns-green:main' }));
    await becomes(async () => (await resolver.resolve4('app.test')).join(), '192.0.2.2');

    api.apply(configMap('udp-services', {}));
    const lost = new Resolver({ timeout: 200, tries: 1 });
    lost.setServers([`127.0.0.1:${port}`]);
    const failure = () => lost.resolve4('app.test').then(String, ({ code }: { code: string }) => code);
    await until(failure, (code) => code === 'ECONNREFUSED' || code === 'ETIMEOUT');
    await serin.waitFor(/^\[127\.0\.0\.1\] \[.*\] UDP 200 \d+ \d+ \d\.\d{3}$/m);
  });
});

describe.skipIf(!hasOpenssl)('passthrough, with openssl s_client', () => {
  /** Subject of the certificate that is shown, and the answer to a request. */
  function ask(serverName: string | undefined, host: string): Promise<string> {
    const name = serverName === undefined ? ['-noservername'] : ['-servername', serverName];
    const child = spawn('openssl', [
      's_client',
      '-connect',
      `127.0.0.1:${serin.httpsPort}`,
      '-ign_eof',
      ...name,
    ]);
    closers.push(() => void child.kill());
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.stdin.on('error', () => undefined);
    child.stdin.write(`GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    return new Promise((resolve) => {
      child.on('close', () => {
        const subject = /^subject=(.*)$/m.exec(text)?.[1] ?? 'no certificate';
        resolve(
          `${subject.replaceAll(' ', '')} ${/\r\n\r\n([^]*?)(?:closed|$)/.exec(text)?.[1]?.trim() ?? ''}`,
        );
      });
    });
  }

  test('a name is passed through by its annotation, and terminated again without it; the others stay', async () => {
    const { certificate, key } = createSelfSigned(['secret.test'], Date.now());
    const backend = createTlsServer({ cert: certificate, key }, (socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\n\r\nfrom the backend itself'));
    });
    const plain = createHttpServer((incoming, response) => {
      response.end(`terminated for ${String(incoming.headers['x-forwarded-for'])}`);
    });
    for (const server of [backend, plain]) {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      closers.push(() => void server.close());
    }
    const backendPort = (backend.address() as AddressInfo).port;
    const plainPort = (plain.address() as AddressInfo).port;
    api.apply([
      service('secret', [{ name: 'main', port: backendPort }], '127.0.0.1'),
      service('web', [{ name: 'main', port: 80 }]),
      slice('web', plainPort),
      // Plain requests for the name go to its Pods, as ever.
      slice('secret', plainPort),
    ]);
    const passed = { 'nginx.ingress.kubernetes.io/ssl-passthrough': 'true' };
    api.apply(ingress('web', 'web.test', 80));
    api.apply(ingress('secret', 'secret.test', backendPort, passed));

    const own = 'CN=secret.test from the backend itself';
    const isOwn = (answer: string): boolean => answer.startsWith(own);
    await until(() => ask('secret.test', 'secret.test'), isOwn);
    expect(isOwn(await ask('SECRET.test', 'secret.test'))).toBe(true);
    const terminated = /CN=(?!secret)\S+ .*terminated for 127\.0\.0\.1/;
    expect(await ask('web.test', 'web.test')).toMatch(terminated);
    expect(await ask(undefined, 'web.test')).toMatch(terminated);
    const overHttp = await request(`http://127.0.0.1:${serin.httpPort}/`, {
      headers: { host: 'secret.test' },
    });
    expect(await overHttp.body.text()).toBe('terminated for 127.0.0.1');

    api.apply(ingress('secret', 'secret.test', backendPort));
    await until(
      () => ask('secret.test', 'secret.test'),
      (answer) => terminated.test(answer),
    );
    api.apply(ingress('secret', 'secret.test', backendPort, passed));
    await until(() => ask('secret.test', 'secret.test'), isOwn);
  });
});

test('sessions are counted by kind', async () => {
  const { body } = await request(`http://127.0.0.1:${serin.healthPort}/metrics`);
  const text = (await body.text())
    .split('\n')
    .filter((line) => line.startsWith('serin_stream'))
    .join('\n');
  for (const kind of ['udp', ...(hasOpenssl ? ['passthrough'] : []), ...(has('psql') ? ['tcp'] : [])])
    expect(text).toMatch(
      new RegExp(`^serin_stream_sessions_total\\{.*kind="${kind}",outcome="ok"\\} [1-9]`, 'm'),
    );
});

test('a session goes on while Serin ends, which waits for it', async () => {
  const server = await startTcpServer((socket) => socket.pipe(socket));
  closers.push(() => server.close());
  api.apply([service('last', [{ name: 'main', port: 7 }]), slice('last', server.port)]);
  const port = await freePort();
  api.apply(configMap('tcp-services', { [port]: 'a/last:7' }));
  await becomes(() => attempt(port), 'closed');
  const { socket, received, ended } = connectTo(port);
  socket.write('before ');
  await received('before ');
  const exited = once(serin.child, 'exit');
  serin.child.kill('SIGTERM');
  await becomes(() => attempt(port), 'ECONNREFUSED');
  socket.end('after');
  expect(await ended).toBe('before after');
  expect((await exited)[0]).toBe(0);
});

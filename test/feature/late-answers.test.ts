import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
} from 'node:http2';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ingressOf, serviceObjects } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';
import { Bench, eventually, type Answering } from '../protocol/engine/harness.ts';

/*
 * The record of a request whose client went while its question was out is soon another request's: what is then answered lets in nobody.
 * A Serin in its own process, and an authentication server that answers when it is told to.
 */

const folder = mkdtempSync(join(tmpdir(), 'serin-late-'));
const bench = new Bench();
const held: { readonly cookie: string; readonly socket: Socket }[] = [];
let web: Answering;
let authServer: Answering;
let serin: SerinProcess;
let session: ClientHttp2Session;

beforeAll(async () => {
  web = await bench.answering(() => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
  authServer = await bench.answering((request, socket) => {
    held.push({ cookie: /^cookie: (.*)$/im.exec(request)?.[1] ?? '', socket });
    return undefined;
  });
  const external = { 'auth-url': `http://127.0.0.1:${authServer.endpoint.port}/` };
  const objects = [
    ...serviceObjects('web', web.endpoint.port),
    ingressOf('alone', 'alone.test', '/', external),
    ingressOf('shared', 'shared.test', '/', { ...external, 'auth-cache-key': '$http_cookie' }),
    ingressOf('password', 'password.test', '/', { 'auth-type': 'basic', 'auth-secret': 'users' }),
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'a', name: 'users' },
      // `secret`, with a cost that takes a while.
      stringData: {
        auth: 'HTTP/1.1:$2b$10$00GvT36VAmk1vn3.MJSEDecY0sjOpLuOmWZoVRX43XjCVXKrrR2LK\nHTTP/2:$2b$10$DPy26qsrraM6hnIUp4aMduC2Hdq4sGlw/YXnC5P9S.kMWhA52aJRW\n',
      },
    },
  ];
  writeFileSync(join(folder, 'all.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--watch-ingress-without-class',
    '--workers=1',
  ]);
  session = connect(`http://127.0.0.1:${serin.httpPort}`);
  await once(session, 'remoteSettings');
}, 60_000);

afterAll(async () => {
  session?.destroy();
  await bench.close();
  await serin?.stop();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(() => {
  held.length = 0;
  web.requests.length = 0;
});

/** A request under way, which its client can give up. */
interface Asking {
  readonly status: Promise<number>;
  giveUp(): Promise<unknown>;
}

const wires: Record<string, (host: string, lines: Record<string, string>) => Promise<Asking>> = {
  'HTTP/1.1': async (host, lines) => {
    const client = await bench.connect(serin.httpPort);
    const head = Object.entries({ Host: host, ...lines }).map(([name, value]) => `${name}: ${value}\r\n`);
    client.send(`GET / HTTP/1.1\r\n${head.join('')}\r\n`);
    return {
      status: client.response().then(
        (text) => Number(text.slice(9, 12)),
        () => 0,
      ),
      giveUp: () => {
        client.socket.resetAndDestroy();
        return once(client.socket, 'close');
      },
    };
  },
  'HTTP/2': async (host, lines) => {
    const stream: ClientHttp2Stream = session.request({ ':authority': host, ...lines });
    stream.on('error', () => {});
    return {
      status: new Promise((resolve) => {
        stream.on('response', (head: IncomingHttpHeaders) => {
          resolve(Number(head[':status']));
          stream.resume();
        });
        stream.on('close', () => resolve(0));
      }),
      giveUp: () => {
        stream.close(8);
        return once(stream, 'close');
      },
    };
  },
};

function answer(cookie: string, status: number): void {
  for (const one of held.filter((each) => each.cookie === cookie))
    if (!one.socket.destroyed) one.socket.write(`HTTP/1.1 ${status} Any\r\nContent-Length: 0\r\n\r\n`);
}

const goneCount = (): number => serin.stdout().split('" 499 ').length - 1;

/** Resolves when Serin has seen all of them go. */
async function giveUp(asking: readonly Asking[]): Promise<void> {
  const before = goneCount();
  await Promise.all(asking.map((one) => one.giveUp()));
  await eventually(() => goneCount() >= before + asking.length);
}

const asked = (cookie: string): Promise<void> => eventually(() => held.some((one) => one.cookie === cookie));

for (const [wire, ask] of Object.entries(wires)) {
  describe(`over ${wire}`, () => {
    for (const host of ['alone.test', 'shared.test']) {
      test(`${host}: the answer for one who went is nobody else's`, async () => {
        const gone = await Promise.all(
          Array.from({ length: 5 }, (_, i) => ask(host, { cookie: `good-${wire}-${i}` })),
        );
        for (let i = 0; i < 5; i++) await asked(`good-${wire}-${i}`);
        await giveUp(gone);
        const strangers = await Promise.all(
          Array.from({ length: 5 }, (_, i) => ask(host, { cookie: `bad-${wire}-${i}` })),
        );
        for (let i = 0; i < 5; i++) await asked(`bad-${wire}-${i}`);
        for (let i = 0; i < 5; i++) answer(`good-${wire}-${i}`, 200);
        const known = await ask(host, { cookie: `known-${wire}` });
        await asked(`known-${wire}`);
        answer(`known-${wire}`, 200);
        expect(await known.status).toBe(200);
        for (let i = 0; i < 5; i++) answer(`bad-${wire}-${i}`, 401);
        expect(await Promise.all(strangers.map(({ status }) => status))).toEqual([401, 401, 401, 401, 401]);
        expect(web.requests).toHaveLength(1);
      });
    }

    test('shared.test: of two who ask the same the one who stays is let in, and who took the place of the other is not', async () => {
      const cookie = `both-${wire}`;
      const gone = await ask('shared.test', { cookie });
      await asked(cookie);
      const stays = await ask('shared.test', { cookie });
      await giveUp([gone]);
      const stranger = await ask('alone.test', { cookie: `bad-${wire}` });
      await asked(`bad-${wire}`);
      answer(cookie, 200);
      expect(await stays.status).toBe(200);
      answer(`bad-${wire}`, 401);
      expect(await stranger.status).toBe(401);
      expect(web.requests).toHaveLength(1);
    });
  });
}

// Behind the others: what these say in the log is not told apart from what the others wait for.
for (const [wire, ask] of Object.entries(wires)) {
  test(`password.test, over ${wire}: the right password of one who went lets in nobody who has a wrong one`, async () => {
    const basic = (password: string) => ({
      authorization: `Basic ${Buffer.from(`${wire}:${password}`).toString('base64')}`,
    });
    const gone = await Promise.all(Array.from({ length: 3 }, () => ask('password.test', basic('secret'))));
    await (
      await ask('password.test', {})
    ).status;
    // Those whose check is through by now were let in, and that is right.
    await Promise.all(gone.map((one) => one.giveUp()));
    const strangers = await Promise.all(
      Array.from({ length: 3 }, (_, i) => ask('password.test', basic(`wrong-${wire}-${i}`))),
    );
    expect(await Promise.all(strangers.map(({ status }) => status))).toEqual([401, 401, 401]);
    expect(web.requests.length).toBeLessThanOrEqual(gone.length);
  });
}

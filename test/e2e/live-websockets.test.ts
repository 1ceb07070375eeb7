import { randomBytes } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ingressOf, webObjects } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';
import { Http2Tunnels, openHttp1Tunnel, serveEchoes, type Tunnel } from '../fixtures/tunnels.ts';

/** `npm run test:websockets` asks for 5,000 through 100 changes; each takes two descriptors here, and two of Serin's. */
const COUNT = Number(process.env['LIVE_WEBSOCKETS'] ?? 60);
const CHANGES = process.env['LIVE_WEBSOCKETS'] === undefined ? 10 : 100;
const AT_ONCE = 20;

const folder = mkdtempSync(join(tmpdir(), 'serin-websockets-'));
let backend: Server;
let serin: SerinProcess;

function put(change: number): void {
  const settings = {
    'ssl-redirect': 'false',
    'proxy-read-timeout': '3600',
    'proxy-send-timeout': String(3600 + change),
  };
  const objects = [
    ingressOf('web', 'web.test', '/', settings),
    ingressOf('other', 'other.test', `/${change}`, settings),
    ...webObjects((backend.address() as AddressInfo).port),
  ];
  const file = join(folder, 'objects.yaml');
  writeFileSync(`${file}.new`, objects.map((object) => stringify(object)).join('---\n'));
  renameSync(`${file}.new`, file);
}

beforeAll(async () => {
  backend = await serveEchoes();
  put(0);
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--watch-ingress-without-class',
    '--workers=2',
  ]);
}, 60_000);

afterAll(async () => {
  await serin?.stop();
  backend?.closeAllConnections();
  backend?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function live(open: () => Promise<Tunnel>): Promise<void> {
  const tunnels: Tunnel[] = [];
  while (tunnels.length < COUNT) {
    tunnels.push(
      ...(await Promise.all(Array.from({ length: Math.min(AT_ONCE, COUNT - tunnels.length) }, open))),
    );
  }
  for (let change = 1; change <= CHANGES; change++) {
    // Each tunnel speaks on every fifth of the changes, while it happens.
    const speaking = tunnels.filter((_, i) => i % 5 === change % 5);
    const heard = Promise.all(speaking.map((tunnel, i) => tunnel.say(randomBytes(1 + ((i * 37) % 3_000)))));
    await serin.afterTable(() => put(change));
    await heard;
  }
  await Promise.all(tunnels.map((tunnel) => tunnel.say(randomBytes(100))));
  expect(tunnels.filter(({ isBroken }) => isBroken)).toEqual([]);
  for (const tunnel of tunnels) tunnel.close();
}

const HTTP1 = `${COUNT} WebSockets over HTTP/1.1 live through ${CHANGES} changes of configuration, byte for byte`;
test(HTTP1, () => live(() => openHttp1Tunnel(serin.httpPort)), 600_000);

test(`${COUNT} over HTTP/2 as well`, async () => {
  const clients = new Http2Tunnels(serin.httpPort);
  await live(() => clients.open());
  clients.close();
}, 600_000);

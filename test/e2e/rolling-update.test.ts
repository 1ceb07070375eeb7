import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { oneApplication } from '../fixtures/one-application.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';
import { SteadyClient } from '../fixtures/steady-client.ts';

/** `npm run test:rolling` asks for 20. */
const UPDATES = Number(process.env['ROLLING_UPDATES'] ?? 2);
const BODY = 'b'.repeat(2_000);

let folder: string;
let backend: Server;
const generations: SerinProcess[] = [];

beforeEach(async () => {
  // Some answers take a while, so that requests are under way whenever a generation is told to end.
  let count = 0;
  backend = createServer((_request, response) => {
    setTimeout(() => response.end(BODY), ++count % 4 === 0 ? 60 : 0);
  });
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  folder = mkdtempSync(join(tmpdir(), 'serin-rolling-'));
  writeFileSync(join(folder, 'web.yaml'), oneApplication((backend.address() as AddressInfo).port));
});
afterEach(async () => {
  for (const { child } of generations.splice(0)) child.kill('SIGKILL');
  backend.closeAllConnections();
  backend.close();
  rmSync(folder, { recursive: true });
});

async function startGeneration(...more: string[]): Promise<SerinProcess> {
  const serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--watch-ingress-without-class',
    '--workers=2',
    ...more,
  ]);
  generations.push(serin);
  return serin;
}

test(
  `${UPDATES} rolling updates under 40 clients that keep their connections fail no request`,
  { timeout: 30_000 + UPDATES * 15_000 },
  async () => {
    let current = await startGeneration();
    const { httpPort, httpsPort } = current;
    const ports = [`--http-port=${httpPort}`, `--https-port=${httpsPort}`];
    const clients = Array.from({ length: 40 }, (_, index) => {
      const isTls = index % 4 === 0;
      return new SteadyClient({
        port: isTls ? httpsPort : httpPort,
        isTls,
        host: 'web.test',
        path: `/${index}`,
        body: BODY,
        // Most are busy; every fifth rests longer than an ending generation keeps an idle connection open.
        thinkMs: () => (index % 5 === 1 ? 3_000 * (0.5 + Math.random()) : 20 * Math.random()),
      });
    });
    const runs = clients.map((client) => client.run());
    const exits: (number | null)[] = [];
    for (let update = 0; update < UPDATES; update++) {
      const next = await startGeneration(...ports);
      exits.push(await current.stop());
      current = next;
    }
    for (const client of clients) client.end();
    const tallies = await Promise.all(runs);
    await current.stop();
    const sum = (of: (tally: (typeof tallies)[0]) => number) =>
      tallies.reduce((all, one) => all + of(one), 0);
    if (process.env['ROLLING_UPDATES'] !== undefined) {
      console.log(
        `${sum(({ answered }) => answered)} answers on ${sum(({ connections }) => connections)} connections`,
      );
    }
    expect(tallies.flatMap(({ failures }) => failures)).toEqual([]);
    expect(exits).toEqual(exits.map(() => 0));
    expect(Math.min(...tallies.map(({ answered }) => answered))).toBeGreaterThan(0);
  },
);

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSelfSigned } from '../../src/lib/self-signed.ts';
import { startFakeApi, type FakeApiServer } from '../fakes/api-server.ts';
import { runSerinOnce } from '../fixtures/serin-once.ts';

// A start that fails ends the process: one that stays is no container that anybody starts anew, and it may hold the webhook's port.

const folder = mkdtempSync(join(tmpdir(), 'serin-start-'));
let api: FakeApiServer;
let taken: Server;

beforeAll(async () => {
  api = await startFakeApi();
  writeFileSync(join(folder, 'kubeconfig'), api.kubeconfig());
  const { certificate, key } = createSelfSigned(['webhook.test'], Date.now());
  writeFileSync(join(folder, 'cert'), certificate);
  writeFileSync(join(folder, 'key'), key);
  taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
});
afterAll(async () => {
  taken.close();
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

const ports = {
  'http-port': '0',
  'https-port': '0',
  'healthz-port': '0',
  'validating-webhook': '127.0.0.1:0',
};
for (const flag of Object.keys(ports) as (keyof typeof ports)[]) {
  test(`where --${flag} is taken`, async () => {
    const port = String((taken.address() as AddressInfo).port);
    const given = { ...ports, [flag]: flag === 'validating-webhook' ? `127.0.0.1:${port}` : port };
    const { code, stderr } = await runSerinOnce([
      'controller',
      `--kubeconfig=${join(folder, 'kubeconfig')}`,
      '--listen=127.0.0.1',
      '--healthz-host=127.0.0.1',
      `--validating-webhook-certificate=${join(folder, 'cert')}`,
      `--validating-webhook-key=${join(folder, 'key')}`,
      '--workers=1',
      ...Object.entries(given).map(([name, value]) => `--${name}=${value}`),
    ]);
    expect(stderr).toContain(`address already in use 127.0.0.1:${port}`);
    expect(code).toBe(1);
  });
}

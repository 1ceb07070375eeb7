import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
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

test('one that is asked to end before it has read the cluster serves nothing of it', async () => {
  api.hang();
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(new URL('../../src/main.ts', import.meta.url)),
      'controller',
      `--kubeconfig=${join(folder, 'kubeconfig')}`,
      '--listen=127.0.0.1',
      '--healthz-host=127.0.0.1',
      '--http-port=0',
      '--https-port=0',
      '--healthz-port=0',
      // Time for the worker to be there, which would serve.
      '--shutdown-grace-period=2',
      '--post-shutdown-grace-period=0',
      '--workers=1',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (!stderr.includes('listening name=health')) {
      stderr += String(chunk);
      if (stderr.includes('listening name=health')) child.kill('SIGTERM');
    } else stderr += String(chunk);
  });
  const [code] = await once(child, 'close');
  api.resume();
  expect(stderr).toContain('Serin stops signal=SIGTERM');
  expect(stderr).not.toContain('a new table is live');
  expect(stderr).not.toContain('is ready and serves');
  expect(code).toBe(0);
});

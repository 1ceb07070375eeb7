import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { oneApplication } from '../fixtures/one-application.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

const backend = createServer((_request, response) => response.end('ok'));
let folder: string;
let serin: SerinProcess | undefined;

beforeAll(async () => {
  backend.listen(0, '127.0.0.1');
  await once(backend, 'listening');
  folder = mkdtempSync(join(tmpdir(), 'serin-metrics-'));
  writeFileSync(join(folder, 'web.yaml'), oneApplication((backend.address() as AddressInfo).port));
});
afterEach(() => void serin?.child.kill('SIGKILL'));
afterAll(() => {
  backend.closeAllConnections();
  backend.close();
  rmSync(folder, { recursive: true });
});

/** The names of what is scraped after one request. */
async function namesAfterOneRequest(...flags: string[]): Promise<{ names: string[]; logged: string }> {
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--watch-ingress-without-class',
    '--workers=1',
    ...flags,
  ]);
  const { httpPort, healthPort, stderr } = serin;
  const [response] = (await once(
    get({ host: '127.0.0.1', port: httpPort, headers: { host: 'web.test' } }),
    'response',
  )) as [IncomingMessage];
  expect(await text(response)).toBe('ok');
  const scraped = await fetch(`http://127.0.0.1:${healthPort}/metrics`, {
    headers: { 'accept-encoding': 'gzip' },
  });
  expect(scraped.headers.get('content-encoding')).toBe('gzip');
  const names = (await scraped.text()).matchAll(/^# TYPE (\S+)/gm).map(([, name]) => name!);
  return { names: [...names], logged: stderr() };
}

test('--exclude-socket-metrics leaves out what it names, with the prefix or without', async () => {
  const { names, logged } = await namesAfterOneRequest(
    '--exclude-socket-metrics=nginx_ingress_controller_bytes_sent,request_size,no_such',
  );
  expect(names).toContain('nginx_ingress_controller_requests');
  expect(names).toContain('nginx_ingress_controller_response_size');
  expect(names).not.toContain('nginx_ingress_controller_bytes_sent');
  expect(names).not.toContain('nginx_ingress_controller_request_size');
  expect(logged).toMatch(/--exclude-socket-metrics names a metric that there is not name=no_such/);
});

test('--enable-metrics=false leaves the metrics of the process as such', async () => {
  const { names } = await namesAfterOneRequest('--enable-metrics=false');
  expect(names).toContain('process_resident_memory_bytes');
  expect(names.filter((name) => /^(nginx|serin)_/.test(name))).toEqual([]);
});

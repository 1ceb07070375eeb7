import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/* What the logs of a process say, and where. */

const folder = mkdtempSync(join(tmpdir(), 'serin-logs-'));
const access = join(folder, 'access.log');
let serin: SerinProcess;

function write(
  annotations: Record<string, string>,
  services: Record<string, string> = {},
  path = access,
): void {
  const objects = [
    configMap('settings', { 'access-log-path': path, 'enable-access-log-for-default-backend': 'true' }),
    configMap('tcp', services),
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { namespace: 'a', name: 'web', annotations },
      spec: {
        rules: [
          {
            host: 'a.test',
            http: {
              paths: [
                { path: '/', pathType: 'Prefix', backend: { service: { name: 'db', port: { number: 80 } } } },
              ],
            },
          },
        ],
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'a', name: 'db' },
      spec: { ports: [{ port: 80 }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { namespace: 'a', name: 'db', labels: { 'kubernetes.io/service-name': 'db' } },
      addressType: 'IPv4',
      ports: [{ port: 9 }],
      endpoints: [{ addresses: ['127.0.0.1'] }],
    },
  ];
  writeFileSync(join(folder, 'new'), objects.map((object) => stringify(object)).join('---\n'));
  renameSync(join(folder, 'new'), join(folder, 'manifest.yaml'));
}

function configMap(name: string, data: Record<string, string>) {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'a', name }, data };
}

async function ask(path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    get({ host: '127.0.0.1', port: serin.httpPort, path, agent: false }, (response) => {
      response.resume().on('end', resolve);
    }).on('error', reject);
  });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

const written = (path: string, text: string) =>
  expect.poll(() => textOf(path), { timeout: 5_000, interval: 5 }).toContain(text);

beforeAll(async () => {
  write({});
  serin = await startSerin([
    'serve',
    join(folder, 'manifest.yaml'),
    '--configmap=a/settings',
    '--tcp-services-configmap=a/tcp',
    '--watch-ingress-without-class',
    '--workers=2',
    '--v=3',
  ]);
});

afterAll(async () => {
  await serin?.stop();
  rmSync(folder, { recursive: true });
});

test('SIGUSR1 opens a log that was moved away anew, as nginx does', async () => {
  await ask('/before');
  await written(access, '/before');
  renameSync(access, `${access}.1`);
  serin.child.kill('SIGUSR1');
  await serin.waitFor('the files of the access logs are opened anew');
  // Each worker has it before anything that it is sent later.
  await serin.afterTable(() => write({ 'nginx.ingress.kubernetes.io/server-alias': 'b.test' }));
  await ask('/after');
  await written(access, '/after');
  expect(textOf(`${access}.1`)).toContain('/before');
  expect(textOf(`${access}.1`)).not.toContain('/after');
  expect(serin.stderr()).not.toContain('Debugger');
});

test('a change that asks for no new table is told as none', async () => {
  const count = () => serin.stderr().split('a new table is live').length;
  const before = count();
  write({
    'nginx.ingress.kubernetes.io/server-alias': 'b.test',
    'nginx.ingress.kubernetes.io/no-such-thing': 'x',
  });
  await serin.waitFor('what changed asks for no new table');
  expect(count()).toBe(before);
});

test('a port that opens at run time is told with its address', async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port: free } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  write({}, { [free]: 'a/db:80' });
  await serin.waitFor(new RegExp(`listening name=tcp\\S* address=127\\.0\\.0\\.1 port=${free}`));
});

test('a disk that is full takes no lines: requests are served, and the lines are counted', async () => {
  write({}, {}, '/dev/full');
  const counted = async (): Promise<number> => {
    // Until each worker has the table.
    await ask('/lost');
    const metrics = await (await fetch(`http://127.0.0.1:${serin.healthPort}/metrics`)).text();
    return Number(/^serin_dropped_log_lines_total\{.*\} (\d+)$/m.exec(metrics)?.[1]);
  };
  await expect.poll(counted, { interval: 20, timeout: 10_000 }).toBeGreaterThan(0);
});

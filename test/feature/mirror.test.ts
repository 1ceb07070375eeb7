import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { webObjects } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/* mirror-target from a manifest to the wire, and to the metric. */

const folder = mkdtempSync(join(tmpdir(), 'serin-mirror-'));
const copied: string[] = [];
const servers: Server[] = [];
let told: (() => void) | undefined;
let serin: SerinProcess;

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  const port = await listen(createServer((_, response) => response.end('served')));
  const mirrorPort = await listen(
    createServer((req, response) => {
      let body = '';
      req.on('data', (chunk: Buffer) => (body += chunk.toString()));
      req.on('end', () => {
        copied.push(`${req.method} ${req.headers.host}${req.url} ${body}`);
        // What is answered is nobody's business.
        response.writeHead(500).end('no');
        told?.();
      });
    }),
  );
  const objects = [
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: {
        namespace: 'a',
        name: 'web',
        annotations: {
          'nginx.ingress.kubernetes.io/mirror-target': `http://127.0.0.1:${mirrorPort}/copy$request_uri`,
          'nginx.ingress.kubernetes.io/mirror-host': 'copy.test',
        },
      },
      spec: {
        rules: [
          {
            host: 'a.test',
            http: {
              paths: [
                {
                  path: '/',
                  pathType: 'Prefix',
                  backend: { service: { name: 'web', port: { number: 80 } } },
                },
              ],
            },
          },
        ],
      },
    },
    ...webObjects(port),
  ];
  writeFileSync(join(folder, 'objects.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  serin = await startSerin(['serve', `--manifests=${folder}`, '--watch-ingress-without-class']);
}, 30_000);

afterAll(async () => {
  await serin?.stop();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

function ask(port: number, method: string, path: string, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, method, path, headers: { host: 'a.test' }, agent: false },
      (response) => {
        let text = `${response.statusCode} `;
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve(text));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

test('requests are served, and copied with their bodies', async () => {
  expect(await ask(serin.httpPort, 'GET', '/x?y=1')).toBe('200 served');
  expect(await ask(serin.httpPort, 'POST', '/p', 'body')).toBe('200 served');
  while (copied.length < 2) await new Promise<void>((resolve) => (told = resolve));
  expect(copied.toSorted()).toEqual(['GET copy.test/copy/x?y=1 ', 'POST copy.test/copy/p body']);
  const answered = /serin_mirrored_requests_total\{.*outcome="answered".*\} 2\n/;
  while (!answered.test(await ask(serin.healthPort, 'GET', '/metrics')));
});

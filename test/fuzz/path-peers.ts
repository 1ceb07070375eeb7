import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { serviceObjects } from '../fixtures/manifests.ts';
import { startSerin } from '../fixtures/serin-process.ts';
import { nginxServer } from './nginx-paths.ts';
import type { RandomIngress } from './path-cases.ts';

export const hasNginx: boolean = spawnSync('nginx', ['-v']).status === 0;

/** Ingresses of one host at most. */
const UPSTREAMS = 3;
const ANSWER_MS = 10_000;

export interface Site {
  readonly host: string;
  readonly ingresses: readonly RandomIngress[];
}

/** nginx, and Serin, with the same hosts. */
export interface PathPeers {
  /** Those of the sites that nginx takes: it refuses a whole configuration for two equal locations. */
  readonly sites: readonly Site[];
  /** What a GET brings from each: the status, the Location, what the backend was asked for. */
  ask(host: string, target: string): Promise<{ readonly nginx: string; readonly serin: string }>;
  close(): Promise<void>;
}

export async function startPathPeers(all: readonly Site[]): Promise<PathPeers> {
  const folder = mkdtempSync(join(tmpdir(), 'serin-paths-'));
  const backends = await Promise.all(Array.from({ length: UPSTREAMS }, (_, index) => startBackend(index)));
  const [nginxPort, deadPort] = await freePorts();
  const configure = (sites: readonly Site[]): string => {
    const file = join(folder, 'nginx.conf');
    writeFileSync(file, nginxConfig(folder, nginxPort, deadPort, backends.map(portOf), sites));
    return file;
  };
  const sites = all.filter((site) => spawnSync('nginx', ['-t', '-c', configure([site])]).status === 0);
  const nginx = spawn('nginx', ['-c', configure(sites)], { stdio: 'ignore' });
  const manifests = join(folder, 'manifests.yaml');
  writeFileSync(
    manifests,
    objectsOf(sites, backends.map(portOf))
      .map((object) => stringify(object))
      .join('---\n'),
  );
  const serin = await startSerin([
    'serve',
    `--manifests=${manifests}`,
    '--watch-ingress-without-class',
    '--workers=1',
  ]);
  await listening(nginxPort, nginx);
  return {
    sites,
    async ask(host, target) {
      const [ofNginx, ofSerin] = await Promise.all([
        answerOf(nginxPort, host, target),
        answerOf(serin.httpPort, host, target),
      ]);
      return { nginx: ofNginx, serin: ofSerin };
    },
    async close() {
      nginx.kill('SIGTERM');
      await Promise.all([nginx.exitCode === null ? once(nginx, 'exit') : undefined, serin.stop()]);
      for (const backend of backends) backend.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Says which target it was asked for, and with which Host and X-Forwarded-Prefix. */
async function startBackend(index: number): Promise<Server> {
  const server = createServer((socket) => {
    let received = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      for (let end = received.indexOf('\r\n\r\n'); end >= 0; end = received.indexOf('\r\n\r\n')) {
        answer(socket, index, received.slice(0, end));
        received = received.slice(end + 4);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function answer(socket: Socket, index: number, head: string): void {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim() ?? '';
  const target = head.slice(head.indexOf(' ') + 1, head.indexOf(' HTTP/1.'));
  const text = `web${index} ${target} host=${field('host')} prefix=${field('x-forwarded-prefix')}`;
  const body = Buffer.from(text, 'latin1');
  const answerHead = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
  socket.write(Buffer.concat([answerHead, body]));
}

function answerOf(port: number, host: string, target: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.setTimeout(ANSWER_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.on('close', () => {
      const status = /^HTTP\/1\.1 (\d+)/.exec(received)?.[1] ?? 'no answer';
      const body = received.slice(received.indexOf('\r\n\r\n') + 4);
      const location = /^location: (.*?)\r$/im.exec(received)?.[1] ?? '';
      resolve(status === '200' ? body : `${status} ${location}`.trim());
    });
    socket.write(
      Buffer.from(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`, 'latin1'),
    );
  });
}

function nginxConfig(
  folder: string,
  port: number,
  deadPort: number,
  backends: readonly number[],
  sites: readonly Site[],
): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  return `
daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 256; }
http {
  access_log off; ${paths.join(' ')}
  server_names_hash_bucket_size 128; port_in_redirect off; proxy_http_version 1.1;
  ${backends.map((backend, index) => `upstream web${index} { server 127.0.0.1:${backend}; }`).join(' ')}
  upstream nobody { server 127.0.0.1:${deadPort}; }
  server { listen 127.0.0.1:${deadPort}; location / { return 404; } }
  server { listen 127.0.0.1:${port} default_server; server_name _; location / { return 404; } }
${sites.map(({ host, ingresses }) => nginxServer(host, port, ingresses)).join('')}
}
`;
}

/** Seconds apart, so that the first of a host is its oldest. */
function objectsOf(sites: readonly Site[], backends: readonly number[]): object[] {
  const ingresses = sites.flatMap(({ host, ingresses: own }) =>
    own.map((ingress, index) => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: {
        namespace: 'a',
        name: `${host}-${index}`,
        creationTimestamp: new Date(1_700_000_000_000 + index * 1000).toISOString(),
        annotations: annotationsOf(ingress),
      },
      spec: {
        rules: [
          {
            host,
            http: {
              paths: ingress.paths.map(({ path, type }) => ({
                path,
                pathType: type,
                backend: { service: { name: `web${index}`, port: { number: 80 } } },
              })),
            },
          },
        ],
      },
    })),
  );
  return [...backends.flatMap((port, index) => serviceObjects(`web${index}`, port)), ...ingresses];
}

function annotationsOf({ isRegex, rewrite, prefix }: RandomIngress): Record<string, string> {
  const given = {
    'use-regex': isRegex ? 'true' : undefined,
    'rewrite-target': rewrite,
    'x-forwarded-prefix': prefix,
  };
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) =>
      value === undefined ? [] : [[`nginx.ingress.kubernetes.io/${name}`, value]],
    ),
  );
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer().listen(0, '127.0.0.1'), createServer().listen(0, '127.0.0.1')] as const;
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const [first, second] = servers;
  const ports: [number, number] = [portOf(first), portOf(second)];
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function listening(port: number, nginx: ChildProcess): Promise<void> {
  for (;;) {
    if (nginx.exitCode !== null) throw new Error(`nginx ended with ${nginx.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    const isOpen = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

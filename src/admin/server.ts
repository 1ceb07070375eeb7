import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Exposition } from '../observe/metrics.ts';
import { answerHealth, type HealthCheck } from './health.ts';
import { createLongAnswers, type LongAnswers } from './long-answers.ts';

export interface AdminDeps {
  /** Checks of /healthz and /readyz, by name (ingress-nginx: `ping` and `nginx-ingress-controller`). */
  readonly checks: readonly HealthCheck[];
  /** Path of the health check, `/healthz` by default (--health-check-path). */
  readonly healthPath: string;
  /** Prometheus text and its content type. */
  readonly metrics: () => Promise<Exposition>;
  /** What is served right now, as JSON values by path below /api/. */
  readonly views: Readonly<Record<string, () => unknown>>;
}

/** The health port: /healthz, /readyz, /livez, /metrics, and read-only views under /api/. */
export interface AdminServer {
  /** Real port, also where 0 was asked for. */
  readonly port: number;
  close(): Promise<void>;
}

/** Starts the health port. Rejects when it cannot bind. */
export function startAdminServer(deps: AdminDeps, host: string, port: number): Promise<AdminServer> {
  const long = createLongAnswers();
  const server = createServer((request, response) => {
    answer(deps, long, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else send(response, 500, 'text/plain; charset=utf-8', `${String(error)}\n`);
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host === '' ? {} : { host }) }, () => {
      server.off('error', reject);
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    });
  });
}

async function answer(
  deps: AdminDeps,
  long: LongAnswers,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://admin');
  const path = url.pathname;
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return send(response, 405, 'text/plain; charset=utf-8', 'only GET and HEAD are answered here\n');
  }
  const base = [deps.healthPath, '/healthz', '/readyz', '/livez'].find(
    (candidate) => path === candidate || path.startsWith(`${candidate}/`),
  );
  if (base !== undefined) {
    const name = path.slice(base.length + 1);
    const live = base === '/livez' ? deps.checks.filter((check) => check.name === 'ping') : deps.checks;
    const checks = name === '' ? live : deps.checks.filter((check) => check.name === name);
    if (checks.length > 0) {
      const { status, body } = answerHealth(checks, url.searchParams.has('verbose'), base.slice(1));
      return send(response, status, 'text/plain; charset=utf-8', body);
    }
  } else if (path === '/metrics') {
    return long.answer(request, response, deps.metrics);
  } else if (path.startsWith('/api/')) {
    const view = deps.views[path.slice('/api/'.length)];
    if (view !== undefined)
      return send(response, 200, 'application/json', `${JSON.stringify(view(), null, 2)}\n`);
  }
  send(response, 404, 'text/plain; charset=utf-8', 'not found\n');
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Exposition } from '../observe/metrics.ts';
import type { Access } from './access.ts';
import { answerHealth, type HealthCheck } from './health.ts';
import { jsonPieces } from './json-pieces.ts';
import { createLongAnswers, type LongAnswers } from './long-answers.ts';

export interface AdminDeps {
  /** Checks of /healthz and /readyz, by name (ingress-nginx: `ping` and `nginx-ingress-controller`). */
  readonly checks: readonly HealthCheck[];
  /** Path of the health check, `/healthz` by default (--health-check-path). */
  readonly healthPath: string;
  /** Prometheus text and its content type. */
  readonly metrics: () => Promise<Exposition>;
  /** What is served right now, as JSON values by path below /api/. */
  readonly views: ReadonlyMap<string, View>;
  /** Whom anything but health and metrics is shown to. */
  readonly access: Access;
  /** Told why an answer failed: who asked is not told. */
  failed(error: unknown): void;
}

/** A JSON value, a list or a generator of its items, or the promise of one; the query says what of. */
export type View = (query: URLSearchParams) => unknown;

const TEXT = 'text/plain; charset=utf-8';
const NOT_FOUND = 'not found\n';

/** The health port: /healthz, /readyz, /livez and /metrics for everybody, and read-only views under /api/ for those whom `access` lets in. */
export interface AdminServer {
  readonly address: string;
  /** Real port, also where 0 was asked for. */
  readonly port: number;
  close(): Promise<void>;
}

/** Starts the health port. Rejects when it cannot bind. */
export function startAdminServer(deps: AdminDeps, host: string, port: number): Promise<AdminServer> {
  const long = createLongAnswers();
  const server = createServer((request, response) => {
    answer(deps, long, request, response).catch((error: unknown) => {
      deps.failed(error);
      if (response.headersSent) response.destroy();
      else send(response, 500, TEXT, 'the answer failed; the control log says why\n');
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(host === '' ? {} : { host }) }, () => {
      server.off('error', reject);
      resolve({
        address: (server.address() as AddressInfo).address,
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
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    response.setHeader('Connection', 'close');
    return send(response, 405, TEXT, 'only GET and HEAD are answered here\n');
  }
  const [path = '', query = ''] = (request.url ?? '/').split('?', 2);
  const base = [deps.healthPath, '/healthz', '/readyz', '/livez'].find(
    (candidate) => path === candidate || path.startsWith(`${candidate}/`),
  );
  if (base !== undefined) {
    const name = path.slice(base.length + 1);
    const live = base === '/livez' ? deps.checks.filter((check) => check.name === 'ping') : deps.checks;
    const checks = name === '' ? live : deps.checks.filter((check) => check.name === name);
    if (checks.length === 0) return send(response, 404, TEXT, NOT_FOUND);
    const isVerbose = new URLSearchParams(query).has('verbose');
    const { status, body } = answerHealth(checks, isVerbose, base.slice(1));
    return send(response, status, TEXT, body);
  }
  if (path === '/metrics') return long.answer(request, response, deps.metrics);
  const verdict = deps.access.judge(request);
  if (verdict === 'not from here') {
    return send(response, 403, TEXT, 'answered on loopback only, unless --admin-token-file is given\n');
  }
  if (verdict === 'wrong token') {
    response.setHeader('WWW-Authenticate', 'Bearer');
    return send(response, 401, TEXT, 'needs the token of --admin-token-file\n');
  }
  const view = path.startsWith('/api/') ? deps.views.get(path.slice('/api/'.length)) : undefined;
  if (view === undefined) return send(response, 404, TEXT, NOT_FOUND);
  return long.answer(request, response, async () => ({
    contentType: 'application/json',
    pieces: jsonPieces(await view(new URLSearchParams(query))),
  }));
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

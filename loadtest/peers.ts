import { join } from 'node:path';
import { haproxyConfig } from './haproxy-config.ts';
import { hostsConfig, nginxConfig } from './nginx-config.ts';
import { write } from './peer-files.ts';
import type { PeerInput } from './peer-input.ts';
import { isInstalled, PROXY_CORE, start, waitForPort, type Started } from './processes.ts';
import type { Feature } from './scenarios.ts';

/** A proxy to measure: same forwarded headers, request id and access log to a file as the others. */
export interface Peer {
  readonly name: string;
  /** Why it cannot run here; undefined when it can. */
  readonly missing: () => string | undefined;
  /** Scenarios it has a counterpart for. */
  readonly features: ReadonlySet<Feature>;
  /** Only where it is asked for by name: it is a measure, and no proxy that anybody runs. */
  readonly isOnDemand?: boolean;
  /** Resolves when it accepts; rejects, with the process ended, when that takes too long. */
  start(input: PeerInput): Promise<Started>;
}

const node = process.execPath;
const EVERYTHING: ReadonlySet<Feature> = new Set([
  'plain',
  'tls',
  'canary',
  'weight',
  'rewrite',
  'limits',
  'one-host',
  'hosts',
  'regex',
  'websocket',
  'http2',
  'grpc',
  'gzip',
]);

/** What a peer may take to start, milliseconds; Serin reads 10,000 Ingresses from YAML first. */
const START_TIMEOUT_MS = 10_000;
const SERIN_START_TIMEOUT_MS = 90_000;

async function accepting(
  started: Started,
  port: number,
  timeoutMs: number = START_TIMEOUT_MS,
): Promise<Started> {
  try {
    await waitForPort(port, timeoutMs);
    return started;
  } catch (error) {
    await started.stop();
    throw new Error(`${(error as Error).message}: ${started.output().slice(-500)}`, { cause: error });
  }
}

/** Serin as it is in a checkout that has its packages. */
export function serinOf(name: string, checkout: string): Peer {
  return {
    name,
    missing: () => undefined,
    features: EVERYTHING,
    async start(input) {
      const started = start(PROXY_CORE, node, [
        join(checkout, 'src/main.ts'),
        'serve',
        `--manifests=${input.manifests}`,
        `--http-port=${input.httpPort}`,
        `--https-port=${input.httpsPort}`,
        '--healthz-port=0',
        '--watch-ingress-without-class',
        '--listen=127.0.0.1',
        '--workers=1',
        '--configmap=load/settings',
      ]);
      return accepting(started, input.httpsPort, SERIN_START_TIMEOUT_MS);
    },
  };
}

export const serin: Peer = serinOf('Serin', new URL('..', import.meta.url).pathname);

export const httpProxy3: Peer = {
  name: 'http-proxy-3',
  missing: () => undefined,
  features: new Set(['plain', 'tls', 'websocket']),
  async start(input) {
    const started = start(PROXY_CORE, node, [
      new URL('./http-proxy-3.ts', import.meta.url).pathname,
      JSON.stringify(input),
    ]);
    return accepting(started, input.httpsPort);
  },
};

export const nginx: Peer = {
  name: 'nginx',
  missing: () => (isInstalled('nginx') ? undefined : 'nginx is not installed (Debian package nginx-light)'),
  features: EVERYTHING,
  async start(input) {
    const file = write(
      input.folder,
      'nginx.conf',
      input.site === 'main' ? nginxConfig(input) : hostsConfig(input),
    );
    const started = start(PROXY_CORE, 'nginx', [
      '-c',
      file,
      '-p',
      input.folder,
      '-e',
      join(input.folder, 'error.log'),
    ]);
    return accepting(started, input.httpPort);
  },
};

export const haproxy: Peer = {
  name: 'HAProxy',
  missing: () => (isInstalled('haproxy') ? undefined : 'haproxy is not installed (Debian package haproxy)'),
  features: new Set(['plain', 'tls', 'websocket']),
  async start(input) {
    const file = write(input.folder, 'haproxy.cfg', haproxyConfig(input));
    const log = join(input.folder, 'access.log');
    const started = start(PROXY_CORE, 'sh', ['-c', 'exec haproxy -f "$0" -db > "$1"', file, log]);
    return accepting(started, input.httpsPort);
  },
};

/** What Node's own layers cost by themselves. */
export const bareRelay: Peer = {
  name: 'bare-relay',
  missing: () => undefined,
  features: new Set(['http2']),
  isOnDemand: true,
  async start(input) {
    const started = start(PROXY_CORE, node, [
      new URL('./bare-relay.ts', import.meta.url).pathname,
      JSON.stringify(input),
    ]);
    return accepting(started, input.httpsPort);
  },
};

export const PEERS: readonly Peer[] = [serin, nginx, haproxy, httpProxy3, bareRelay];

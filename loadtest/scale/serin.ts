import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Api } from './api.ts';
import { ADDRESS, CONTROLLER_CLASS, NAMESPACE } from './objects.ts';
import type { ThreadSample } from './thread-sample.ts';
import type { Mark } from './timeline.ts';

export interface SerinOptions {
  readonly workers: number;
  /** Arguments for Node itself, such as --cpu-prof. */
  readonly nodeArgs: readonly string[];
}

/** A Serin that runs as it does in a Pod: with the Pod's account, mounted for it alone. */
export interface ScaledSerin {
  readonly httpPort: number;
  readonly healthPort: number;
  /** Milliseconds from its start until /readyz said yes. */
  readonly readyMs: number;
  /** Milliseconds since 1970 when the health port answered first, with whatever status. */
  readonly answeredAtMs: number;
  /** CPU in microseconds until then. */
  readonly cpuToReadyMicros: number;
  readonly pid: number;
  /** Resident memory in bytes. */
  rss(): number;
  /** CPU in microseconds so far. */
  cpuMicros(): number;
  /** What the threads told since a moment, in milliseconds since 1970. */
  samples(sinceMs: number): { readonly control: ThreadSample[]; readonly workers: ThreadSample[] };
  /** What the control thread did since a moment. */
  marks(sinceMs: number): Mark[];
  log(): string;
  stop(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILT = join(ROOT, 'dist/main.js');
const PROBES = ['probe', 'marks'];
const HTTP_PORT = 18_400;
const HTTPS_PORT = 18_401;
const HEALTH_PORT = 18_402;
const READY_WITHIN_MS = 120_000;
const ASKED_EVERY_MS = 5;
const PAGE_BYTES = 4_096;
const TICK_MICROS = 10_000;

/** What docker/nginx-ingress-controller gives Node; with MALLOC_ARENA_MAX. */
const AS_IN_THE_IMAGE = ['--max-semi-space-size=4'];

/** Mounts over /run, for this process alone, where the kubelet would put the account. */
const IN_A_POD = `
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/secrets/kubernetes.io/serviceaccount
cp "$ACCOUNT"/* /run/secrets/kubernetes.io/serviceaccount/
exec "$@"`;

/** Builds what an image holds: types that are stripped as they are read would cost every thread memory. */
export function buildSerin(): void {
  rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [compiler, '-p', join(ROOT, 'tsconfig.build.json')], { stdio: 'inherit' });
}

export async function startScaled(api: Api, options: SerinOptions): Promise<ScaledSerin> {
  const folder = mkdtempSync(join(tmpdir(), 'serin-scale-'));
  for (const [name, text] of Object.entries({ token: api.token, 'ca.crt': api.ca, namespace: NAMESPACE }))
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  const probed = mkdtempSync(join(tmpdir(), 'serin-scale-probe-'));
  // Types that Node strips itself would cost every thread memory.
  const preloads = PROBES.flatMap((name) => {
    const source = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
    const stripped = join(folder, `${name}.mjs`);
    writeFileSync(stripped, stripTypeScriptTypes(readFileSync(source, 'utf8')));
    return ['--import', stripped];
  });
  const { hostname, port } = new URL(api.server);
  const startedAtMs = performance.now();
  const child = spawn(
    'unshare',
    [
      ...['--mount', 'sh', '-c', IN_A_POD, 'sh', process.execPath],
      ...AS_IN_THE_IMAGE,
      ...options.nodeArgs,
      ...[...preloads, BUILT, 'controller'],
      `--controller-class=${CONTROLLER_CLASS}`,
      ...[`--http-port=${HTTP_PORT}`, `--https-port=${HTTPS_PORT}`, `--healthz-port=${HEALTH_PORT}`],
      ...[`--workers=${options.workers}`, '--listen=127.0.0.1', '--healthz-host=127.0.0.1'],
      ...[
        `--publish-status-address=${ADDRESS}`,
        '--update-status-on-shutdown=false',
        '--disable-sync-events',
      ],
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        ACCOUNT: folder,
        MALLOC_ARENA_MAX: '2',
        SERIN_SCALE_PROBE: probed,
        KUBERNETES_SERVICE_HOST: hostname,
        KUBERNETES_SERVICE_PORT: port,
        POD_NAME: 'scale-0',
        POD_NAMESPACE: NAMESPACE,
      },
    },
  );
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-50_000)));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const pid = child.pid!;
  const stat = (name: string): string => readFileSync(`/proc/${pid}/${name}`, 'utf8');

  async function stop(): Promise<void> {
    child.kill('SIGTERM');
    const hard = setTimeout(() => child.kill('SIGKILL'), 20_000);
    await ended;
    clearTimeout(hard);
    for (const path of [folder, probed]) rmSync(path, { recursive: true, force: true });
  }

  let answeredAtMs: number;
  try {
    answeredAtMs = await untilReady(
      () => child.exitCode !== null,
      () => log,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  function cpuMicros(): number {
    const text = stat('stat');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_MICROS;
  }
  const read = <T extends { readonly atMs: number }>(prefix: string, sinceMs: number): T[] =>
    readdirSync(probed)
      .filter((name) => name.startsWith(prefix))
      .flatMap((name) => readFileSync(join(probed, name), 'utf8').split('\n').slice(0, -1))
      .map((line) => JSON.parse(line) as T)
      .filter(({ atMs }) => atMs >= sinceMs);
  return {
    httpPort: HTTP_PORT,
    healthPort: HEALTH_PORT,
    readyMs: performance.now() - startedAtMs,
    answeredAtMs,
    cpuToReadyMicros: cpuMicros(),
    pid,
    rss: () => Number(stat('statm').split(' ')[1]) * PAGE_BYTES,
    cpuMicros,
    samples: (sinceMs) => ({ control: read('control', sinceMs), workers: read('worker', sinceMs) }),
    marks: (sinceMs) => read('marks', sinceMs),
    log: () => log,
    stop,
  };
}

/** Gives the moment of the first answer. */
async function untilReady(isOver: () => boolean, log: () => string): Promise<number> {
  let answeredAtMs: number | undefined;
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    try {
      const { ok } = await fetch(`http://127.0.0.1:${HEALTH_PORT}/healthz`);
      answeredAtMs ??= Date.now();
      if (ok) return answeredAtMs;
    } catch {
      // Nothing listens yet.
    }
    if (isOver() || performance.now() > deadline) throw new Error(`Serin did not become ready:\n${log()}`);
    await new Promise((resolve) => setTimeout(resolve, ASKED_EVERY_MS));
  }
}

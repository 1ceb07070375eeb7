// Keeps a steady load on Serin while everything changes under it: endpoints, Ingresses, certificates. Counts what failed.
//   node loadtest/changes.ts [--seconds 30] [--connections 50] [--endpoints 1000] [--ingresses 200] [--certificates 20]
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';
import { stringify } from 'yaml';
import { createSelfSigned } from '../src/lib/self-signed.ts';
import { ingress } from './manifests.ts';
import { LOAD_CORE, PROXY_CORE, run, start, waitForPort, type Started } from './processes.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    connections: { type: 'string', default: '50' },
    rate: { type: 'string', default: '1000' },
    endpoints: { type: 'string', default: '1000' },
    ingresses: { type: 'string', default: '200' },
    certificates: { type: 'string', default: '20' },
  },
});
const seconds = Number(values.seconds);
const counts = {
  endpoints: Number(values.endpoints),
  ingresses: Number(values.ingresses),
  certificates: Number(values.certificates),
};
const HTTP_PORT = 18_300;
const HTTPS_PORT = 18_301;
const POD_COUNT = 6;

const here = new URL('.', import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'serin-changes-'));
const manifests = join(folder, 'manifests');
mkdirSync(manifests);

function put(name: string, objects: readonly object[]): void {
  // Written beside and renamed, so that no reader ever sees half a file.
  const temporary = join(folder, `${name}.new`);
  writeFileSync(temporary, objects.map((object) => stringify(object)).join('---\n'));
  renameSync(temporary, join(manifests, name));
}

/** Starts the backends on the load's core; resolves with their ports when they listen. */
async function startPods(): Promise<{ process: Started; ports: number[] }> {
  const pods = start(LOAD_CORE, process.execPath, [join(here, 'pods.ts'), String(POD_COUNT)]);
  const deadline = Date.now() + 10_000;
  while (!pods.output().includes(']')) {
    if (Date.now() > deadline) throw new Error(`the backends did not start: ${pods.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { process: pods, ports: JSON.parse(pods.output()) as number[] };
}

function putEndpoints(ports: readonly number[]): void {
  put(
    'endpoints.yaml',
    ports.map((port, index) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        namespace: 'load',
        name: `main-${index}`,
        labels: { 'kubernetes.io/service-name': 'main' },
      },
      addressType: 'IPv4',
      ports: [{ name: 'http', port, protocol: 'TCP' }],
      endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
    })),
  );
}

function putCertificate(): void {
  const { certificate, key } = createSelfSigned(['load.test'], Date.now());
  put('certificate.yaml', [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: 'load', name: 'load' },
      stringData: { 'tls.crt': certificate, 'tls.key': key },
    },
  ]);
}

function putIngresses(change: number): void {
  const settings = { 'ssl-redirect': 'false', 'proxy-read-timeout': String(60 + (change % 7)) };
  put('ingresses.yaml', [
    ingress('main', 'load.test', '/', 'main', settings),
    ingress(`other-${change}`, `other-${change % 5}.test`, `/p${change}`, 'main', settings),
  ]);
}

/** Holds WebSockets open and exchanges messages on them; counts those that end before they are told to. */
function holdWebSockets(count: number): { dropped: () => number; echoed: () => number; close: () => void } {
  let dropped = 0;
  let echoed = 0;
  let isClosing = false;
  const sockets = Array.from({ length: count }, () => {
    const socket = new WebSocket(`ws://127.0.0.1:${HTTP_PORT}/ws`, { headers: { Host: 'load.test' } });
    const timer = setInterval(() => socket.readyState === socket.OPEN && socket.send('tick'), 100);
    socket.on('message', () => echoed++);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(timer);
      if (!isClosing) dropped++;
    });
    return socket;
  });
  return {
    dropped: () => dropped,
    echoed: () => echoed,
    close: () => {
      isClosing = true;
      for (const socket of sockets) socket.terminate();
    },
  };
}

/** Calls `change` `count` times, evenly over the run. */
function evenly(count: number, change: (index: number) => void): NodeJS.Timeout[] {
  const everyMs = ((seconds - 2) * 1_000) / Math.max(count, 1);
  return Array.from({ length: count }, (_, index) =>
    setTimeout(() => change(index), 1_000 + index * everyMs),
  );
}

const { process: pods, ports } = await startPods();
put('service.yaml', [
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: 'load', name: 'main' },
    spec: { clusterIP: 'None', ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
  },
]);
putEndpoints(ports);
putCertificate();
putIngresses(0);
const serin = start(PROXY_CORE, process.execPath, [
  new URL('../src/main.ts', import.meta.url).pathname,
  'serve',
  `--manifests=${manifests}`,
  `--http-port=${HTTP_PORT}`,
  `--https-port=${HTTPS_PORT}`,
  '--healthz-port=0',
  '--watch-ingress-without-class',
  '--listen=127.0.0.1',
  '--workers=2',
]);
let failed = 0;
try {
  await waitForPort(HTTPS_PORT);
  const webSockets = holdWebSockets(10);
  const timers = [
    ...evenly(counts.endpoints, (index) => {
      // Two to six of the pods, in another order each time: scaled and replaced.
      const kept = 2 + (index % (POD_COUNT - 1));
      putEndpoints(Array.from({ length: kept }, (_, i) => ports[(index + i) % POD_COUNT]!));
    }),
    ...evenly(counts.ingresses, (index) => putIngresses(index + 1)),
    ...evenly(counts.certificates, putCertificate),
  ];
  const each = {
    host: 'load.test',
    rate: Number(values.rate) / 2,
    connections: Number(values.connections) / 2,
  };
  const load = (url: string, loadSeconds: number) =>
    run(
      LOAD_CORE,
      process.execPath,
      [join(here, 'steady.ts'), JSON.stringify({ ...each, url, seconds: loadSeconds })],
      (loadSeconds + 60) * 1_000,
    );
  const both = async (name: string, loadSeconds: number) => {
    const urls = [`http://127.0.0.1:${HTTP_PORT}/`, `https://127.0.0.1:${HTTPS_PORT}/`];
    const results = await Promise.all(urls.map((url) => load(url, loadSeconds)));
    for (const [index, text] of results.entries()) {
      const result = JSON.parse(text) as { failed: number };
      failed += result.failed;
      console.log(`${name}: ${index === 0 ? 'http' : 'https'}: ${text.trim()}`);
    }
  };
  await both('while changing', seconds);
  for (const timer of timers) clearTimeout(timer);
  await both('quiet', Math.min(seconds, 10));
  console.log(
    `${counts.endpoints} endpoint changes, ${counts.ingresses} Ingress changes, ${counts.certificates} certificates; ` +
      `${webSockets.dropped()} of 10 WebSockets dropped, ${webSockets.echoed()} messages echoed`,
  );
  failed += webSockets.dropped() + (webSockets.echoed() === 0 ? 1 : 0);
  webSockets.close();
} finally {
  await serin.stop();
  await pods.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed === 0 ? 0 : 1;

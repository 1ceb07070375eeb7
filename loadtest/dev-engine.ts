/*
 * The engine by itself, for profiles: one route, no controller, no worker thread; access log and metrics are the real ones.
 * On the next port it speaks TLS.
 *   node loadtest/dev-engine.ts <listen port> <upstream port> [access log file]
 */
import { tmpdir } from 'node:os';
import { performance } from 'node:perf_hooks';
import { redactBytes } from '../src/lib/redacted-bytes.ts';
import { createSelfSigned } from '../src/lib/self-signed.ts';
import { createWorkerMetrics } from '../src/observe/metrics-arena.ts';
import { createMetricsBuffer, DEFAULT_METRICS_OPTIONS } from '../src/observe/metrics-layout.ts';
import { createCertificateStore } from '../src/proxy/accept/certificate-store.ts';
import { createPortOpener } from '../src/proxy/accept/listener.ts';
import { createFollowingAccessLog } from '../src/proxy/following-access-log.ts';
import { BodyBudget } from '../src/proxy/exchange/body-budget.ts';
import { Spool } from '../src/proxy/exchange/spool.ts';
import { createServeContext, serveConnection } from '../src/proxy/serve.ts';
import { createSocketTransport } from '../src/proxy/transport/socket-transport.ts';
import { createFixedRouter } from '../test/protocol/engine/fixed-router.ts';
import { unknownUpstream } from '../test/protocol/engine/sinks.ts';
import { DEFAULT_SETTINGS } from '../src/table/settings.ts';

const [listenPort = '9300', upstreamPort = '9301', logPath = '/dev/null'] = process.argv.slice(2);
const metrics = createWorkerMetrics(createMetricsBuffer(DEFAULT_METRICS_OPTIONS), () => {});
const labels = {
  namespace: 'lab',
  ingress: 'main',
  service: 'web',
  servicePort: '80',
  path: '/',
  host: 'a.test',
};
const router = createFixedRouter({
  endpoints: [{ address: '127.0.0.1', port: Number(upstreamPort) }],
  settings: {
    keepAliveRequests: 1_000_000_000,
    upstreamKeepAliveRequests: 1_000_000_000,
    accessLog: { ...DEFAULT_SETTINGS.accessLog, path: logPath },
  },
  series: metrics.routeSeries(labels, ''),
});
const { timeOrigin } = performance;
const report = (fault: unknown) => console.error(fault);
const transport = createSocketTransport();
const context = createServeContext({
  transport,
  router: () => router,
  upstreamOf: unknownUpstream,
  accessLog: createFollowingAccessLog(() => router.settings.accessLog, report, metrics.logs),
  metrics,
  bodies: {
    budget: new BodyBudget({
      memoryBytes: 67_108_864,
      spoolBytes: 4_294_967_296,
      spooledBlocks: new Int32Array(new SharedArrayBuffer(4)),
      index: 0,
    }),
    spool: new Spool(tmpdir(), report, () => performance.now()),
  },
  now: () => timeOrigin + performance.now(),
  random: Math.random,
  report,
});
const certificates = createCertificateStore(transport, router.settings.tls, report);
const { certificate, key } = createSelfSigned(['load.test'], Date.now());
certificates.apply({
  certificates: { set: [{ id: 'own', certificate, key: redactBytes(Buffer.from(key)) }], removed: [] },
  tls: { names: [], defaultCertificateId: 'own' },
});
const opener = createPortOpener({
  transport,
  settings: () => router.settings,
  certificates,
  counters: metrics.connections,
  serve: (connection, info) => serveConnection(connection, info, context),
  post: report,
  now: Date.now,
});
const port = Number(listenPort);
await opener.open({ kind: 'http', name: 'http', host: '127.0.0.1', port });
await opener.open({ kind: 'https', name: 'https', host: '127.0.0.1', port: port + 1 });
process.on('SIGTERM', () => process.exit(0));

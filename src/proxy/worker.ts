import { performance } from 'node:perf_hooks';
import type { MessagePort } from 'node:worker_threads';
import { createCounters } from '../features/kit/counters.ts';
import { createWorkerState } from '../features/kit/worker-state.ts';
import { features as registered } from '../features/registry.ts';
import { giveBackMemory } from '../lib/give-back-memory.ts';
import { machineMs } from '../lib/machine-clock.ts';
import { PatternTimeout } from '../lib/timed-run.ts';
import { createWorkerMetrics } from '../observe/metrics-arena.ts';
import { SILENT_METRICS } from '../observe/silent-metrics.ts';
import { BEAT_MS, heartbeatOf } from '../table/heartbeat.ts';
import type { FromWorker, ToWorker, WorkerStart } from '../table/messages.ts';
import { DEFAULT_SETTINGS } from '../table/settings.ts';
import { BodyBudget } from './exchange/body-budget.ts';
import { Spool } from './exchange/spool.ts';
import { createFaultLimit } from './fault-limit.ts';
import { createFollowingAccessLog } from './following-access-log.ts';
import { createFollowingStreamLog } from './following-stream-log.ts';
import { createListeners } from './accept/listeners.ts';
import { createStreamServices } from './l4/stream-services.ts';
import { handshakeFor } from './router/handshake-for.ts';
import { createReceiver } from './receiver.ts';
import type { AnyFeature } from './router/link-route.ts';
import type { Router } from './router/linked.ts';
import { createServeContext, drainConnections, leavePort, serveConnection } from './serve.ts';
import { createCertificateStore } from './accept/certificate-store.ts';
import { createSocketDatagrams } from './transport/socket-datagrams.ts';
import { createSocketTransport } from './transport/socket-transport.ts';
import { createHttpCheck } from './upstream/http-check.ts';
import { createUpstreamRegistry } from './upstream/registry.ts';

/** What filters still have to send when a worker ends, such as spans, is out by then, or lost. */
const STATE_CLOSES_WITHIN_MS = 2_000;

const nowMs = (): number => performance.now();
const { timeOrigin } = performance;
const epochMs = (): number => timeOrigin + performance.now();

/** Runs the data plane in a worker thread: takes tables in, and serves by them from `listen` to `drain`. */
export function startWorker(
  start: WorkerStart,
  port: MessagePort,
  features: readonly AnyFeature[] = registered,
): void {
  const post = (message: FromWorker): void => port.postMessage(message);
  const random = Math.random;
  const report = (fault: unknown): void => {
    // A text that a pattern takes too long for is no fault, and comes as often as its sender likes.
    if (fault instanceof PatternTimeout) return;
    const { message, stack } = fault instanceof Error ? fault : new Error(String(fault));
    post({ kind: 'fault', message, stack: stack ?? '' });
  };

  const heartbeat = heartbeatOf(start.heartbeat);
  setInterval(() => heartbeat.beat(), BEAT_MS).unref();
  const metrics =
    start.metrics === undefined
      ? SILENT_METRICS
      : createWorkerMetrics(
          start.metrics,
          (slot, labels) => post({ kind: 'series', slot, labels }),
          (slots) => post({ kind: 'series-gone', slots }),
        );
  const upstreams = createUpstreamRegistry({
    nowMs,
    random,
    epochMs,
    processId: process.pid,
    check: createHttpCheck(),
    checked: (upstreamId, endpoint, problem) => post({ kind: 'checked', upstreamId, endpoint, problem }),
  });
  const transport = createSocketTransport();
  const certificates = createCertificateStore(transport, DEFAULT_SETTINGS.tls, (problem) =>
    report(new Error(problem)),
  );
  const router = (): Router => {
    const current = receiver.router();
    if (current === undefined) throw new Error('a worker without a table was asked to serve');
    return current;
  };
  const accessLog = createFollowingAccessLog(() => router().settings.accessLog, report, metrics.logs);
  const { memoryBytes, directory, spoolBytes, spooledBlocks } = start.bodies;
  const bodies = {
    budget: new BodyBudget({
      memoryBytes,
      spoolBytes,
      spooledBlocks: new Int32Array(spooledBlocks),
      index: start.index,
    }),
    spool: spoolBytes > 0 ? new Spool(directory, report, nowMs) : undefined,
  };
  const context = createServeContext({
    transport,
    router,
    upstreamOf: (id) => upstreams.upstreamOf(id),
    accessLog,
    metrics,
    bodies,
    now: epochMs,
    random,
    report,
  });
  const streamLog = createFollowingStreamLog(() => router().settings.streamLog, report, metrics.logs);
  const streamCounters = {
    tcp: metrics.streams('tcp'),
    udp: metrics.streams('udp'),
    passthrough: metrics.streams('passthrough'),
  };
  const streams = createStreamServices({
    transport,
    datagrams: createSocketDatagrams(),
    timers: context.timers,
    log: streamLog,
    counters: (kind) => streamCounters[kind],
    settings: () => router().settings.streams,
    streams: () => router().streams,
    hostOf: (serverName) => router().hostOf(serverName).name,
    upstreamOf: (id) => upstreams.upstreamOf(id),
    entered: (session) => void context.connections.add(session),
    left: (session) => void context.connections.delete(session),
    now: epochMs,
  });
  const listeners = createListeners({
    transport,
    settings: () => router().settings,
    certificates,
    handshakeFor: (serverName) => handshakeFor(router(), serverName),
    counters: metrics.connections,
    streams,
    serve: (connection, info) => serveConnection(connection, info, context),
    portClosed: (name, port) => leavePort(context, name, port),
    post,
    now: epochMs,
  });
  const state = createWorkerState();
  const receiver = createReceiver({
    features,
    listeners,
    metrics,
    random,
    ofWorker: state.ofWorker,
    counters: createCounters(start.counters, start.index, machineMs),
    createSubrequest: (question) => context.subrequests.create(question),
    createCopier: (target) => context.copies.create(target),
    upstreams,
    certificates,
    post,
    defer: (resume) => void setImmediate(resume),
    later: (run, delayMs) => void setTimeout(run, delayMs).unref(),
    nowMs,
    setLinking: (isLinking) => heartbeat.setLinking(isLinking),
  });

  async function unlisten(): Promise<void> {
    await listeners.close();
    post({ kind: 'unlistened' });
  }

  async function drain(timeoutMs: number): Promise<void> {
    const connectionsCut = await drainConnections(context, timeoutMs, () => listeners.openCount());
    await Promise.all([accessLog.flush(), streamLog.flush(), state.close(STATE_CLOSES_WITHIN_MS)]);
    post({ kind: 'drained', connectionsCut });
  }

  /** What starting took, given back once; the ports of the last message count, should another come meanwhile. */
  let collected: Promise<void> | undefined;
  let ports: ReadonlyMap<string, number> = new Map();
  async function listen(): Promise<void> {
    await (collected ??= giveBackMemory());
    await listeners.begin(ports);
    post({ kind: 'accepting' });
  }

  function receive(message: ToWorker): void {
    switch (message.kind) {
      case 'table-part':
      case 'table':
      case 'endpoints':
        return receiver.receive(message);
      case 'listen':
        // It has taken its first table in, and accepts nothing yet.
        ({ ports } = message);
        void listen();
        return;
      case 'unlisten':
        void unlisten();
        return;
      case 'reopen-logs':
        accessLog.reopen();
        streamLog.reopen();
        return;
      case 'drain':
        void drain(message.timeoutMs);
    }
  }

  // One exchange's exception is that exchange's affair; what gets here anyway ends nobody else's.
  const isTooMuch = createFaultLimit(nowMs);
  process.on('uncaughtException', (fault) => {
    report(fault);
    // So many say that something lasting is broken: end, and be replaced.
    if (isTooMuch()) process.exit(1);
  });
  port.on('message', receive);
  post({ kind: 'started' });
}

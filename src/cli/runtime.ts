import { randomBytes } from 'node:crypto';
import { startAdminServer } from '../admin/server.ts';
import { createController } from '../controller/controller.ts';
import { createPipeline } from '../controller/create-pipeline.ts';
import type { Built } from '../controller/pipeline.ts';
import { createPublisher } from '../controller/publish/publisher.ts';
import type { ObjectStore } from '../controller/store/object-store.ts';
import { createSupervisor } from '../controller/supervisor.ts';
import { objectKey } from '../controller/store/objects.ts';
import type { TranslateOptions } from '../controller/translate/options.ts';
import { features } from '../features/registry.ts';
import type { ControlLog } from '../observe/log.ts';
import type { MetricsRegistry } from '../observe/metrics.ts';
import type { ListenerSpec } from '../table/messages.ts';
import { DEFAULT_SETTINGS } from '../table/settings.ts';
import type { FlagReader } from './args.ts';
import { createBodyRoom } from './body-room.ts';
import { workersForQuota } from './cpu-quota.ts';
import { createExternalNames } from './external-names.ts';
import { reportApplied, reportOrphans } from './report-metrics.ts';
import type { ObjectSource, OnStoreChange } from './source.ts';

/** What serve and controller differ in. */
export interface RuntimeInput {
  readonly flags: FlagReader;
  readonly log: ControlLog;
  /** Module that worker threads run. */
  readonly entry: URL;
  readonly store: ObjectStore;
  readonly options: TranslateOptions;
  readonly metrics: MetricsRegistry;
  readonly isLeader: () => boolean;
  readonly createSource: (changed: OnStoreChange) => ObjectSource;
  readonly observer: RuntimeObserver;
}

export interface RuntimeObserver {
  /** A snapshot was translated. */
  built(built: Built): void;
  /** A table is live in every worker. */
  applied(built: Built): void;
  rejected(message: string): void;
  /** All is linked and everything listens; ports by listener name. */
  ready(ports: ReadonlyMap<string, number>): void;
  /** Stopping began; what was written for the world is taken back here, in the time given. */
  stopping(withinMs: number): Promise<void>;
}

/** Asks a running Serin to end; resolves with the signal. */
export type StopRequest = Promise<string>;

/** How long the drain waits for what is taken back before it; both then go on at once. */
const STOPPING_FIRST_MS = 5_000;

/** Runs Serin until it is asked to stop; gives the exit code. Rejects when it cannot start. */
export async function runSerin(input: RuntimeInput, stopRequest: StopRequest): Promise<number> {
  const { flags, log, store, metrics, observer } = input;
  const workerCount = flags.number('workers') > 0 ? flags.number('workers') : workersForQuota();
  const listeners: readonly ListenerSpec[] = [
    { name: 'http', host: flags.string('listen') || '::', port: flags.number('http-port'), isTls: false },
    { name: 'https', host: flags.string('listen') || '::', port: flags.number('https-port'), isTls: true },
  ];
  let unready: string | undefined = 'the first full sync is not linked by every worker yet';

  const names = createExternalNames({ store, log, moved: (id) => controller.endpointsMoved(id) });
  const pipeline = createPipeline({
    options: input.options,
    features,
    settingsFlags: {
      httpsPort: flags.number('https-port'),
      healthPath: flags.string('health-check-path'),
      isHostCounted: flags.boolean('metrics-per-host'),
      areUndefinedHostsCounted: flags.boolean('metrics-per-undefined-host'),
      ticketKeys: [randomBytes(48).toString('base64')],
    },
    lookUpName: (name) => names.addressesOf(name),
    nowMs: Date.now,
  });
  const listening = Promise.withResolvers<ReadonlyMap<string, number>>();
  const supervisor = createSupervisor({
    entry: input.entry,
    workerCount,
    listeners,
    metricsFor: (index) => (flags.boolean('enable-metrics') ? metrics.bufferFor(index) : undefined),
    bodies: createBodyRoom(flags, workerCount, log),
    events: {
      started: (port) => publisher.started(port),
      message(port, message) {
        publisher.received(port, message);
        if (message.kind === 'series') metrics.addSeries(port.index, message.slot, message.labels);
        if (message.kind === 'fault')
          log.error({ worker: port.index, stack: message.stack }, message.message);
        if (message.kind === 'checked') {
          const { upstreamId: upstream, endpoint, problem } = message;
          const about = { worker: port.index, upstream, endpoint };
          if (problem === undefined) log.info(about, 'an endpoint passes its health checks again');
          else log.warn({ ...about, problem }, 'an endpoint fails its health checks and is passed over');
        }
      },
      died(port, reason) {
        log.error({ worker: port.index, reason }, 'a worker died and is replaced');
        metrics.control.workerReplaced();
        publisher.died(port, reason);
      },
      stuck(port, isLinking) {
        log.error(
          { worker: port.index, isTakingInATable: isLinking },
          'the event loop of a worker stands still; nothing waits for it',
        );
        publisher.stuck(port, isLinking);
      },
      recovered(port) {
        log.warn({ worker: port.index }, 'the event loop of a worker turns again');
        publisher.recovered(port);
      },
      listening: (ports) => listening.resolve(ports),
      listenFailed: (name, message) => listening.reject(new Error(`cannot listen for ${name}: ${message}`)),
    },
  });
  const publisher = createPublisher({
    workerCount,
    ready: (port) => supervisor.listen(port),
    report: (message) => log.error({ message }, 'a new worker cannot take in the table of the others'),
  });
  // A scrape works out what changed since the last one, and nothing where nothing did.
  let areOrphansKnown = false;
  function* findOrphans(built: Built): Generator<undefined, void> {
    areOrphansKnown = true;
    let isDone = false;
    try {
      yield* reportOrphans(metrics.control, {
        built,
        store,
        endpointsOf: (id) => controller.endpointsOf(id),
      });
      isDone = true;
    } finally {
      // Whoever asked may be gone in the middle of it.
      if (!isDone) areOrphansKnown = false;
    }
  }
  const controller = createController({
    store,
    pipeline,
    sink: publisher,
    watchReferences: (references) => source.watchReferences(references),
    watchNames: (upstreams) => names.watch(upstreams),
    nowMs: () => performance.now(),
    observer: {
      built: (built) => observer.built(built),
      applied(built, tookMs) {
        const { generation } = built.table;
        log.info({ generation, ...sizesOf(built), tookMs: Math.round(tookMs) }, 'a new table is live');
        areOrphansKnown = false;
        reportApplied(metrics.control, { built, isLeader: input.isLeader() });
        metrics.retainIngresses(new Set(built.served.map(objectKey)));
        observer.applied(built);
      },
      rejected(built, message) {
        log.error(
          { generation: built.table.generation, reason: message },
          'a table was rejected; the last good one serves',
        );
        metrics.control.configRejected();
        observer.rejected(message);
      },
      endpointsChanged(changed) {
        areOrphansKnown = false;
        log.debug({ upstreams: changed.map(({ upstreamId }) => upstreamId) }, 'endpoints changed');
      },
    },
  });
  const source = input.createSource((impact, serviceKey) => {
    areOrphansKnown = false;
    controller.changed(impact, serviceKey);
  });
  const admin = await startAdminServer(
    {
      checks: [
        { name: 'ping', failure: () => undefined },
        { name: 'nginx-ingress-controller', failure: () => unready ?? supervisor.problem() },
      ],
      healthPath: flags.string('health-check-path'),
      metrics: () => {
        metrics.control.setStuckWorkers(supervisor.stuckCount());
        const built = controller.live();
        return built === undefined || areOrphansKnown
          ? metrics.exposition()
          : metrics.exposition(findOrphans(built));
      },
      views: {
        findings: () => controller.live()?.findings ?? [],
        generation: () => ({ generation: controller.live()?.table.generation ?? 0 }),
      },
    },
    flags.string('healthz-host'),
    flags.number('healthz-port'),
  );
  log.info({ name: 'health', port: admin.port }, 'listening');

  async function start(): Promise<void> {
    supervisor.start();
    source.start();
    await source.synced;
    await controller.start();
    const ports = await listening.promise;
    for (const [name, port] of ports)
      log.info({ name, address: flags.string('listen') || '*', port }, 'listening');
    const live = controller.live();
    if (live === undefined) throw new Error('the first table could not be linked');
    unready = undefined;
    const findings = live.findings.length;
    log.info({ ...sizesOf(live), workers: workerCount, findings }, 'Serin is ready and serves');
    observer.ready(ports);
  }

  const outcome = await Promise.race([start().then(() => stopRequest), stopRequest]).catch(
    async (error: unknown) => {
      await Promise.all([supervisor.terminate(), admin.close(), source.stop()]);
      names.stop();
      controller.stop();
      throw error;
    },
  );
  log.info({ signal: outcome }, 'Serin stops');
  unready = 'shutting down';
  await sleep(flags.number('shutdown-grace-period') * 1_000);
  const { drainTimeoutMs } = controller.live()?.table.settings ?? DEFAULT_SETTINGS;
  const longestMs = drainTimeoutMs === 0 ? Infinity : drainTimeoutMs;
  const stopping = observer.stopping(longestMs);
  await waitAtMost(STOPPING_FIRST_MS, stopping);
  const [cut] = await Promise.all([supervisor.drain(longestMs), stopping]);
  log.info({ connectionsCut: cut }, 'all workers have drained');
  await source.stop();
  controller.stop();
  names.stop();
  await sleep(flags.number('post-shutdown-grace-period') * 1_000);
  await admin.close();
  return 0;
}

/** How much a table holds, for the log. */
function sizesOf({ served, table }: Built) {
  const { hosts, upstreams } = table;
  const routes = hosts.reduce((sum, host) => sum + host.routes.length, 0);
  return { ingresses: served.length, hosts: hosts.length, routes, upstreams: upstreams.length };
}

/** Resolves when the promise has settled, or the time is over. */
function waitAtMost(ms: number, promise: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    const finish = () => {
      clearTimeout(timer);
      resolve();
    };
    promise.then(finish, finish);
  });
}

function sleep(ms: number): Promise<void> {
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => setTimeout(resolve, ms));
}

import { redactBytes } from '../lib/redacted-bytes.ts';
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createController } from './controller.ts';
import type { NetworkMatcher } from '../lib/cidr.ts';
import { createPipeline } from './create-pipeline.ts';
import { createGeoWatcher } from './geo/geo-watcher.ts';
import { createKeySetFetcher } from './keys/fetch-key-set.ts';
import { createKeySetWatcher } from './keys/key-set-watcher.ts';
import { createStapleFetcher } from './ocsp/fetch-staple.ts';
import { createStapleWatcher } from './ocsp/staple-watcher.ts';
import type { Built } from './pipeline.ts';
import { createChainFetcher } from './chains/fetch-chain.ts';
import { createChainWatcher } from './chains/chain-watcher.ts';
import { createPublisher, type Publisher } from './publish/publisher.ts';
import type { ObjectRef, ObjectStore } from './store/object-store.ts';
import type { SettingsFlags } from './settings/settings.ts';
import { createSupervisor, type SupervisorEvents } from './supervisor.ts';
import { objectKey } from './store/objects.ts';
import type { TranslateOptions } from './translate/options.ts';
import { features } from '../features/registry.ts';
import type { ControlLog } from '../observe/log.ts';
import type { MetricsRegistry } from '../observe/metrics.ts';
import type { BodyRoom } from '../table/messages.ts';
import { DEFAULT_SETTINGS } from '../table/settings.ts';
import { createKeySet, createSum } from '../lib/edited-list.ts';
import type { EndpointEntry, HostEntry } from '../table/table.ts';
import { createExternalNames } from './dns/external-names.ts';
import type { ObjectSource, OnStoreChange } from './object-source.ts';
import { createConfigHash, reportCertificates, reportOrphans } from './report/report-metrics.ts';

/** What is decided at start. */
export interface FleetOptions {
  readonly workerCount: number;
  readonly bodies: BodyRoom;
  /** --enable-metrics. */
  readonly areRequestsCounted: boolean;
  readonly settings: Omit<SettingsFlags, 'ticketKeys'>;
  readonly translation: TranslateOptions;
  /** --enable-ssl-chain-completion. */
  readonly areChainsCompleted: boolean;
  /** Folder of databases of addresses. */
  readonly geoDirectory: string;
  /** From the request to stop to the end of accepting. */
  readonly graceMs: number;
}

export interface FleetDeps {
  readonly options: FleetOptions;
  readonly log: ControlLog;
  /** Module that worker threads run. */
  readonly entry: URL;
  readonly store: ObjectStore;
  readonly metrics: MetricsRegistry;
  readonly isLeader: () => boolean;
  /** Where names of upstreams may not lead; absent: anywhere, as all objects are one person's. */
  readonly isAddressClosed?: NetworkMatcher;
  /** Likewise where certificates may not lead. */
  readonly isResponderClosed?: NetworkMatcher;
  readonly createSource: (changed: OnStoreChange) => ObjectSource;
  readonly observer: FleetObserver;
}

export interface FleetObserver {
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

/** Both planes, put together: objects come in by the source, workers serve what becomes of them. */
export interface Fleet {
  /** Resolves when all is linked and everything listens. Rejects when that cannot be. */
  start(): Promise<void>;
  /** Why not all requests are answered as they should be; undefined: they are. */
  problem(): string | undefined;
  /** What every worker runs; undefined before the first table. */
  live(): Built | undefined;
  /** Endpoints of an upstream as last sent. */
  endpointsOf(upstreamId: string): readonly EndpointEntry[];
  /** Metrics as they are now. */
  metrics(): ReturnType<MetricsRegistry['exposition']>;
  /** Opens the files of the access logs anew. */
  reopenLogs(): void;
  /** Lets what is under way end, and takes back what was written for the world. */
  stop(): Promise<void>;
  /** Ends at once. */
  terminate(): Promise<void>;
}

/** A certificate may have many. */
const NAMES_LOGGED = 3;

const NONE_CLOSED: NetworkMatcher = () => false;

/** A storm of tables looks for counters of Ingresses that are gone this seldom, and each scrape does. */
const RETAIN_AFTER_MS = 10_000;

/** How long the drain waits for what is taken back before it; both then go on at once. */
const STOPPING_FIRST_MS = 5_000;

export function createFleet(deps: FleetDeps): Fleet {
  const { options, log, store, metrics, observer } = deps;
  const { workerCount, bodies } = options;
  const sizesOf = createSizes();
  let isStopping = false;
  let unready: string | undefined = 'the first full sync is not linked by every worker yet';

  const names = createExternalNames({
    store,
    log,
    isAddressClosed: deps.isAddressClosed ?? NONE_CLOSED,
    moved: (id) => controller.endpointsMoved(id),
  });
  const pipeline = createPipeline({
    options: options.translation,
    features,
    settingsFlags: { ...options.settings, ticketKeys: [redactBytes(randomBytes(48))] },
    lookUpName: (name) => names.addressesOf(name),
    nowMs: Date.now,
  });
  const listening = Promise.withResolvers<ReadonlyMap<string, number>>();
  const publisher = createPublisher({
    workerCount,
    ready: (port) => supervisor.listen(port),
    report: (message) => log.error({ message }, 'a new worker cannot take in the table of the others'),
  });
  const supervisor = createSupervisor({
    entry: deps.entry,
    workerCount,
    metricsFor: (index) => (options.areRequestsCounted ? metrics.bufferFor(index) : undefined),
    bodies,
    events: createWorkerEvents(log, metrics, publisher, listening),
  });
  // A scrape works out what changed since the last one, and nothing where nothing did.
  let areOrphansKnown = false;
  let reported: { readonly built: Built; readonly isLeader: boolean } | undefined;
  const keysOf = createKeySet<ObjectRef>(objectKey);
  const configHash = createConfigHash();
  let retained: Built['served'] | undefined;
  let retainedAtMs = -Infinity;
  const controller = createController({
    store,
    pipeline,
    sink: publisher,
    async watchReferences(references) {
      const fetched = keySets.watch(references.keySets);
      await Promise.all([source.watchReferences(references), geo.watch(references.geoEditions)]);
      // What is served for the first time waits for its keys; later, the server of one tenant holds nobody up.
      if (unready !== undefined) await fetched;
    },
    watchNames: (upstreams) => names.watch(upstreams),
    nowMs: () => performance.now(),
    observer: {
      built: (built) => observer.built(built),
      applied(built, tookMs, isUnchanged) {
        const { generation } = built.table;
        const about = { generation, ...sizesOf(built), tookMs: Math.round(tookMs) };
        if (isUnchanged) log.debug(about, 'what changed asks for no new table');
        else log.info(about, 'a new table is live');
        const { certificates, settings } = built.table;
        staples.watch(settings.tls.isStapled ? certificates : []);
        if (options.areChainsCompleted) chains.watch(built.model.certificates);
        areOrphansKnown = false;
        metrics.control.configApplied();
        // Whoever follows each table never has to list all of them.
        keysOf(built.served);
        if (performance.now() - retainedAtMs > RETAIN_AFTER_MS) retainServed(built);
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
  const keyFetcher = createKeySetFetcher({ look: (name) => names.look(name) });
  const keySets = createKeySetWatcher({
    fetch: keyFetcher.fetch,
    changed: (url, keySet) => controller.changed(store.setKeySet(url, keySet)),
    nowMs: () => performance.now(),
  });
  const ofCertificates = {
    look: (name: string) => names.look(name),
    isAddressClosed: deps.isResponderClosed ?? NONE_CLOSED,
  };
  /** Tells of certificates by their names. */
  const tellOf = (id: string, problem: string, good: string, bad: string): void => {
    const certificate = controller.live()?.model.certificates.find((one) => id.startsWith(one.id));
    const about = { certificate: id, names: certificate?.facts.names.slice(0, NAMES_LOGGED) };
    if (problem === '') log.info(about, good);
    else log.warn({ ...about, problem }, bad);
  };
  const chainFetcher = createChainFetcher(ofCertificates);
  const chains = createChainWatcher({
    fetch: chainFetcher.fetch,
    changed: (id, missing) => controller.changed(store.setMissingChain(id, missing)),
    failing: (id, problem) =>
      tellOf(id, problem, 'a chain is complete now', 'a chain cannot be completed, and is served as it is'),
  });
  const stapleFetcher = createStapleFetcher({ ...ofCertificates, epochMs: Date.now });
  const staples = createStapleWatcher({
    fetch: stapleFetcher.fetch,
    changed: (id, staple) => controller.changed(store.setStaple(id, staple)),
    failing: (id, problem) =>
      tellOf(
        id,
        problem,
        'a certificate has an OCSP response again',
        'a certificate has no OCSP response to staple',
      ),
    epochMs: Date.now,
    random: Math.random,
  });
  const geo = createGeoWatcher({
    directory: options.geoDirectory,
    changed: (edition, file) => controller.changed(store.setGeoFile(edition, file)),
  });
  const source = deps.createSource((impact, serviceKey) => {
    areOrphansKnown = false;
    controller.changed(impact, serviceKey);
  });

  /** What the last table comes to in metrics, as far as that is not known. */
  function* findContent(built: Built, isLeader: boolean): Generator<undefined, void> {
    if (built !== reported?.built || isLeader !== reported.isLeader) {
      yield* reportCertificates(metrics.control, built, isLeader);
      reported = { built, isLeader };
    }
    if (areOrphansKnown) return;
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

  /** Counters of Ingresses that are gone go, too. */
  function retainServed(built: Built): void {
    retainedAtMs = performance.now();
    if (built.served === retained) return;
    retained = built.served;
    metrics.retainIngresses(keysOf(retained));
  }

  /** Each part has a turn of the event loop of its own. */
  async function metricsNow(): ReturnType<MetricsRegistry['exposition']> {
    metrics.control.setStuckWorkers(supervisor.stuckCount());
    const built = controller.live();
    if (built === undefined) return metrics.exposition();
    retainServed(built);
    await nextTurn();
    metrics.control.setConfigHash(configHash(built));
    await nextTurn();
    return metrics.exposition(findContent(built, deps.isLeader()));
  }

  async function stopFetching(): Promise<void> {
    geo.stop();
    keySets.stop();
    staples.stop();
    chains.stop();
    await Promise.all([keyFetcher.close(), stapleFetcher.close(), chainFetcher.close()]);
  }

  function throwIfStopping(): void {
    if (isStopping) throw new Error('stopped before it was ready');
  }

  return {
    async start() {
      supervisor.start();
      source.start();
      await source.synced;
      // A source that is stopped counts as synced: what it has not read is not to be served as if it were not there.
      throwIfStopping();
      await controller.start();
      const ports = await listening.promise;
      throwIfStopping();
      const live = controller.live();
      if (live === undefined) throw new Error('the first table could not be linked');
      unready = undefined;
      const findings = live.findings.length;
      log.info({ ...sizesOf(live), workers: workerCount, findings }, 'Serin is ready and serves');
      observer.ready(ports);
    },
    problem: () => unready ?? supervisor.problem(),
    live: () => controller.live(),
    endpointsOf: (id) => controller.endpointsOf(id),
    metrics: metricsNow,
    reopenLogs: () => supervisor.reopenLogs(),
    async stop() {
      isStopping = true;
      unready = 'shutting down';
      await sleep(options.graceMs);
      const { drainTimeoutMs } = controller.live()?.table.settings ?? DEFAULT_SETTINGS;
      const longestMs = drainTimeoutMs === 0 ? Infinity : drainTimeoutMs;
      const stopping = observer.stopping(longestMs);
      await waitAtMost(STOPPING_FIRST_MS, stopping);
      const [cut] = await Promise.all([supervisor.drain(longestMs), stopping]);
      log.info({ connectionsCut: cut }, 'all workers have drained');
      await source.stop();
      controller.stop();
      names.stop();
      await stopFetching();
    },
    async terminate() {
      isStopping = true;
      await Promise.all([supervisor.terminate(), source.stop()]);
      names.stop();
      controller.stop();
      await stopFetching();
    },
  };
}

/** What workers say goes to the log, the metrics, and the publisher. */
function createWorkerEvents(
  log: ControlLog,
  metrics: MetricsRegistry,
  publisher: Publisher,
  listening: PromiseWithResolvers<ReadonlyMap<string, number>>,
): SupervisorEvents {
  const addresses = new Map<string, string>();
  let open: ReadonlyMap<string, number> = new Map();
  return {
    started: (port) => publisher.started(port),
    message(port, message) {
      publisher.received(port, message);
      if (message.kind === 'listening') addresses.set(message.name, message.address);
      if (message.kind === 'series') metrics.addSeries(port.index, message.slot, message.labels);
      if (message.kind === 'series-gone') metrics.removeSeries(port.index, message.slots);
      if (message.kind === 'fault') log.error({ worker: port.index, stack: message.stack }, message.message);
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
    listening(ports) {
      for (const [name, port] of ports) {
        if (open.get(name) !== port) log.info({ name, address: addresses.get(name), port }, 'listening');
      }
      for (const name of open.keys()) if (!ports.has(name)) log.info({ name }, 'a port is closed');
      open = new Map(ports);
      listening.resolve(open);
    },
    listenFailed(name, message, of) {
      log.error({ name, problem: message }, 'cannot listen');
      // Somebody's service that cannot be had keeps nobody's Ingress from being served.
      if (of === 'tcp' || of === 'udp') return;
      listening.reject(new Error(`cannot listen for ${name}: ${message}`));
    },
  };
}

/** Tells how much a table holds, for the log. */
function createSizes(): (built: Built) => Readonly<Record<string, number>> {
  const sumRoutes = createSum<HostEntry>(({ routes }) => routes.length);
  return ({ served, table: { hosts, upstreams } }) => ({
    ingresses: served.length,
    hosts: hosts.length,
    routes: sumRoutes(hosts),
    upstreams: upstreams.length,
  });
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

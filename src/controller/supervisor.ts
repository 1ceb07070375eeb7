import { Worker } from 'node:worker_threads';
import { createCounterRoom, releaseShares } from '../table/counter-room.ts';
import { createHeartbeatBuffer, heartbeatOf, type Heartbeat } from '../table/heartbeat.ts';
import type { Listener } from '../model/ports.ts';
import type { BodyRoom, FromWorker, WorkerStart } from '../table/messages.ts';
import type { WorkerPort } from './publish/remote-worker.ts';
import { Watch, WATCHDOG_LIMITS, type WatchdogLimits } from './watchdog.ts';

export interface SupervisorDeps {
  /** Module that a worker thread runs. */
  readonly entry: URL;
  readonly workerCount: number;
  /** Counters for a worker: one buffer per life of a worker; none where none are reported. */
  readonly metricsFor: (index: number) => SharedArrayBuffer | undefined;
  readonly bodies: BodyRoom;
  readonly events: SupervisorEvents;
  /** How long an event loop may stand still; WATCHDOG_LIMITS unless told otherwise. */
  readonly watchdog?: WatchdogLimits;
}

export interface SupervisorEvents {
  /** A worker thread runs and may be sent the table; it listens after it has acknowledged one. */
  started(port: WorkerPort): void;
  message(port: WorkerPort, message: FromWorker): void;
  /** A worker ended without being asked; another is on its way. */
  died(port: WorkerPort, reason: string): void;
  /** The event loop of a worker stands still; with `isLinking` in a table that it takes in. */
  stuck?(port: WorkerPort, isLinking: boolean): void;
  /** It turns again. */
  recovered?(port: WorkerPort): void;
  /** Every worker accepts. `ports` are the real ones, by listener; told again when a table brings or takes any. */
  listening(ports: ReadonlyMap<string, number>): void;
  listenFailed(name: string, message: string, of: Listener['kind']): void;
}

/** Keeps the worker threads alive: starts them, replaces the dead and the stuck, has them listen on the same ports, drains them. */
export interface Supervisor {
  start(): void;
  /** Lets a worker accept: call it when the worker has acknowledged its first table. */
  listen(port: WorkerPort): void;
  /** Has all workers open the files of their logs anew. */
  reopenLogs(): void;
  /** Why not all workers serve at the moment; undefined when none is stuck. */
  problem(): string | undefined;
  /** Workers whose event loop stands still. */
  stuckCount(): number;
  /** Closes the ports of all workers, then drains them; resolves when each has ended, with the connections that had to be cut. */
  drain(timeoutMs: number): Promise<number>;
  /** Ends all workers at once. */
  terminate(): Promise<void>;
}

interface Live {
  readonly port: WorkerPort;
  readonly worker: Worker;
  readonly heartbeat: Heartbeat;
  readonly startedAtMs: number;
  /** Undefined until it has said that it runs. */
  watch: Watch | undefined;
  isListening: boolean;
  isAccepting: boolean;
  isStuck: boolean;
  /** Why it was ended from here. */
  verdict: string | undefined;
  onEnd: (() => void) | undefined;
  restarts: number;
}

const RESTART_DELAY_MS = 50;
const RESTART_DELAY_MAX_MS = 5_000;
/** A worker that lived this long has earned an immediate restart. */
const HEALTHY_LIFE_MS = 10_000;
/** A thread that does not end in this time hangs in the kernel: it is left behind, and its place is taken. */
const ABANDON_MS = 5_000;
/** How long the others wait for a worker to close its ports. */
const UNLISTEN_MS = 2_000;
/** A drain without bound still has one that a timer can count, 24 days. */
const MAX_DRAIN_MS = 2_147_000_000;

export function createSupervisor(deps: SupervisorDeps): Supervisor {
  const lives = new Map<number, Live>();
  const ports = new Map<string, number>();
  const restartTimers = new Set<NodeJS.Timeout>();
  let isStopping = false;
  let isAnnounced = false;
  /** Workers that wait for the first one to find out the ports. */
  const waiting: Live[] = [];
  let firstListener: Live | undefined;
  const limits = deps.watchdog ?? WATCHDOG_LIMITS;
  let watching: NodeJS.Timeout | undefined;
  /** Threads that were ended and go on nonetheless. */
  const abandoned = new Set<Live>();
  const counters = createCounterRoom(deps.workerCount);

  function startListening(live: Live): void {
    live.isListening = true;
    live.port.post({ kind: 'listen', ports });
  }

  function announce(): void {
    if (lives.size < deps.workerCount) return;
    for (const live of lives.values()) if (!live.isAccepting) return;
    isAnnounced = true;
    deps.events.listening(ports);
  }

  /** Port 0 is resolved by the first worker that opens it; the others then share what it was given. */
  function noteListening(live: Live, name: string, port: number): void {
    if (ports.get(name) === port) return;
    ports.set(name, port);
    for (const other of lives.values()) if (other !== live && other.isAccepting) startListening(other);
    if (isAnnounced) deps.events.listening(ports);
  }

  function onMessage(live: Live, message: FromWorker): void {
    // Whoever is told that all listen knows then where.
    deps.events.message(live.port, message);
    if (message.kind === 'listening') noteListening(live, message.name, message.port);
    if (message.kind === 'closed' && ports.delete(message.name)) deps.events.listening(ports);
    if (message.kind === 'listen-failed') deps.events.listenFailed(message.name, message.message, message.of);
    if (message.kind === 'accepting' && !live.isAccepting) {
      live.isAccepting = true;
      for (const other of waiting.splice(0)) startListening(other);
      if (!isAnnounced) announce();
    }
    if (message.kind === 'started') {
      live.watch = new Watch(live.heartbeat, limits, performance.now());
      deps.events.started(live.port);
    }
  }

  function spawn(index: number, restarts: number): void {
    const heartbeat = createHeartbeatBuffer();
    const start: WorkerStart = {
      role: 'serin-worker',
      index,
      metrics: deps.metricsFor(index),
      heartbeat,
      bodies: deps.bodies,
      counters,
    };
    const worker = new Worker(deps.entry, {
      workerData: start,
      name: `serin-worker-${index}`,
    });
    const port: WorkerPort = { index, post: (message) => worker.postMessage(message) };
    const live: Live = {
      port,
      worker,
      heartbeat: heartbeatOf(heartbeat),
      watch: undefined,
      isListening: false,
      isAccepting: false,
      isStuck: false,
      verdict: undefined,
      onEnd: undefined,
      restarts,
      startedAtMs: Date.now(),
    };
    lives.set(index, live);
    let reason = '';
    worker.on('message', (message: FromWorker) => onMessage(live, message));
    worker.on('error', (error: Error) => {
      reason = error.stack ?? String(error);
    });
    worker.on('exit', (code) => {
      if (!abandoned.delete(live)) end(live, live.verdict ?? (reason || `exit code ${code}`));
    });
  }

  /** A life is over: another takes its place, unless all are to end. */
  function end(live: Live, reason: string): void {
    const { port, restarts, startedAtMs } = live;
    const { index } = port;
    live.watch = undefined;
    live.isStuck = false;
    if (lives.get(index) === live) lives.delete(index);
    if (firstListener === live && !live.isAccepting) firstListener = undefined;
    live.onEnd?.();
    if (isStopping) return;
    releaseShares(counters, index);
    deps.events.died(port, reason);
    const next = Date.now() - startedAtMs > HEALTHY_LIFE_MS ? 0 : restarts + 1;
    const delayMs = next === 0 ? 0 : Math.min(RESTART_DELAY_MS * 2 ** (next - 1), RESTART_DELAY_MAX_MS);
    const timer = setTimeout(() => {
      restartTimers.delete(timer);
      spawn(index, next);
    }, delayMs);
    restartTimers.add(timer);
  }

  function watchAll(): void {
    for (const live of lives.values()) {
      const { watch, port } = live;
      if (watch === undefined || live.verdict !== undefined) continue;
      const verdict = watch.check(performance.now());
      const isStuck = verdict !== 'turns';
      if (isStuck !== live.isStuck) {
        live.isStuck = isStuck;
        if (isStuck) deps.events.stuck?.(port, watch.heartbeat.isLinking);
        else deps.events.recovered?.(port);
      }
      if (verdict !== 'hopeless') continue;
      live.verdict = `its event loop stood still for ${Math.round(watch.stillMs / 1_000)} s`;
      void live.worker.terminate();
      setTimeout(() => {
        if (lives.get(port.index) !== live) return;
        abandoned.add(live);
        end(live, `${live.verdict}, and it cannot be ended`);
      }, ABANDON_MS).unref();
    }
  }

  function stopRestarts(): void {
    isStopping = true;
    for (const timer of restartTimers) clearTimeout(timer);
    restartTimers.clear();
  }

  /** Resolves when the worker has closed its ports, or takes too long to. */
  function unlisten({ worker, port }: Live): Promise<void> {
    return new Promise((resolve) => {
      const bound = setTimeout(resolve, UNLISTEN_MS);
      const finish = () => {
        clearTimeout(bound);
        resolve();
      };
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'unlistened') finish();
      });
      worker.on('exit', finish);
      port.post({ kind: 'unlisten' });
    });
  }

  return {
    start() {
      for (let index = 0; index < deps.workerCount; index++) spawn(index, 0);
      watching = setInterval(watchAll, limits.checkMs);
    },
    listen(port) {
      const live = lives.get(port.index);
      if (isStopping) return;
      if (live === undefined || live.port !== port || live.isListening || waiting.includes(live)) return;
      if (firstListener?.isAccepting === true) return startListening(live);
      if (firstListener === undefined) {
        firstListener = live;
        startListening(live);
      } else {
        waiting.push(live);
      }
    },
    reopenLogs() {
      for (const { port } of lives.values()) port.post({ kind: 'reopen-logs' });
    },
    problem() {
      const stuck = [...lives.values()].find(({ isStuck }) => isStuck);
      if (stuck !== undefined) {
        const seconds = Math.round((stuck.watch?.stillMs ?? limits.replaceMs) / 1_000);
        return `the event loop of worker ${stuck.port.index} stands still since ${seconds} s`;
      }
      return abandoned.size === 0 ? undefined : 'a worker whose event loop stands still cannot be ended';
    },
    stuckCount: () => [...lives.values()].filter(({ isStuck }) => isStuck).length + abandoned.size,
    async drain(longestMs) {
      stopRestarts();
      const timeoutMs = Math.min(longestMs, MAX_DRAIN_MS);
      // First all ports: a client whose connection one worker ends shall not come to another that is about to close its port.
      await Promise.all([...lives.values()].map(unlisten));
      let cut = 0;
      await Promise.all(
        [...lives.values()].map(
          (live) =>
            new Promise<void>((resolve) => {
              const bound = setTimeout(() => void live.worker.terminate(), timeoutMs + 1_000);
              live.worker.on('message', (message: FromWorker) => {
                if (message.kind === 'drained') {
                  cut += message.connectionsCut;
                  void live.worker.terminate();
                }
              });
              live.onEnd = () => {
                clearTimeout(bound);
                resolve();
              };
              live.port.post({ kind: 'drain', timeoutMs });
            }),
        ),
      );
      clearInterval(watching);
      return cut;
    },
    async terminate() {
      stopRestarts();
      clearInterval(watching);
      await Promise.all([...lives.values()].map((live) => live.worker.terminate()));
    },
  };
}

import { createHash } from 'node:crypto';
import type { EventNote, EventSink, EventSubject } from '../report/event-sink.ts';
import { KubeError, isKubeError, type KubeClient } from './client.ts';
import type { KubeObject } from './kube-object.ts';
import { EVENTS } from './resources.ts';
import { createBackoff, sleep, type Timing } from './timing.ts';

export interface EventRecorderDeps {
  readonly client: KubeClient;
  readonly timing: Timing;
  /** `nginx-ingress-controller`, as dashboards know it. */
  readonly component: string;
  /** Name of the Pod. */
  readonly instance: string;
  readonly observer: EventRecorderObserver;
  /** Bounds what Events may cost the API server. */
  readonly perSecond?: number;
}

export interface EventRecorderObserver {
  /** An Event was not written: the queue is full, the object is too noisy, or the server refuses it. */
  dropped(note: EventNote, reason: string): void;
  /** The server does not take Events at the moment; told once until it does again. */
  failed(error: unknown): void;
}

/**
 * Writes core/v1 Events as client-go's recorder does: the same Event again only counts up, a noisy object is muted. What is lasting has one Event, whose name
 * follows from what it says.
 */
export interface EventRecorder extends EventSink {
  /** Resolves when all Events so far are written or dropped, or after `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>;
  /** Drops what is left. */
  stop(): Promise<void>;
}

interface Pending {
  readonly key: string;
  readonly note: EventNote;
  readonly firstMs: number;
  lastMs: number;
  times: number;
}

interface Written {
  readonly name: string;
  readonly namespace: string;
  /** Undefined of one that was there before. */
  count: number | undefined;
}

interface Bucket {
  tokens: number;
  filledMs: number;
}

const PER_SECOND = 50;
const QUEUE_MAX = 5_000;
const CACHE_MAX = 4_096;
/** client-go's spam filter: so many Events about one object at once, then one every five minutes. */
const BURST_PER_OBJECT = 25;
const REFILL_MS = 300_000;
const MESSAGE_MAX = 1_024;
const NAME_MAX = 230;

export function createEventRecorder(deps: EventRecorderDeps): EventRecorder {
  const { client, timing, component, instance, observer } = deps;
  const pauseMs = 1_000 / (deps.perSecond ?? PER_SECOND);
  /** Warnings leave first: a start with many Ingresses must not hold them back behind its Syncs. */
  const queues = { Warning: new Map<string, Pending>(), Normal: new Map<string, Pending>() };
  const written = new Map<string, Written>();
  const buckets = new Map<string, Bucket>();
  const stopping = new AbortController();
  const idle: (() => void)[] = [];
  let running: Promise<void> | undefined;
  let hasFailed = false;
  let sequence = 0;

  function isNoisy({ subject, type }: EventNote): boolean {
    const key = `${type} ${keyOfSubject(subject)}`;
    const nowMs = timing.elapsedMs();
    const bucket = buckets.get(key) ?? { tokens: BURST_PER_OBJECT, filledMs: nowMs };
    const refill = Math.floor((nowMs - bucket.filledMs) / REFILL_MS);
    if (refill > 0) {
      bucket.tokens = Math.min(BURST_PER_OBJECT, bucket.tokens + refill);
      bucket.filledMs += refill * REFILL_MS;
    }
    remember(buckets, key, bucket);
    if (bucket.tokens === 0) return true;
    bucket.tokens--;
    return false;
  }

  function record(note: EventNote): void {
    if (stopping.signal.aborted) return;
    const key = `${keyOfSubject(note.subject)} ${note.type} ${note.reason} ${note.message}`;
    if (note.lasting === 'standing' && written.has(key)) return;
    if (isNoisy(note)) return observer.dropped(note, 'too many Events about this object');
    const queue = queues[note.type];
    const nowMs = timing.nowMs();
    // What was there before is written where it is not, and is no new time.
    const times = note.lasting === 'standing' ? 0 : 1;
    const same = queue.get(key);
    if (same !== undefined) {
      same.times += times;
      same.lastMs = nowMs;
      return;
    }
    if (queue.size >= QUEUE_MAX) return observer.dropped(note, 'too many Events are waiting');
    queue.set(key, { key, note, firstMs: nowMs, lastMs: nowMs, times });
    running ??= drain().finally(() => {
      running = undefined;
      for (const resolve of idle.splice(0)) resolve();
    });
  }

  async function drain(): Promise<void> {
    // What is recorded in the same turn is counted together.
    await Promise.resolve();
    const backoff = createBackoff({ firstMs: 500, capMs: 10_000 }, timing);
    while (!stopping.signal.aborted) {
      const [pending] = queues.Warning.size > 0 ? queues.Warning.values() : queues.Normal.values();
      if (pending === undefined) return;
      const { times } = pending;
      try {
        await write(pending, times);
        hasFailed = false;
        backoff.reset();
      } catch (error) {
        if (stopping.signal.aborted) return;
        if (isTransient(error)) {
          if (!hasFailed) observer.failed(error);
          hasFailed = true;
          await sleep(timing, backoff.nextMs(), stopping.signal);
          continue;
        }
        observer.dropped(pending.note, (error as Error).message);
      }
      pending.times -= times;
      if (pending.times === 0) queues[pending.note.type].delete(pending.key);
      await sleep(timing, pauseMs, stopping.signal);
    }
  }

  async function write(pending: Pending, times: number): Promise<void> {
    const { key, note } = pending;
    const before = written.get(key);
    if (before !== undefined && times === 0) return;
    if (before !== undefined && (await countUp(before, pending, times))) {
      remember(written, key, before);
      return;
    }
    written.delete(key);
    const { subject, lasting } = note;
    // Events about cluster-scoped objects live in `default`.
    const namespace = subject.namespace === '' ? 'default' : subject.namespace;
    const name = `${subject.name.slice(0, NAME_MAX)}.${lasting === undefined ? uniqueOf(pending) : digestOf(key)}`;
    const event = {
      metadata: { name, namespace },
      involvedObject: subject,
      type: note.type,
      reason: note.reason,
      message: note.message.slice(0, MESSAGE_MAX),
      source: { component },
      reportingComponent: component,
      reportingInstance: instance,
      firstTimestamp: toTime(pending.firstMs),
      lastTimestamp: toTime(pending.lastMs),
      count: Math.max(times, 1),
    };
    try {
      await client.create(EVENTS, namespace, event, stopping.signal);
      remember(written, key, { name, namespace, count: event.count });
    } catch (error) {
      if (lasting === undefined || !isKubeError(error, 409)) throw error;
      // Another replica wrote it, or this one in an earlier life.
      const there: Written = { name, namespace, count: undefined };
      if (times > 0) await countUp(there, pending, times);
      remember(written, key, there);
    }
  }

  /** Counts an Event up; false when it is there no more. */
  async function countUp(event: Written, { lastMs }: Pending, times: number): Promise<boolean> {
    const lastTimestamp = toTime(lastMs);
    try {
      // Events may be changed and not read: what a change answers is the way to read one.
      event.count ??= countOf(await client.patch(EVENTS, event, { lastTimestamp }, stopping.signal));
      const count = event.count + times;
      await client.patch(EVENTS, event, { count, lastTimestamp }, stopping.signal);
      event.count = count;
      return true;
    } catch (error) {
      // Events live for an hour; then they start anew.
      if (!isKubeError(error, 404)) throw error;
      return false;
    }
  }

  function uniqueOf({ firstMs }: Pending): string {
    return `${Math.trunc(firstMs).toString(16)}${(sequence++ & 0xffff).toString(16).padStart(4, '0')}`;
  }

  return {
    record,
    async flush(timeoutMs) {
      if (running === undefined) return;
      const bound = new AbortController();
      const drained = new Promise<void>((resolve) => void idle.push(resolve));
      await Promise.race([drained, sleep(timing, timeoutMs, bound.signal)]);
      bound.abort();
    },
    async stop() {
      stopping.abort(new Error('stopping'));
      await running;
    },
  };
}

/** Takes Events and writes none. */
export function createSilentRecorder(): EventRecorder {
  return { record() {}, flush: async () => {}, stop: async () => {} };
}

/** True when the same Event may be taken later. */
function isTransient(error: unknown): boolean {
  return !(error instanceof KubeError) || error.status === 429 || error.status >= 500 || error.status === 401;
}

/** What tells one lasting matter from all others, whoever writes of it. */
function digestOf(key: string): string {
  return createHash('sha256').update(key).digest('hex').slice(0, 16);
}

function countOf({ count }: KubeObject): number {
  return typeof count === 'number' ? count : 1;
}

function keyOfSubject({ kind, namespace, name, uid }: EventSubject): string {
  return `${kind} ${namespace}/${name} ${uid}`;
}

/** Keeps the newest entries only. */
function remember<V>(cache: Map<string, V>, key: string, value: V): void {
  cache.delete(key);
  cache.set(key, value);
  if (cache.size > CACHE_MAX) {
    const [oldest] = cache.keys();
    if (oldest !== undefined) cache.delete(oldest);
  }
}

/** The API's Time: RFC 3339 without decimals. */
function toTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

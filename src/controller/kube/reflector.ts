import { KubeError, isKubeError, type KubeClient, type Scope } from './client.ts';
import type { KubeObject } from './kube-object.ts';
import type { Resource } from './resources.ts';
import { createBackoff, sleep, type Timing } from './timing.ts';
import type { WatchEvent } from './watch-events.ts';

/** Where a reflector puts what it sees. */
export interface ReflectorSink<Page> {
  /** What it keeps of one page of a list, until all have come. */
  page(objects: readonly KubeObject[]): Page;
  /** All there is now, after a list: what is in none of its pages is gone. Nothing else comes until it is done. */
  replace(pages: readonly Page[]): void | Promise<void>;
  set(object: KubeObject): void;
  delete(object: KubeObject): void;
  /**
   * The account may not list this; or may again. Only before the first list has succeeded. Absent where nothing can be
   * done without it: then `settled` waits until it is allowed.
   */
  readonly forbidden?: (isForbidden: boolean) => void;
}

export interface ReflectorObserver {
  /** A list or watch failed and is tried again after `delayMs`. `failures` counts since the last success. */
  failed(resource: Resource, failure: ReflectorFailure): void;
  /** It works again after one or more failures. */
  recovered(resource: Resource): void;
}

export interface ReflectorFailure {
  readonly step: 'list' | 'watch';
  readonly error: unknown;
  readonly failures: number;
  readonly delayMs: number;
}

export interface ReflectorOptions {
  /** Objects per page of a list. */
  readonly pageSize?: number;
  readonly backoffFirstMs?: number;
  /** Bounds how late a returned API server is noticed. */
  readonly backoffCapMs?: number;
  /** A watch that is silent for this long is cut and resumed. Servers send a bookmark about once a minute. */
  readonly stallMs?: number;
  /** The server is asked to end a watch after this time, plus up to half of it. */
  readonly watchSeconds?: number;
  /** Pause between tries while the account is not allowed to list; reached in steps from a hundredth of it. */
  readonly forbiddenRetryMs?: number;
}

export interface ReflectorDeps<Page> {
  readonly client: KubeClient;
  readonly resource: Resource;
  readonly scope: Scope;
  readonly sink: ReflectorSink<Page>;
  readonly observer: ReflectorObserver;
  readonly timing: Timing;
  readonly options?: ReflectorOptions;
}

/** Follows the objects of one kind in one scope: list, then watch from there, for ever. */
export interface Reflector {
  start(): void;
  /** Resolves when the first list is in the sink, when the sink was told that listing is forbidden, or on stop. */
  readonly settled: Promise<void>;
  /** Cuts what is open; resolves when nothing reaches the sink any more. */
  stop(): Promise<void>;
}

const DEFAULTS: Required<ReflectorOptions> = {
  pageSize: 500,
  backoffFirstMs: 100,
  backoffCapMs: 3_000,
  stallMs: 75_000,
  watchSeconds: 240,
  forbiddenRetryMs: 30_000,
};
const PAGE_SIZE_MIN = 50;
const RETRY_AFTER_MAX_MS = 10_000;
/** An API server that is starting refuses everything until its own RBAC cache is full: believe the third refusal. */
const REFUSALS_TO_BELIEVE = 3;
/** Watches that fail this often in a row without an event between them start over with a list. */
const WATCH_FAILURES_TO_RELIST = 10;
/** A watch that ends sooner than this, without an event, counts as a failure: else it would be retried in a tight loop. */
const SHORT_WATCH_MS = 1_000;

export function createReflector<Page>(deps: ReflectorDeps<Page>): Reflector {
  const { client, resource, scope, sink, observer, timing } = deps;
  const options = { ...DEFAULTS, ...deps.options };
  const backoff = createBackoff({ firstMs: options.backoffFirstMs, capMs: options.backoffCapMs }, timing);
  const forbiddenBackoff = createBackoff(
    { firstMs: options.forbiddenRetryMs / 100, capMs: options.forbiddenRetryMs },
    timing,
  );
  const stopping = new AbortController();
  const settled = Promise.withResolvers<void>();
  let running: Promise<void> | undefined;
  /** The resourceVersion to go on from; undefined asks for a list. */
  let position: string | undefined;
  let hasListed = false;
  let isForbidden = false;
  let failures = 0;
  let refusals = 0;
  let pageSize = options.pageSize;
  let expiredPages = 0;

  function succeeded(): void {
    backoff.reset();
    if (failures > 0) observer.recovered(resource);
    failures = 0;
    refusals = 0;
  }

  async function list(): Promise<void> {
    const pages: Page[] = [];
    let continueToken = '';
    let version = '';
    // A server that drops the rest of a list too early is asked for all of it at once.
    const limit = expiredPages > 1 ? undefined : pageSize;
    do {
      const page = await client.list(resource, { ...scope, limit, continueToken }, stopping.signal);
      pages.push(sink.page(page.items));
      continueToken = page.continueToken;
      version = page.resourceVersion;
    } while (continueToken !== '');
    if (stopping.signal.aborted) return;
    pageSize = options.pageSize;
    expiredPages = 0;
    if (isForbidden) sink.forbidden?.(false);
    isForbidden = false;
    await sink.replace(pages);
    position = version;
    hasListed = true;
    settled.resolve();
    succeeded();
  }

  /** Watches until the server ends it; throws when it breaks. */
  async function watch(from: string): Promise<void> {
    const cut = new AbortController();
    const onStop = () => cut.abort(stopping.signal.reason);
    stopping.signal.addEventListener('abort', onStop);
    let cancelStall: (() => void) | undefined;
    const heard = () => {
      cancelStall?.();
      cancelStall = timing.after(options.stallMs, () =>
        cut.abort(new Error(`the watch was silent for ${options.stallMs} ms`)),
      );
    };
    const startedMs = timing.elapsedMs();
    let events = 0;
    try {
      heard();
      const timeoutSeconds = Math.ceil(options.watchSeconds * (1 + timing.random() / 2));
      const stream = await client.watch(
        resource,
        { ...scope, resourceVersion: from, timeoutSeconds },
        cut.signal,
      );
      for await (const event of stream) {
        if (stopping.signal.aborted) return;
        heard();
        take(event);
        if (events++ === 0) succeeded();
      }
    } catch (error) {
      // What is thrown on an abort may hide who asked for it.
      throw cut.signal.aborted && !(error instanceof KubeError) ? cut.signal.reason : error;
    } finally {
      cancelStall?.();
      stopping.signal.removeEventListener('abort', onStop);
      // Frees the connection where a throw left the body unread.
      cut.abort();
    }
    if (events === 0 && timing.elapsedMs() - startedMs < SHORT_WATCH_MS) {
      throw new Error('the server ended the watch at once');
    }
    succeeded();
  }

  function take(event: WatchEvent): void {
    if (event.type === 'ERROR') {
      throw new KubeError(event.status.code, event.status.reason, event.status.message);
    }
    if (event.type === 'DELETED') sink.delete(event.object);
    else if (event.type !== 'BOOKMARK') sink.set(event.object);
    position = event.object.metadata.resourceVersion ?? position;
  }

  /** Decides how to go on after a failure; answers how long to wait before. */
  function failed(step: 'list' | 'watch', error: unknown): number {
    failures++;
    let delayMs = backoff.nextMs();
    if (error instanceof KubeError) {
      delayMs = Math.max(delayMs, Math.min(error.retryAfterMs, RETRY_AFTER_MAX_MS));
    } else if (step === 'list') {
      // Perhaps the page takes the server too long.
      pageSize = Math.max(PAGE_SIZE_MIN, Math.floor(pageSize / 2));
    }
    if (isPositionLost(error)) {
      if (step === 'list') expiredPages++;
      position = undefined;
    } else if (step === 'watch' && failures >= WATCH_FAILURES_TO_RELIST) position = undefined;
    // Once something has been listed, a refusal never empties the store: what is known stays served.
    const isRefused = !hasListed && isKubeError(error, 403) && ++refusals >= REFUSALS_TO_BELIEVE;
    if (isRefused && sink.forbidden !== undefined) {
      if (!isForbidden) sink.forbidden(true);
      isForbidden = true;
      settled.resolve();
      delayMs = forbiddenBackoff.nextMs();
    }
    return delayMs;
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const step = position === undefined ? 'list' : 'watch';
      try {
        if (position === undefined) await list();
        else await watch(position);
      } catch (error) {
        if (stopping.signal.aborted) break;
        const wasForbidden = isForbidden;
        const delayMs = failed(step, error);
        if (!wasForbidden) observer.failed(resource, { step, error, failures, delayMs });
        await sleep(timing, delayMs, stopping.signal);
      }
    }
  }

  return {
    settled: settled.promise,
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort(new Error('stopping'));
      settled.resolve();
      await running;
    },
  };
}

/** True when the server no longer has, or does not have yet, the state to go on from. */
function isPositionLost(error: unknown): boolean {
  if (!(error instanceof KubeError)) return false;
  if (error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone') return true;
  // After the restore of an older etcd backup the server's versions are behind ours.
  return error.message.includes('Too large resource version');
}

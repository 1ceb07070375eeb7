import { randomBytes } from 'node:crypto';
import type { BodyTap } from '../../features/kit/body.ts';
import type { Copy, CopyTarget } from '../../features/kit/copier.ts';
import type { Copier, ExchangeWatcher, RequestView } from '../../features/kit/filter.ts';
import { Timer, type TimerOwner, type Timers } from '../../lib/timer-wheel.ts';
import type { CopyCounters } from '../../observe/sinks.ts';
import { headerLine, joinLines, parsedLines, requestTarget, UnsafeText } from '../message/head-text.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import type { Pools } from '../upstream/pools.ts';
import type { UpstreamHandler, UpstreamRequest, UpstreamStream } from '../upstream/stream.ts';
import type { Endpoint, PickState, Upstream } from '../upstream/upstream.ts';
import { plainWire, tlsWire, type WireKey } from '../upstream/wire-key.ts';
import { outcomeOf } from './try-outcome.ts';

export interface CopiesDeps {
  readonly pools: Pools;
  readonly timers: Timers;
  readonly now: () => number;
  readonly upstreamOf: (id: string) => Upstream;
  readonly counters: CopyCounters;
  report(fault: unknown): void;
}

/** Of one worker: copies that wait for an answer, and what all of them hold of bodies. */
const MAX_UNDER_WAY = 128;
const MAX_HELD_BYTES = 33_554_432;
const MAX_BODY_BYTES = 1_048_576;
/** From sending to the end of the answer. */
const TIMEOUT_MS = 60_000;
const MAX_ANSWER_HEAD_BYTES = 65_536;
/** What is read of an answer, so that the connection can be used again. */
const MAX_DRAINED_BYTES = 65_536;

const NO_PARTS: readonly Buffer[] = [];
const NOTHING = Buffer.alloc(0);

/** Tells a copy: of each route that made it a line. */
const MARK_HEADER = 'X-Serin-Copied';

/** What copies of one route have in common. */
interface CopyKind {
  readonly target: CopyTarget;
  readonly wire: WireKey;
  /** Nobody knows it but who gets the copies. */
  readonly mark: string;
}

/** Copies of requests, sent beside exchanges over the pools of traffic. */
export class Copies {
  readonly deps: CopiesDeps;
  underWay = 0;
  heldBytes = 0;

  constructor(deps: CopiesDeps) {
    this.deps = deps;
  }

  create(target: CopyTarget): Copier {
    const wire = target.tls === undefined ? plainWire('http/1.1') : tlsWire('http/1.1', target.tls);
    const mark = randomBytes(8).toString('hex');
    return { take: (request) => this.#take({ target, wire, mark }, request) };
  }

  #take(kind: CopyKind, request: RequestView): Copy | undefined {
    // A copy that came back to where it was made would be copied for ever.
    if (request.header(MARK_HEADER.toLowerCase())?.includes(kind.mark) === true) return undefined;
    if (this.underWay >= MAX_UNDER_WAY || this.heldBytes >= MAX_HELD_BYTES) {
      this.deps.counters.dropped();
      return undefined;
    }
    return new RequestCopy(this, kind, request);
  }
}

/** One request, copied while its exchange reads it and sent by itself. */
class RequestCopy implements Copy, BodyTap, ExchangeWatcher, UpstreamHandler, TimerOwner, PickState {
  readonly tried: Endpoint[] = [];
  setCookie: string | undefined = undefined;
  readonly cookiePath = '';
  readonly hostName = '';
  readonly isAffinityAsked = false;
  readonly affinity: PickState['affinity'] = undefined;
  readonly #copies: Copies;
  readonly #kind: CopyKind;
  readonly #timer: Timer;
  /** Undefined once nothing more is wanted of it. */
  #request: RequestView | undefined;
  #body = NOTHING;
  #length = 0;
  #isBodyDue: boolean;
  #head: UpstreamRequest | undefined = undefined;
  #endpoint: Endpoint | undefined = undefined;
  #stream: UpstreamStream | undefined = undefined;
  #startedAtMs = 0;
  #isFresh = false;
  #drainedBytes = 0;
  #isOver = false;

  constructor(copies: Copies, kind: CopyKind, request: RequestView) {
    this.#copies = copies;
    this.#kind = kind;
    this.#timer = new Timer(this);
    this.#request = request;
    this.#isBodyDue = kind.target.hasBody && request.hasBody;
    request.watch(this);
    if (this.#isBodyDue) request.tapBody(this);
  }

  send(): void {
    const request = this.#request;
    if (request === undefined || this.#head !== undefined) return;
    try {
      this.#head = headOf(this.#kind, request);
    } catch (fault) {
      if (!(fault instanceof UnsafeText)) this.#copies.deps.report(fault);
      this.#drop();
      return;
    }
    if (!this.#isBodyDue) this.#start(request);
  }

  onBodyData(buffer: Buffer, start: number, end: number): void {
    if (this.#request === undefined) return;
    const length = this.#length + end - start;
    if (length > MAX_BODY_BYTES) return this.#drop();
    if (length > this.#body.length) {
      const size = Math.max(length, Math.min(2 * this.#body.length, MAX_BODY_BYTES));
      const more = size - this.#body.length;
      if (this.#copies.heldBytes + more > MAX_HELD_BYTES) return this.#drop();
      this.#copies.heldBytes += more;
      const body = Buffer.allocUnsafe(size);
      this.#body.copy(body, 0, 0, this.#length);
      this.#body = body;
    }
    buffer.copy(this.#body, this.#length, start, end);
    this.#length = length;
  }

  onBodyEnd(): void {
    this.#isBodyDue = false;
    if (this.#request !== undefined && this.#head !== undefined) this.#start(this.#request);
  }

  /** Denied, refused, or its client gone before all of it had come: there is nothing to copy. */
  onExchangeOver(): void {
    this.#request = undefined;
    this.#letGo();
  }

  onTimer(): void {
    this.#fail('read_timeout');
  }

  onUpstreamReady(): void {
    this.#send();
  }

  onInterimHead(): void {}
  onResponseHead(): void {}

  /** No other protocol was asked for. */
  onTunnel(): void {
    this.#fail('upstream_malformed');
  }

  onResponseBody(_buffer: Buffer, start: number, end: number): void {
    this.#drainedBytes += end - start;
    if (this.#drainedBytes > MAX_DRAINED_BYTES) this.#succeed();
  }

  onReadDone(): void {}

  isReadBufferFree(): boolean {
    return true;
  }

  onResponseEnd(): void {
    this.#stream = undefined;
    this.#succeed();
  }

  onUpstreamFailed(code: ProxyErrorCode): void {
    const isStale = this.#stream?.isStale === true;
    this.#stream = undefined;
    if (isStale && !this.#isFresh) {
      this.#isFresh = true;
      this.#acquire(this.#endpoint!);
    } else {
      this.#fail(code);
    }
  }

  onUpstreamDrain(): void {}
  onTunnelData(): void {}
  onTunnelEnd(): void {}

  /** Whatever fails is the copy's affair, and not the exchange's. */
  #start(request: RequestView): void {
    const copies = this.#copies;
    const { upstreamOf, timers, now, counters, report } = copies.deps;
    // Others may have left since it was taken.
    if (copies.underWay >= MAX_UNDER_WAY) return this.#drop();
    request.unwatch(this);
    this.#request = undefined;
    try {
      const endpoint = upstreamOf(this.#kind.target.upstreamId).pick(request, this);
      if (endpoint === undefined) {
        counters.failed();
        this.#letGo();
        return;
      }
      endpoint.started();
      this.#endpoint = endpoint;
      this.#startedAtMs = now();
      copies.underWay++;
      timers.arm(this.#timer, TIMEOUT_MS);
      this.#acquire(endpoint);
    } catch (fault) {
      report(fault);
      if (this.#endpoint === undefined) this.#letGo();
      else this.#fail('internal');
    }
  }

  #acquire(endpoint: Endpoint): void {
    const pool = this.#copies.deps.pools.poolOf(endpoint, this.#kind.wire);
    const stream = pool.acquire(this, this.#isFresh, TIMEOUT_MS);
    this.#stream = stream;
    if (stream.isReady) this.#send();
  }

  #send(): void {
    const stream = this.#stream!;
    const length = this.#length;
    const head = this.#head!;
    stream.sendHead(head.hasBody ? { ...head, contentLength: length } : head);
    stream.send(length === 0 ? NO_PARTS : [this.#body.subarray(0, length)], length, true);
  }

  #succeed(): void {
    if (this.#isOver) return;
    this.#copies.deps.counters.answered();
    this.#finish('ok');
  }

  #fail(code: ProxyErrorCode): void {
    if (this.#isOver) return;
    this.#copies.deps.counters.failed();
    this.#finish(outcomeOf(code));
  }

  #finish(outcome: ReturnType<typeof outcomeOf> | 'ok'): void {
    const { deps } = this.#copies;
    this.#isOver = true;
    this.#copies.underWay--;
    deps.timers.cancel(this.#timer);
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.reset();
    this.#endpoint!.finished(outcome, deps.now() - this.#startedAtMs);
    this.#letGo();
  }

  #drop(): void {
    this.#copies.deps.counters.dropped();
    this.#request?.unwatch(this);
    this.#request = undefined;
    this.#letGo();
  }

  #letGo(): void {
    this.#copies.heldBytes -= this.#body.length;
    this.#body = NOTHING;
    this.#length = 0;
  }
}

/** The client's head with another target and Host, without what only checks may say, and the mark. Throws UnsafeText. */
function headOf(
  { target: { target, host, hasBody }, mark }: CopyKind,
  request: RequestView,
): UpstreamRequest {
  const passed = joinLines(
    headerLine('Host', host(request)),
    parsedLines(request.passedLines(request.withheldHeaders)),
  );
  const lines = joinLines(passed, headerLine(MARK_HEADER, mark));
  return {
    method: request.method,
    target: requestTarget(request.method, target(request)),
    receivedLine: '',
    lines,
    hasBody: hasBody && request.hasBody,
    contentLength: hasBody && !request.hasBody && request.header('content-length') !== undefined ? 0 : -1,
    upgrade: undefined,
    areTrailersTaken: false,
    connectionHeader: undefined,
    maxResponseHeadBytes: MAX_ANSWER_HEAD_BYTES,
    readTimeoutMs: TIMEOUT_MS,
    sendTimeoutMs: TIMEOUT_MS,
  };
}

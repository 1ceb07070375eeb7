import type { RouteNames } from '../lib/variables/source.ts';
import type { AccessRecord } from './access-record.ts';
import { HTTP2_CAUSES, HTTP2_SIDES, type Http2Cause, type Http2Side } from './http2-causes.ts';
import { CELL, FIRST_STREAM_CELL, growMetricsBuffer, readLayout, slotsIn, SUMS } from './metrics-layout.ts';
import type { MetricsLayout } from './metrics-layout.ts';
import type {
  ConnectionCounters,
  CopyCounters,
  Http2Counters,
  RouteSeries,
  StreamCounters,
  LogCounters,
  WireCounters,
  WorkerMetrics,
} from './sinks.ts';
import { STREAM_CELL, STREAM_CELLS, STREAM_KINDS } from './stream-kinds.ts';

/** Tells the main thread which series a slot counts; labels in the order of SERIES_LABELS. */
export type AnnounceSeries = (slot: number, labels: readonly string[]) => void;
/** Tells it of slots that count nothing any more, before they count for others. */
export type ForgetSeries = (slots: readonly number[]) => void;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT', 'TRACE', 'OTHER'];
const OTHER_METHOD = METHODS.length - 1;
const STATUSES = 900;
/** In place of a first cell, when there is no room for more series. */
const NO_ROOM = -1;

/** Worker side of the metrics: counts in the buffer it was given at its start. One writer, so no atomics. */
export function createWorkerMetrics(
  buffer: SharedArrayBuffer,
  announce: AnnounceSeries,
  forget: ForgetSeries = () => {},
): WorkerMetrics {
  const arena = new Arena(buffer, announce);
  const byKey = new Map<string, CountedSeries>();
  return {
    routeSeries(labels, canary) {
      const key = [labels.namespace, labels.ingress, labels.service, labels.path, labels.host, canary].join(
        '\0',
      );
      let series = byKey.get(key);
      // Tables come and go; the counts of a route go on.
      if (series === undefined) byKey.set(key, (series = new CountedSeries(arena, labels, canary)));
      return series;
    },
    retain(ingresses) {
      const slots: number[] = [];
      for (const [key, series] of byKey) {
        if (series.ingress === '' || ingresses.has(series.ingress)) continue;
        byKey.delete(key);
        series.release(slots);
      }
      if (slots.length === 0) return;
      forget(slots);
      arena.free(slots);
    },
    connections: new CountedConnections(arena.head),
    wire: new CountedOddities(arena.head),
    logs: new CountedLogs(arena.head),
    copies: new CountedCopies(arena.head),
    http2: new CountedHttp2(arena.head),
    streams: (kind) =>
      new CountedStreams(arena.head, FIRST_STREAM_CELL + STREAM_KINDS.indexOf(kind) * STREAM_CELLS),
  };
}

class Arena {
  readonly layout: MetricsLayout;
  readonly head: Float64Array;
  /** All cells; another view when the buffer has grown. */
  cells: Float64Array;
  readonly #buffer: SharedArrayBuffer;
  readonly #announce: AnnounceSeries;
  readonly #firstBuckets: readonly number[];
  readonly #strides: readonly number[];
  readonly #bounds: readonly (readonly number[])[];
  #slots = 0;
  readonly #free: number[] = [];
  #capacity: number;

  constructor(buffer: SharedArrayBuffer, announce: AnnounceSeries) {
    this.layout = readLayout(buffer);
    this.#firstBuckets = this.layout.firstBuckets;
    this.#strides = this.layout.strides;
    this.#bounds = this.layout.bounds;
    this.head = new Float64Array(buffer, 0, this.layout.headCells);
    this.#buffer = buffer;
    this.#announce = announce;
    this.#capacity = slotsIn(buffer, this.layout);
    // A view of fixed length: one that tracks the buffer's is checked at every access.
    this.cells = new Float64Array(buffer, 0, buffer.byteLength / Float64Array.BYTES_PER_ELEMENT);
  }

  /** Adds to a histogram of the slot that begins at `base`: to the bucket whose upper bound is the first not below the value, and to the sum. */
  count(base: number, histogram: number, value: number): void {
    const { cells } = this;
    const bounds = this.#bounds[histogram]!;
    const { length } = bounds;
    let bucket = 0;
    while (bucket < length && value > bounds[bucket]!) bucket++;
    cells[base + SUMS + histogram]! += value;
    cells[base + this.#firstBuckets[histogram]! + bucket * this.#strides[histogram]!]! += 1;
  }

  /** Takes a slot; answers its first cell, or NO_ROOM. */
  allocate(labels: readonly string[]): number {
    const free = this.#free.pop();
    if (free !== undefined) {
      this.#announce(free, labels);
      return this.#baseOf(free);
    }
    if (this.#slots === this.#capacity) {
      if (!growMetricsBuffer(this.#buffer, this.layout)) {
        this.head[CELL.lost]! += 1;
        return NO_ROOM;
      }
      this.#capacity = slotsIn(this.#buffer, this.layout);
      this.cells = new Float64Array(
        this.#buffer,
        0,
        this.#buffer.byteLength / Float64Array.BYTES_PER_ELEMENT,
      );
    }
    const slot = this.#slots++;
    this.#announce(slot, labels);
    return this.#baseOf(slot);
  }

  /** Takes slots back that nobody counts in. */
  free(slots: readonly number[]): void {
    for (const slot of slots) {
      const base = this.#baseOf(slot);
      this.cells.fill(0, base, base + this.layout.slotCells);
      this.#free.push(slot);
    }
  }

  slotOf(base: number): number {
    return (base - this.layout.headCells) / this.layout.slotCells;
  }

  #baseOf(slot: number): number {
    return this.layout.headCells + slot * this.layout.slotCells;
  }
}

/** Counts of one route. Most requests of a route have one method and status: their place is at hand. */
class CountedSeries implements RouteSeries {
  readonly #arena: Arena;
  readonly #labels: RouteNames;
  readonly #canary: string;
  /** Method and status of the last request as one number, and first cell of their slot. */
  #kind = -1;
  #base = NO_ROOM;
  /** First cells by that number, of all there were. */
  #bases: Map<number, number> | undefined = undefined;
  #isOver = false;

  constructor(arena: Arena, labels: RouteNames, canary: string) {
    this.#arena = arena;
    this.#labels = labels;
    this.#canary = canary;
  }

  /** `namespace/name`; empty where it is no Ingress's. */
  get ingress(): string {
    const { namespace, ingress } = this.#labels;
    return ingress === '' ? '' : `${namespace}/${ingress}`;
  }

  observe(record: AccessRecord): void {
    const status = record.status - 100;
    if (!(status >= 0 && status < STATUSES)) return;
    const kind = methodIndexOf(record.method) * STATUSES + status;
    const base = kind === this.#kind ? this.#base : this.#find(kind);
    if (base === NO_ROOM) return;
    const arena = this.#arena;
    arena.cells[base]! += 1;
    arena.count(base, 0, record.durationMs / 1000);
    const { attempts } = record;
    // With several tries nginx' times are lists, which its metrics pass over.
    if (attempts.length === 1) {
      const { headerMs, responseMs, connectMs } = attempts[0]!;
      if (headerMs >= 0) arena.count(base, 1, headerMs / 1000);
      if (responseMs >= 0) arena.count(base, 2, responseMs / 1000);
      if (connectMs >= 0) arena.count(base, 3, connectMs / 1000);
    }
    arena.count(base, 4, record.requestLength);
    const { bytesSent } = record;
    arena.count(base, 5, bytesSent);
    arena.count(base, 6, bytesSent);
  }

  /** Adds its slots to `slots`, and counts in none of them any more. */
  release(slots: number[]): void {
    for (const base of this.#bases?.values() ?? []) {
      if (base !== NO_ROOM) slots.push(this.#arena.slotOf(base));
    }
    this.#bases = undefined;
    this.#kind = -1;
    this.#base = NO_ROOM;
    this.#isOver = true;
  }

  #find(kind: number): number {
    if (this.#isOver) return NO_ROOM;
    const bases = (this.#bases ??= new Map());
    let base = bases.get(kind);
    if (base === undefined) {
      base = this.#allocate(kind);
      bases.set(kind, base);
    }
    this.#kind = kind;
    this.#base = base;
    return base;
  }

  #allocate(kind: number): number {
    const { options } = this.#arena.layout;
    const status = (kind % STATUSES) + 100;
    const method = METHODS[Math.floor(kind / STATUSES)]!;
    const statusText = options.areStatusClassesReported ? `${Math.floor(status / 100)}xx` : String(status);
    const { path, namespace, ingress, service, host } = this.#labels;
    const labels = [statusText, method, path, namespace, ingress, service, this.#canary];
    return this.#arena.allocate(options.isHostCounted ? [...labels, host] : labels);
  }
}

function methodIndexOf(method: string): number {
  switch (method) {
    case 'GET':
      return 0;
    case 'POST':
      return 2;
    default: {
      const index = METHODS.indexOf(method);
      // Names are the client's choice; a series for each would be memory of its choice.
      return index < 0 ? OTHER_METHOD : index;
    }
  }
}

class CountedOddities implements WireCounters {
  readonly #head: Float64Array;

  constructor(head: Float64Array) {
    this.#head = head;
  }

  headRefused(): void {
    this.#head[CELL.refusedHeads]! += 1;
  }

  bareLineFeeds(): void {
    this.#head[CELL.bareLineFeeds]! += 1;
  }
}

class CountedLogs implements LogCounters {
  readonly #head: Float64Array;

  constructor(head: Float64Array) {
    this.#head = head;
  }

  dropped(lines: number): void {
    this.#head[CELL.droppedLogLines]! += lines;
  }
}

class CountedCopies implements CopyCounters {
  readonly #head: Float64Array;

  constructor(head: Float64Array) {
    this.#head = head;
  }

  answered(): void {
    this.#head[CELL.copiesAnswered]! += 1;
  }

  failed(): void {
    this.#head[CELL.copiesFailed]! += 1;
  }

  dropped(): void {
    this.#head[CELL.copiesDropped]! += 1;
  }
}

class CountedHttp2 implements Http2Counters {
  readonly #head: Float64Array;

  constructor(head: Float64Array) {
    this.#head = head;
  }

  requested(): void {
    this.#head[CELL.http2Requests]! += 1;
  }

  ended(cause: Http2Cause, side: Http2Side): void {
    const first = CELL.http2Ended + HTTP2_SIDES.indexOf(side) * HTTP2_CAUSES.length;
    this.#head[first + HTTP2_CAUSES.indexOf(cause)]! += 1;
  }
}

class CountedStreams implements StreamCounters {
  readonly #head: Float64Array;
  readonly #first: number;

  constructor(head: Float64Array, first: number) {
    this.#head = head;
    this.#first = first;
  }

  begun(): void {
    this.#add(STREAM_CELL.begun, 1);
  }

  ended(isFailed: boolean, bytesReceived: number, bytesSent: number): void {
    this.#add(STREAM_CELL.ended, 1);
    if (isFailed) this.#add(STREAM_CELL.failed, 1);
    this.#add(STREAM_CELL.bytesReceived, bytesReceived);
    this.#add(STREAM_CELL.bytesSent, bytesSent);
  }

  evicted(): void {
    this.#add(STREAM_CELL.evicted, 1);
  }

  #add(cell: number, amount: number): void {
    this.#head[this.#first + cell]! += amount;
  }
}

class CountedConnections implements ConnectionCounters {
  readonly #head: Float64Array;

  constructor(head: Float64Array) {
    this.#head = head;
  }

  accepted(): void {
    this.#head[CELL.accepted]! += 1;
  }

  closed(): void {
    this.#head[CELL.closed]! += 1;
  }

  reading(delta: 1 | -1): void {
    this.#head[CELL.reading]! += delta;
  }

  requested(): void {
    this.#head[CELL.requests]! += 1;
  }

  writing(delta: 1 | -1): void {
    this.#head[CELL.writing]! += delta;
  }

  waiting(delta: 1 | -1): void {
    this.#head[CELL.waiting]! += delta;
  }
}

import type { AccessRecord, SeriesLabels } from './access-record.ts';
import { CELL, growMetricsBuffer, readLayout, slotsIn } from './metrics-layout.ts';
import type { MetricsLayout } from './metrics-layout.ts';
import type { ConnectionCounters, RouteSeries, WorkerMetrics } from './sinks.ts';

/** Tells the main thread which series a slot counts; labels in the order of SERIES_LABELS. */
export type AnnounceSeries = (slot: number, labels: readonly string[]) => void;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT', 'TRACE', 'OTHER'];
const OTHER_METHOD = METHODS.length - 1;
const STATUSES = 500;

/** Worker side of the metrics: counts in the buffer it was given at its start. One writer, so no atomics. */
export function createWorkerMetrics(buffer: SharedArrayBuffer, announce: AnnounceSeries): WorkerMetrics {
  const arena = new Arena(buffer, announce);
  const byKey = new Map<string, RouteSeries>();
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
    connections: new CountedConnections(arena.head),
  };
}

class Arena {
  readonly layout: MetricsLayout;
  readonly head: Float64Array;
  /** All cells; another view when the buffer has grown. */
  cells: Float64Array;
  readonly #buffer: SharedArrayBuffer;
  readonly #announce: AnnounceSeries;
  #slots = 0;
  #capacity: number;

  constructor(buffer: SharedArrayBuffer, announce: AnnounceSeries) {
    this.layout = readLayout(buffer);
    this.head = new Float64Array(buffer, 0, this.layout.headCells);
    this.#buffer = buffer;
    this.#announce = announce;
    this.#capacity = slotsIn(buffer, this.layout);
    // A view of fixed length: one that tracks the buffer's is checked at every access.
    this.cells = new Float64Array(buffer, 0, buffer.byteLength / Float64Array.BYTES_PER_ELEMENT);
  }

  /** Takes a slot; answers its first cell, or -1 when there is no room for more series. */
  allocate(labels: readonly string[]): number {
    if (this.#slots === this.#capacity) {
      if (!growMetricsBuffer(this.#buffer, this.layout)) {
        this.head[CELL.lost]! += 1;
        return -1;
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
    return this.layout.headCells + slot * this.layout.slotCells;
  }
}

class CountedSeries implements RouteSeries {
  readonly #arena: Arena;
  readonly #labels: SeriesLabels;
  readonly #canary: string;
  readonly #timeBounds: readonly number[];
  readonly #lengthBounds: readonly number[];
  readonly #sizeBounds: readonly number[];
  readonly #offsets: readonly number[];
  /** First cells by method and status: 0 is not taken yet. */
  readonly #slots: (Int32Array | undefined)[] = METHODS.map(() => undefined);

  constructor(arena: Arena, labels: SeriesLabels, canary: string) {
    this.#arena = arena;
    this.#labels = labels;
    this.#canary = canary;
    const { options } = arena.layout;
    this.#timeBounds = options.timeBuckets;
    this.#lengthBounds = options.lengthBuckets;
    this.#sizeBounds = options.sizeBuckets;
    this.#offsets = arena.layout.offsets;
  }

  observe(record: AccessRecord): void {
    const status = record.status - 100;
    if (!(status >= 0 && status < STATUSES)) return;
    const method = methodIndexOf(record.method);
    const slots = (this.#slots[method] ??= new Int32Array(STATUSES));
    let base = slots[status]!;
    if (base === 0) {
      base = this.#allocate(method, status + 100);
      slots[status] = base;
    }
    if (base < 0) return;
    const { cells } = this.#arena;
    const offsets = this.#offsets;
    const times = this.#timeBounds;
    cells[base]! += 1;
    count(cells, base + offsets[0]!, times, record.durationMs / 1000);
    const { attempts } = record;
    // With several tries nginx' times are lists, which its metrics pass over.
    if (attempts.length === 1) {
      const { headerMs, responseMs, connectMs } = attempts[0]!;
      if (headerMs >= 0) count(cells, base + offsets[1]!, times, headerMs / 1000);
      if (responseMs >= 0) count(cells, base + offsets[2]!, times, responseMs / 1000);
      if (connectMs >= 0) count(cells, base + offsets[3]!, times, connectMs / 1000);
    }
    count(cells, base + offsets[4]!, this.#lengthBounds, record.requestLength);
    const { bytesSent } = record;
    count(cells, base + offsets[5]!, this.#lengthBounds, bytesSent);
    count(cells, base + offsets[6]!, this.#sizeBounds, bytesSent);
  }

  #allocate(method: number, status: number): number {
    const { options } = this.#arena.layout;
    const statusText = options.areStatusClassesReported ? `${Math.floor(status / 100)}xx` : String(status);
    const { path, namespace, ingress, service, host } = this.#labels;
    const labels = [statusText, METHODS[method]!, path, namespace, ingress, service, this.#canary];
    return this.#arena.allocate(options.isHostCounted ? [...labels, host] : labels);
  }
}

/** Adds to the bucket whose upper bound is the first not below the value, and to the sum. */
function count(cells: Float64Array, at: number, bounds: readonly number[], value: number): void {
  const { length } = bounds;
  let bucket = 0;
  while (bucket < length && value > bounds[bucket]!) bucket++;
  cells[at + bucket]! += 1;
  cells[at + length + 1]! += value;
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

  /** Every request is written an answer, so these count the requests too. */
  writing(delta: 1 | -1): void {
    if (delta === 1) this.#head[CELL.requests]! += 1;
    this.#head[CELL.writing]! += delta;
  }

  waiting(delta: 1 | -1): void {
    this.#head[CELL.waiting]! += delta;
  }
}

/* How a worker's counters lie in its shared buffer: all float64, the head first, then one slot per series. */

import { HTTP2_CAUSES, HTTP2_SIDES } from './http2-causes.ts';
import { STREAM_CELLS, STREAM_KINDS } from './stream-kinds.ts';

/** What the flags say about traffic metrics. */
export interface MetricsOptions {
  /** Upper bounds in seconds, ascending (--time-buckets). */
  readonly timeBuckets: readonly number[];
  /** Upper bounds in bytes of request_size and response_size (--length-buckets). */
  readonly lengthBuckets: readonly number[];
  /** Upper bounds in bytes of bytes_sent (--size-buckets). */
  readonly sizeBuckets: readonly number[];
  /** Whether series have a host label (--metrics-per-host). */
  readonly isHostCounted: boolean;
  /** `2xx` for 200 and so on (--report-status-classes). */
  readonly areStatusClassesReported: boolean;
}

/** ingress-nginx's defaults (docs/reference/operation.md §2). */
export const DEFAULT_METRICS_OPTIONS: MetricsOptions = {
  timeBuckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  lengthBuckets: [10, 20, 30, 40, 50, 60, 70, 80, 90, 100],
  sizeBuckets: [10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000],
  isHostCounted: true,
  areStatusClassesReported: false,
};

/** Label names of a series, in the order in which they are announced. */
export const SERIES_LABELS = [
  'status',
  'method',
  'path',
  'namespace',
  'ingress',
  'service',
  'canary',
  'host',
] as const;

/** Cells of the head. */
export const CELL = {
  accepted: 0,
  closed: 1,
  reading: 2,
  writing: 3,
  waiting: 4,
  requests: 5,
  /** Series that found no room. */
  lost: 6,
  isHostCounted: 7,
  areStatusClassesReported: 8,
  timeBuckets: 9,
  lengthBuckets: 10,
  sizeBuckets: 11,
  refusedHeads: 12,
  bareLineFeeds: 13,
  copiesAnswered: 14,
  copiesFailed: 15,
  copiesDropped: 16,
  http2Requests: 17,
  droppedLogLines: 18,
  /** One for each of HTTP2_CAUSES, for each of HTTP2_SIDES. */
  http2Ended: 19,
} as const;

/** First of STREAM_CELLS for each of STREAM_KINDS. */
export const FIRST_STREAM_CELL = CELL.http2Ended + HTTP2_SIDES.length * HTTP2_CAUSES.length;

const FIRST_BOUND = FIRST_STREAM_CELL + STREAM_KINDS.length * STREAM_CELLS;
const CELL_BYTES = Float64Array.BYTES_PER_ELEMENT;
const FIRST_SLOTS = 64;
/** Address space, not memory: the buffer grows as series come. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Histograms of a slot, in the order they lie in. */
export const HISTOGRAMS = [
  { name: 'request_duration_seconds', unit: 'time', help: 'The request processing time in seconds' },
  {
    name: 'header_duration_seconds',
    unit: 'time',
    help: 'The time spent on receiving first header from the upstream server',
  },
  {
    name: 'response_duration_seconds',
    unit: 'time',
    help: 'The time spent on receiving the response from the upstream server',
  },
  {
    name: 'connect_duration_seconds',
    unit: 'time',
    help: 'The time spent on establishing a connection with the upstream server',
  },
  {
    name: 'request_size',
    unit: 'length',
    help: 'The request length (including request line, header, and request body)',
  },
  {
    name: 'response_size',
    unit: 'length',
    help: 'The response length (including request line, header, and request body)',
  },
  { name: 'bytes_sent', unit: 'size', help: 'DEPRECATED The number of bytes sent to a client' },
] as const;

/** First cell of the sums in a slot; the count of requests is before them. */
export const SUMS = 1;
/** Cells of a cache line: slots begin at its bounds. */
const LINE_CELLS = 8;

/**
 * Where things lie. A slot: requests, the sum of each histogram, then the counts of the buckets (not cumulative, the one above all
 * last). Histograms of one unit lie interleaved, bucket by bucket: what one request counts is then in few cache lines.
 */
export interface MetricsLayout {
  readonly options: MetricsOptions;
  readonly headCells: number;
  readonly slotCells: number;
  /** Cell of each histogram's first bucket in a slot, in the order of HISTOGRAMS. */
  readonly firstBuckets: readonly number[];
  /** Cells from one bucket of each histogram to its next. */
  readonly strides: readonly number[];
  /** Bounds of each histogram in the unit it is observed in. */
  readonly bounds: readonly (readonly number[])[];
}

export function layoutOf(options: MetricsOptions): MetricsLayout {
  const boundsOf = { time: options.timeBuckets, length: options.lengthBuckets, size: options.sizeBuckets };
  const firstBuckets: number[] = [];
  const strides: number[] = [];
  let cells = SUMS + HISTOGRAMS.length;
  for (const unit of ['time', 'length', 'size'] as const) {
    const stride = HISTOGRAMS.filter((histogram) => histogram.unit === unit).length;
    let place = 0;
    for (const [index, histogram] of HISTOGRAMS.entries()) {
      if (histogram.unit !== unit) continue;
      firstBuckets[index] = cells + place++;
      strides[index] = stride;
    }
    cells += stride * (boundsOf[unit].length + 1);
  }
  const headCells =
    FIRST_BOUND + options.timeBuckets.length + options.lengthBuckets.length + options.sizeBuckets.length;
  return {
    options,
    headCells: toLines(headCells),
    slotCells: toLines(cells),
    firstBuckets,
    strides,
    bounds: HISTOGRAMS.map(({ unit }) => boundsOf[unit]),
  };
}

function toLines(cells: number): number {
  return Math.ceil(cells / LINE_CELLS) * LINE_CELLS;
}

/** Makes the buffer for one life of a worker; it says itself how it is laid out. */
export function createMetricsBuffer(options: MetricsOptions): SharedArrayBuffer {
  const layout = layoutOf(options);
  const bytes = (layout.headCells + FIRST_SLOTS * layout.slotCells) * CELL_BYTES;
  const buffer = new SharedArrayBuffer(bytes, { maxByteLength: Math.max(MAX_BYTES, bytes) });
  const cells = new Float64Array(buffer, 0, layout.headCells);
  cells[CELL.isHostCounted] = options.isHostCounted ? 1 : 0;
  cells[CELL.areStatusClassesReported] = options.areStatusClassesReported ? 1 : 0;
  cells[CELL.timeBuckets] = options.timeBuckets.length;
  cells[CELL.lengthBuckets] = options.lengthBuckets.length;
  cells[CELL.sizeBuckets] = options.sizeBuckets.length;
  cells.set([...options.timeBuckets, ...options.lengthBuckets, ...options.sizeBuckets], FIRST_BOUND);
  return buffer;
}

/** Reads the layout back from a buffer. */
export function readLayout(buffer: SharedArrayBuffer): MetricsLayout {
  const cells = new Float64Array(buffer, 0);
  let at = FIRST_BOUND;
  const take = (count: number): number[] => {
    const bounds = Array.from(cells.subarray(at, at + count));
    at += count;
    return bounds;
  };
  return layoutOf({
    timeBuckets: take(cells[CELL.timeBuckets]!),
    lengthBuckets: take(cells[CELL.lengthBuckets]!),
    sizeBuckets: take(cells[CELL.sizeBuckets]!),
    isHostCounted: cells[CELL.isHostCounted] === 1,
    areStatusClassesReported: cells[CELL.areStatusClassesReported] === 1,
  });
}

/** How many slots the buffer holds at its present size. */
export function slotsIn(buffer: SharedArrayBuffer, layout: MetricsLayout): number {
  return Math.floor((buffer.byteLength / CELL_BYTES - layout.headCells) / layout.slotCells);
}

/** Makes room for twice the slots; false when there is none left. */
export function growMetricsBuffer(buffer: SharedArrayBuffer, layout: MetricsLayout): boolean {
  const slots = slotsIn(buffer, layout) * 2;
  const bytes = Math.min((layout.headCells + slots * layout.slotCells) * CELL_BYTES, buffer.maxByteLength);
  if (bytes <= buffer.byteLength) return false;
  buffer.grow(bytes - (bytes % CELL_BYTES));
  return true;
}

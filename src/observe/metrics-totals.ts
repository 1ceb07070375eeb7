import { CELL, createMetricsBuffer, FIRST_STREAM_CELL, layoutOf, SERIES_LABELS } from './metrics-layout.ts';
import type { MetricsLayout, MetricsOptions } from './metrics-layout.ts';
import { HTTP2_CAUSES, HTTP2_SIDES } from './http2-causes.ts';
import { labelText } from './row-family.ts';
import { STREAM_CELL, STREAM_CELLS, STREAM_KINDS, type StreamKind } from './stream-kinds.ts';

/** One series of the traffic, over all workers, living and dead. */
export interface Series {
  /** Label text, the constant labels included. */
  readonly text: string;
  /** Length of the text in bytes. */
  readonly textBytes: number;
  /** `namespace/name`; empty where it is no Ingress's. */
  readonly ingress: string;
  /** Where living workers count it, some in several slots: index of the worker, and first cell in its buffer. */
  places: readonly (readonly [worker: number, base: number])[];
  /** Cells of dead workers, summed. */
  ended: Float64Array | undefined;
}

export interface ConnectionTotals {
  readonly accepted: number;
  readonly active: number;
  readonly reading: number;
  readonly writing: number;
  readonly waiting: number;
  readonly requests: number;
  readonly lostSeries: number;
  readonly refusedHeads: number;
  readonly bareLineFeeds: number;
  readonly droppedLogLines: number;
  readonly copiesAnswered: number;
  readonly copiesFailed: number;
  readonly copiesDropped: number;
  readonly http2Requests: number;
  /** By HTTP2_CAUSES, for each of HTTP2_SIDES. */
  readonly http2Ended: readonly number[];
}

/** Sessions of one kind, over all workers. */
export interface StreamTotals {
  readonly kind: StreamKind;
  /** Of living workers. */
  readonly open: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly evicted: number;
}

/** Main thread's side of the workers' counters. */
export interface MetricsTotals {
  readonly layout: MetricsLayout;
  /** Buffer for the next life of a worker; what its last life counted is kept. */
  bufferFor(workerIndex: number): SharedArrayBuffer;
  /** Takes in a `series` message. */
  addSeries(workerIndex: number, slot: number, labels: readonly string[]): void;
  /** Takes in a `series-gone` message. */
  removeSeries(workerIndex: number, slots: readonly number[]): void;
  /** Lets go of series that no worker counts any more, unless they are to be kept. */
  retain(isKept: (series: Series) => boolean): void;
  /** In the order in which they came; it grows. Another one when some were let go of. */
  readonly series: readonly Series[];
  /** Sums cells of a slot, those of `cells` in order, over all workers. */
  sum(series: Series, cells: readonly number[], into: Float64Array): void;
  connections(): ConnectionTotals;
  /** One for each of STREAM_KINDS. */
  streams(): readonly StreamTotals[];
  readonly workerCount: number;
}

interface WorkerLife {
  readonly buffer: SharedArrayBuffer;
  /** All its cells; another view when the buffer has grown. */
  cells: Float64Array;
  /** Whose each slot is. */
  readonly bySlot: (Series | undefined)[];
}

const NAMESPACE = SERIES_LABELS.indexOf('namespace');
const INGRESS = SERIES_LABELS.indexOf('ingress');

/** `constantLabels` go into the text of every series. */
export function createMetricsTotals(
  options: MetricsOptions,
  constantLabels: Readonly<Record<string, string>> = {},
): MetricsTotals {
  const layout = layoutOf(options);
  const lives: (WorkerLife | undefined)[] = [];
  let series: Series[] = [];
  const byText = new Map<string, Series>();
  const endedHead = {
    accepted: 0,
    requests: 0,
    lost: 0,
    refusedHeads: 0,
    bareLineFeeds: 0,
    droppedLogLines: 0,
    copiesAnswered: 0,
    copiesFailed: 0,
    copiesDropped: 0,
    http2Requests: 0,
    http2Ended: HTTP2_SIDES.flatMap(() => HTTP2_CAUSES.map(() => 0)),
  };
  /** Cells of the streams of lives that are over. */
  const endedStreams = new Float64Array(STREAM_KINDS.length * STREAM_CELLS);
  const names = options.isHostCounted ? SERIES_LABELS : SERIES_LABELS.slice(0, -1);
  const sortedNames = [...Object.keys(constantLabels), ...names].toSorted();

  function textOf(labels: readonly string[]): string {
    const values: Record<string, string> = {};
    for (const name of sortedNames) {
      const place = (names as readonly string[]).indexOf(name);
      values[name] = place < 0 ? constantLabels[name]! : labels[place]!;
    }
    return labelText(values);
  }

  function seriesOf(labels: readonly string[]): Series {
    const text = textOf(labels);
    let one = byText.get(text);
    if (one === undefined) {
      const ingress = labels[INGRESS] === '' ? '' : `${labels[NAMESPACE]}/${labels[INGRESS]}`;
      one = { text, textBytes: Buffer.byteLength(text), ingress, places: [], ended: undefined };
      byText.set(text, one);
      series.push(one);
    }
    return one;
  }

  function retire(life: WorkerLife, workerIndex: number): void {
    for (const one of series) {
      for (const [worker, base] of one.places) {
        if (worker !== workerIndex) continue;
        const ended = (one.ended ??= new Float64Array(layout.slotCells));
        for (let i = 0; i < ended.length; i++) ended[i]! += life.cells[base + i]!;
      }
      one.places = one.places.filter(([worker]) => worker !== workerIndex);
    }
    const head = new Float64Array(life.buffer, 0, layout.headCells);
    endedHead.accepted += head[CELL.accepted]!;
    endedHead.requests += head[CELL.requests]!;
    endedHead.lost += head[CELL.lost]!;
    endedHead.refusedHeads += head[CELL.refusedHeads]!;
    endedHead.bareLineFeeds += head[CELL.bareLineFeeds]!;
    endedHead.droppedLogLines += head[CELL.droppedLogLines]!;
    endedHead.copiesAnswered += head[CELL.copiesAnswered]!;
    endedHead.copiesFailed += head[CELL.copiesFailed]!;
    endedHead.copiesDropped += head[CELL.copiesDropped]!;
    endedHead.http2Requests += head[CELL.http2Requests]!;
    addEnded(endedHead.http2Ended, head);
    addStreams(endedStreams, head);
  }

  const living = (): readonly WorkerLife[] => lives.filter((life) => life !== undefined);

  return {
    layout,
    get series() {
      return series;
    },
    bufferFor(workerIndex) {
      const previous = lives[workerIndex];
      if (previous !== undefined) retire(previous, workerIndex);
      const buffer = createMetricsBuffer(options);
      lives[workerIndex] = { buffer, cells: cellsOf(buffer), bySlot: [] };
      return buffer;
    },
    addSeries(workerIndex, slot, labels) {
      const life = lives[workerIndex];
      if (life === undefined) return;
      const base = layout.headCells + slot * layout.slotCells;
      if (base + layout.slotCells > life.cells.length) life.cells = cellsOf(life.buffer);
      const one = seriesOf(labels);
      one.places = [...one.places, [workerIndex, base]];
      life.bySlot[slot] = one;
    },
    removeSeries(workerIndex, slots) {
      const life = lives[workerIndex];
      if (life === undefined) return;
      for (const slot of slots) {
        const one = life.bySlot[slot];
        if (one === undefined) continue;
        life.bySlot[slot] = undefined;
        const base = layout.headCells + slot * layout.slotCells;
        one.places = one.places.filter(([worker, at]) => worker !== workerIndex || at !== base);
      }
    },
    retain(isKept) {
      const isGone = (one: Series): boolean => one.places.length === 0 && !isKept(one);
      const gone = series.filter(isGone);
      if (gone.length === 0) return;
      for (const { text } of gone) byText.delete(text);
      series = series.filter((one) => !isGone(one));
    },
    sum({ places, ended }, cells, into) {
      for (let i = 0; i < cells.length; i++) into[i] = ended === undefined ? 0 : ended[cells[i]!]!;
      for (let place = 0; place < places.length; place++) {
        const [worker, base] = places[place]!;
        const counted = lives[worker]!.cells;
        for (let i = 0; i < cells.length; i++) into[i]! += counted[base + cells[i]!]!;
      }
    },
    connections() {
      const http2Ended = [...endedHead.http2Ended];
      const sum = { ...endedHead, http2Ended, closed: 0, live: 0, reading: 0, writing: 0, waiting: 0 };
      for (const { cells: head } of living()) {
        sum.accepted += head[CELL.accepted]!;
        sum.live += head[CELL.accepted]! - head[CELL.closed]!;
        sum.reading += head[CELL.reading]!;
        sum.writing += head[CELL.writing]!;
        sum.waiting += head[CELL.waiting]!;
        sum.requests += head[CELL.requests]!;
        sum.lost += head[CELL.lost]!;
        sum.refusedHeads += head[CELL.refusedHeads]!;
        sum.bareLineFeeds += head[CELL.bareLineFeeds]!;
        sum.droppedLogLines += head[CELL.droppedLogLines]!;
        sum.copiesAnswered += head[CELL.copiesAnswered]!;
        sum.copiesFailed += head[CELL.copiesFailed]!;
        sum.copiesDropped += head[CELL.copiesDropped]!;
        sum.http2Requests += head[CELL.http2Requests]!;
        addEnded(http2Ended, head);
      }
      const { closed: _, lost: lostSeries, live: active, ...counted } = sum;
      return { ...counted, active, lostSeries };
    },
    streams() {
      const alive = new Float64Array(endedStreams.length);
      for (const { cells: head } of living()) addStreams(alive, head);
      return STREAM_KINDS.map((kind, index) => {
        const first = index * STREAM_CELLS;
        const sum = (cell: number) => alive[first + cell]! + endedStreams[first + cell]!;
        const failed = sum(STREAM_CELL.failed);
        return {
          kind,
          open: alive[first + STREAM_CELL.begun]! - alive[first + STREAM_CELL.ended]!,
          succeeded: sum(STREAM_CELL.ended) - failed,
          failed,
          bytesReceived: sum(STREAM_CELL.bytesReceived),
          bytesSent: sum(STREAM_CELL.bytesSent),
          evicted: sum(STREAM_CELL.evicted),
        };
      });
    },
    get workerCount() {
      return living().length;
    },
  };
}

function addEnded(sums: number[], head: Float64Array): void {
  for (let i = 0; i < sums.length; i++) sums[i]! += head[CELL.http2Ended + i]!;
}

function addStreams(sums: Float64Array, head: Float64Array): void {
  for (let i = 0; i < sums.length; i++) sums[i]! += head[FIRST_STREAM_CELL + i]!;
}

function cellsOf(buffer: SharedArrayBuffer): Float64Array {
  return new Float64Array(buffer, 0, buffer.byteLength / Float64Array.BYTES_PER_ELEMENT);
}

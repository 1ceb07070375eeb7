import { CELL, createMetricsBuffer, layoutOf } from './metrics-layout.ts';
import type { MetricsLayout, MetricsOptions } from './metrics-layout.ts';

/** One series summed over all workers, living and dead. Cells as in a slot of MetricsLayout. */
export interface SeriesTotal {
  /** In the order of SERIES_LABELS; without the host when hosts are not counted. */
  readonly labels: readonly string[];
  readonly cells: Float64Array;
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
}

/** Main thread's side of the workers' counters. */
export interface MetricsTotals {
  readonly layout: MetricsLayout;
  /** Buffer for the next life of a worker; what its last life counted is kept. */
  bufferFor(workerIndex: number): SharedArrayBuffer;
  /** Takes in a `series` message. */
  addSeries(workerIndex: number, slot: number, labels: readonly string[]): void;
  series(): SeriesTotal[];
  connections(): ConnectionTotals;
  readonly workerCount: number;
}

interface WorkerLife {
  readonly buffer: SharedArrayBuffer;
  /** Labels by slot. */
  readonly labels: (readonly string[])[];
}

export function createMetricsTotals(options: MetricsOptions): MetricsTotals {
  const layout = layoutOf(options);
  const lives = new Map<number, WorkerLife>();
  const ended = new Map<string, SeriesTotal>();
  const endedHead = { accepted: 0, requests: 0, lost: 0, refusedHeads: 0, bareLineFeeds: 0 };

  function addTo(totals: Map<string, SeriesTotal>, life: WorkerLife): void {
    const cells = new Float64Array(life.buffer, 0, life.buffer.byteLength / Float64Array.BYTES_PER_ELEMENT);
    for (const [slot, labels] of life.labels.entries()) {
      if (labels === undefined) continue;
      const key = labels.join('\0');
      let total = totals.get(key);
      if (total === undefined)
        totals.set(key, (total = { labels, cells: new Float64Array(layout.slotCells) }));
      const base = layout.headCells + slot * layout.slotCells;
      for (let i = 0; i < layout.slotCells; i++) total.cells[i]! += cells[base + i]!;
    }
  }

  function retire(life: WorkerLife): void {
    addTo(ended, life);
    const head = new Float64Array(life.buffer, 0, layout.headCells);
    endedHead.accepted += head[CELL.accepted]!;
    endedHead.requests += head[CELL.requests]!;
    endedHead.lost += head[CELL.lost]!;
    endedHead.refusedHeads += head[CELL.refusedHeads]!;
    endedHead.bareLineFeeds += head[CELL.bareLineFeeds]!;
  }

  return {
    layout,
    bufferFor(workerIndex) {
      const previous = lives.get(workerIndex);
      if (previous !== undefined) retire(previous);
      const buffer = createMetricsBuffer(options);
      lives.set(workerIndex, { buffer, labels: [] });
      return buffer;
    },
    addSeries(workerIndex, slot, labels) {
      const life = lives.get(workerIndex);
      if (life !== undefined) life.labels[slot] = labels;
    },
    series() {
      const totals = new Map<string, SeriesTotal>();
      for (const [key, { labels, cells }] of ended)
        totals.set(key, { labels, cells: Float64Array.from(cells) });
      for (const life of lives.values()) addTo(totals, life);
      return [...totals.values()];
    },
    connections() {
      const sum = { ...endedHead, closed: 0, live: 0, reading: 0, writing: 0, waiting: 0 };
      for (const { buffer } of lives.values()) {
        const head = new Float64Array(buffer, 0, layout.headCells);
        sum.accepted += head[CELL.accepted]!;
        sum.live += head[CELL.accepted]! - head[CELL.closed]!;
        sum.reading += head[CELL.reading]!;
        sum.writing += head[CELL.writing]!;
        sum.waiting += head[CELL.waiting]!;
        sum.requests += head[CELL.requests]!;
        sum.lost += head[CELL.lost]!;
        sum.refusedHeads += head[CELL.refusedHeads]!;
        sum.bareLineFeeds += head[CELL.bareLineFeeds]!;
      }
      const { lost, live, accepted, reading, writing, waiting, requests, refusedHeads, bareLineFeeds } = sum;
      const connections = { accepted, active: live, reading, writing, waiting };
      return { ...connections, requests, lostSeries: lost, refusedHeads, bareLineFeeds };
    },
    get workerCount() {
      return lives.size;
    },
  };
}

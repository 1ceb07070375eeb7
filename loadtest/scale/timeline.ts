import { percentile } from '../percentile.ts';
import { hostOf, NAMESPACE } from './objects.ts';

/** What the control thread did, in milliseconds since 1970. */
export type Mark =
  | { readonly what: 'read'; readonly atMs: number; readonly name: string }
  | {
      readonly what: 'sent';
      readonly atMs: number;
      readonly worker: number;
      readonly sequence: number;
      readonly names: readonly string[];
    }
  | {
      readonly what: 'acknowledged';
      readonly atMs: number;
      readonly worker: number;
      readonly sequence: number;
    }
  | { readonly what: 'collected'; readonly atMs: number; readonly tookMs: number; readonly kind: number };

/** A change that was followed to where clients see it, in milliseconds since 1970. */
export interface Followed {
  readonly kind: 'ingress' | 'endpoints';
  readonly index: number;
  readonly askedMs: number;
  readonly answeredMs: number;
  readonly liveMs: number;
}

/** Where the time of one change went, in milliseconds. */
interface Parts {
  readonly total: number;
  /** From the API server's answer until Serin read the change; it may come before the answer. */
  readonly apiServer: number;
  /** From there until the first worker was sent it. */
  readonly control: number;
  /** From there until the last worker was sent it: the first has it live. */
  readonly handover: number;
  /** From there until the last worker has answered. */
  readonly worker: number;
  /** From there until the last client has seen it; those of the first worker look earlier. */
  readonly client: number;
}

/** Splits the latencies of changes by whom they are spent in; of each part the median, the 99th percentile, and what the slowest changes had of it. */
export function splitLatencies(
  followed: readonly Followed[],
  marks: readonly Mark[],
  workers: number,
): object {
  const all = followed.map((change) => ({ kind: change.kind, parts: partsOf(change, marks, workers) }));
  const of = (kind: Followed['kind']) =>
    all.filter((one) => one.kind === kind).flatMap(({ parts }) => parts ?? []);
  return { ingress: tell(of('ingress')), endpoints: tell(of('endpoints')) };
}

const SLOWEST = 6;

function tell(changes: readonly Parts[]): object {
  const names = ['total', 'apiServer', 'control', 'handover', 'worker', 'client'] as const;
  const spread = names.map((name) => {
    const sorted = changes.map((parts) => parts[name]).toSorted((a, b) => a - b);
    return [name, [0.5, 0.9, 0.99].map((share) => percentile(sorted, share, 1)).join(' / ')];
  });
  const slowest = changes.toSorted((a, b) => b.total - a.total).slice(0, SLOWEST);
  return {
    ...Object.fromEntries(spread),
    slowest: slowest.map((parts) => names.map((name) => Math.round(parts[name])).join(' ')),
  };
}

function partsOf(change: Followed, marks: readonly Mark[], workers: number): Parts | undefined {
  const object = change.kind === 'ingress' ? `ingress-${change.index}` : `service-${change.index}-a`;
  const read = marks.find(
    (mark) => mark.what === 'read' && mark.name === object && mark.atMs >= change.askedMs - 1,
  );
  if (read === undefined) return undefined;
  const isOf = (name: string): boolean =>
    change.kind === 'ingress'
      ? name === hostOf(change.index)
      : name === `${NAMESPACE}-service-${change.index}-80`;
  const sent = new Map<number, Extract<Mark, { what: 'sent' }>>();
  for (const mark of marks) {
    if (mark.what === 'sent' && mark.atMs >= read.atMs && !sent.has(mark.worker) && mark.names.some(isOf))
      sent.set(mark.worker, mark);
    if (sent.size === workers) break;
  }
  if (sent.size < workers) return undefined;
  const sentAt = [...sent.values()].map(({ atMs }) => atMs);
  const answeredAt = [...sent.values()].map(({ worker, sequence }) => {
    const answer = marks.find(
      (mark) => mark.what === 'acknowledged' && mark.worker === worker && mark.sequence === sequence,
    );
    return answer?.atMs ?? NaN;
  });
  const first = Math.min(...sentAt);
  const last = Math.max(...sentAt);
  const answered = Math.max(...answeredAt);
  return {
    total: change.liveMs - change.answeredMs,
    apiServer: read.atMs - change.answeredMs,
    control: first - read.atMs,
    handover: last - first,
    worker: answered - last,
    client: change.liveMs - answered,
  };
}

/** Longest pauses for garbage, and how many of which kind. */
export function collections(marks: readonly Mark[]): object {
  const pauses = marks.filter((mark) => mark.what === 'collected');
  const kinds: Record<string, string> = {};
  for (const kind of new Set(pauses.map((mark) => mark.kind))) {
    const took = pauses.filter((mark) => mark.kind === kind).map(({ tookMs }) => tookMs);
    const sum = took.reduce((a, b) => a + b, 0);
    kinds[kind] = `${took.length} times, ${Math.round(sum)} ms, longest ${Math.max(...took).toFixed(1)}`;
  }
  return kinds;
}

import type { FromWorker, ToWorker } from '../../table/messages.ts';
import type { EndpointEntry, RouteTable, UpstreamEndpoints } from '../../table/table.ts';
import { diffEndpoints, diffTables } from './table-diff.ts';

/** A worker as the publisher sees it: something to send messages to. */
export interface WorkerPort {
  readonly index: number;
  post(message: ToWorker): void;
}

export type EndpointsById = ReadonlyMap<string, readonly EndpointEntry[]>;

export type Answer =
  | { readonly kind: 'acknowledged' }
  | { readonly kind: 'rejected'; readonly message: string }
  | { readonly kind: 'died'; readonly reason: string }
  /** It has not answered; should it do so later, with `later`. */
  | { readonly kind: 'stuck'; readonly isLinking: boolean; readonly later: Promise<Answer> };

const ACKNOWLEDGED: Answer = { kind: 'acknowledged' };

/** What one worker has been sent and has acknowledged. It is sent what it lacks, never more. */
export class RemoteWorker {
  readonly port: WorkerPort;
  /** The table it runs; undefined before the first. */
  table: RouteTable | undefined;
  #sentEndpoints: EndpointsById = new Map();
  readonly #nextSequence: () => number;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #knownUpstreams = new Set<string>();
  #last: Promise<Answer> = Promise.resolve(ACKNOWLEDGED);
  #death: string | undefined;
  #isStuck = false;
  readonly #impatient = new Set<(isLinking: boolean) => void>();

  constructor(port: WorkerPort, nextSequence: () => number) {
    this.port = port;
    this.#nextSequence = nextSequence;
  }

  /** Its event loop stands still: it is sent nothing until it has recovered. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** Brings it to a table, after what is under way; answers once the worker has, or is stuck. */
  bring(table: RouteTable, endpoints: () => EndpointsById): Promise<Answer> {
    if (this.#isStuck) return Promise.resolve({ kind: 'stuck', isLinking: false, later: this.#last });
    const answer = this.#last.then(() => this.#bringNow(table, endpoints()));
    this.#last = answer;
    return new Promise((resolve) => {
      const giveUp = (isLinking: boolean) => resolve({ kind: 'stuck', isLinking, later: answer });
      this.#impatient.add(giveUp);
      void answer.then((told) => {
        this.#impatient.delete(giveUp);
        resolve(told);
      });
    });
  }

  /** Whoever waits for it waits no longer. What it was sent before stays sent. */
  stuck(isLinking: boolean): void {
    this.#isStuck = true;
    const waiting = [...this.#impatient];
    this.#impatient.clear();
    for (const giveUp of waiting) giveUp(isLinking);
  }

  recovered(): void {
    this.#isStuck = false;
  }

  /** Sends endpoints at once, of upstreams it has been told about; the others go with their table. */
  sendEndpoints(changed: readonly UpstreamEndpoints[]): void {
    const known = changed.filter(({ upstreamId }) => this.#knownUpstreams.has(upstreamId));
    if (known.length === 0 || this.#isStuck || this.#death !== undefined) return;
    this.#noteEndpoints(known);
    this.port.post({ kind: 'endpoints', sequence: this.#nextSequence(), endpoints: known });
  }

  /** Sends what is not as it was sent. */
  sendMissingEndpoints(now: EndpointsById): void {
    this.sendEndpoints(diffEndpoints(this.#sentEndpoints, now));
  }

  received(message: FromWorker): void {
    if (message.kind === 'acknowledged') this.#settle(message.sequence, ACKNOWLEDGED);
    if (message.kind === 'rejected') {
      this.#settle(message.sequence, {
        kind: 'rejected',
        message: `worker ${this.port.index}: ${message.message}`,
      });
    }
  }

  died(reason: string): void {
    this.#death = reason;
    for (const sequence of this.#waiting.keys()) this.#settle(sequence, { kind: 'died', reason });
  }

  async #bringNow(table: RouteTable, now: EndpointsById): Promise<Answer> {
    if (this.#death !== undefined) return { kind: 'died', reason: this.#death };
    const delta = diffTables(this.table, table);
    const ids = new Set(table.upstreams.map(({ id }) => id));
    const endpoints = diffEndpoints(this.#sentEndpoints, now).filter(({ upstreamId }) => ids.has(upstreamId));
    const before = this.#knownUpstreams;
    this.#knownUpstreams = ids;
    if (delta === undefined) {
      this.table = table;
      this.sendEndpoints(endpoints);
      return ACKNOWLEDGED;
    }
    this.#noteEndpoints(endpoints);
    const sequence = this.#nextSequence();
    const answer = await new Promise<Answer>((resolve) => {
      this.#waiting.set(sequence, resolve);
      this.port.post({ kind: 'table', sequence, delta, endpoints });
    });
    if (answer.kind === 'acknowledged') {
      this.table = table;
      // What it has forgotten is to be sent anew, should it come back.
      this.#sentEndpoints = new Map([...this.#sentEndpoints].filter(([id]) => ids.has(id)));
    } else {
      this.#knownUpstreams = before;
      this.#sentEndpoints = new Map([...this.#sentEndpoints].filter(([id]) => before.has(id)));
    }
    return answer;
  }

  #noteEndpoints(sent: readonly UpstreamEndpoints[]): void {
    const next = new Map(this.#sentEndpoints);
    for (const { upstreamId, endpoints } of sent) next.set(upstreamId, endpoints);
    this.#sentEndpoints = next;
  }

  #settle(sequence: number, answer: Answer): void {
    const resolve = this.#waiting.get(sequence);
    this.#waiting.delete(sequence);
    resolve?.(answer);
  }
}

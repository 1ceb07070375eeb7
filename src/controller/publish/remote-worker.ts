import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FromWorker, TableDelta, ToWorker } from '../../table/messages.ts';
import type { EndpointEntry, RouteTable, UpstreamEndpoints } from '../../table/table.ts';
import { ENTRIES_PER_MESSAGE, partsOf, withoutParts } from './table-parts.ts';
import { diffTables } from './table-diff.ts';

/** A worker as the publisher sees it: something to send messages to. */
export interface WorkerPort {
  readonly index: number;
  post(message: ToWorker): void;
}

export type EndpointsById = ReadonlyMap<string, readonly EndpointEntry[]>;

export type Answer =
  /** Unchanged: there was nothing to send. */
  | { readonly kind: 'acknowledged'; readonly isUnchanged?: boolean }
  | { readonly kind: 'rejected'; readonly message: string }
  | { readonly kind: 'died'; readonly reason: string }
  /** It has not answered; should it do so later, with `later`. */
  | { readonly kind: 'stuck'; readonly isLinking: boolean; readonly later: Promise<Answer> };

const ACKNOWLEDGED: Answer = { kind: 'acknowledged' };
const UNCHANGED: Answer = { kind: 'acknowledged', isUnchanged: true };

/** What one worker has been sent and has acknowledged. It is sent what it lacks, never more. */
export class RemoteWorker {
  readonly port: WorkerPort;
  /** The table it runs; undefined before the first. */
  table: RouteTable | undefined;
  readonly #sentEndpoints = new Map<string, readonly EndpointEntry[]>();
  /** Upstreams whose endpoints may not be as they were sent. */
  readonly #due = new Set<string>();
  readonly #nextSequence: () => number;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #knownUpstreams = new Set<string>();
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

  /** These have other endpoints now: they are sent with the next table, or before. */
  endpointsMoved(ids: Iterable<string>): void {
    for (const id of ids) this.#due.add(id);
  }

  /** Sends endpoints at once that are not as they were sent, of upstreams it has been told about; the others go with their table. */
  sendMissingEndpoints(now: EndpointsById): void {
    if (this.#isStuck || this.#death !== undefined) return;
    const endpoints = this.#takeDue(now);
    if (endpoints.length > 0)
      this.port.post({ kind: 'endpoints', sequence: this.#nextSequence(), endpoints });
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
    if (delta === undefined) {
      this.table = table;
      this.sendMissingEndpoints(now);
      return UNCHANGED;
    }
    const { removed } = delta.upstreams;
    const added = this.#know(delta);
    const isSentAhead = await this.#sendAhead(delta, now);
    const answer = await this.#send(isSentAhead ? withoutParts(delta) : delta, now);
    if (answer.kind === 'acknowledged') {
      this.table = table;
      this.#forget(removed);
    } else {
      for (const id of added) this.#knownUpstreams.delete(id);
      for (const id of removed) this.#knownUpstreams.add(id);
      this.#forget(added);
    }
    return answer;
  }

  /** Sends most of a large table in parts, each in a turn of the event loop of its own; answers whether it was one. */
  async #sendAhead(delta: TableDelta, now: EndpointsById): Promise<boolean> {
    let isSentAhead = false;
    for (const part of partsOf(delta)) {
      isSentAhead = true;
      this.port.post({ kind: 'table-part', part, endpoints: this.#takeDue(now, ENTRIES_PER_MESSAGE) });
      await nextTurn();
    }
    return isSentAhead;
  }

  #send(delta: TableDelta, now: EndpointsById): Promise<Answer> {
    if (this.#death !== undefined) return Promise.resolve({ kind: 'died', reason: this.#death });
    const sequence = this.#nextSequence();
    return new Promise((resolve) => {
      this.#waiting.set(sequence, resolve);
      this.port.post({ kind: 'table', sequence, delta, endpoints: this.#takeDue(now) });
    });
  }

  /** Takes in which upstreams it is told about; answers those that it did not know. */
  #know({ upstreams }: TableDelta): string[] {
    for (const id of upstreams.removed) this.#knownUpstreams.delete(id);
    const added = upstreams.set.map(({ id }) => id).filter((id) => !this.#knownUpstreams.has(id));
    for (const id of added) this.#knownUpstreams.add(id);
    return added;
  }

  /** What it has forgotten is to be sent anew, should it come back. */
  #forget(ids: readonly string[]): void {
    for (const id of ids) {
      this.#sentEndpoints.delete(id);
      this.#due.add(id);
    }
  }

  /** Endpoints of known upstreams that are not as they were sent; they count as sent from now on. */
  #takeDue(now: EndpointsById, most = Infinity): UpstreamEndpoints[] {
    const taken: UpstreamEndpoints[] = [];
    for (const upstreamId of this.#due) {
      const endpoints = now.get(upstreamId);
      const isKnown = this.#knownUpstreams.has(upstreamId);
      if (isKnown || endpoints === undefined) this.#due.delete(upstreamId);
      if (!isKnown || endpoints === undefined || this.#sentEndpoints.get(upstreamId) === endpoints) continue;
      this.#sentEndpoints.set(upstreamId, endpoints);
      taken.push({ upstreamId, endpoints });
      if (taken.length >= most) break;
    }
    return taken;
  }

  #settle(sequence: number, answer: Answer): void {
    const resolve = this.#waiting.get(sequence);
    this.#waiting.delete(sequence);
    resolve?.(answer);
  }
}

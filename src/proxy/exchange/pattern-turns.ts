import { patternTime } from '../../lib/pattern-time.ts';

/** Patterns may take this long of one turn of the event loop, for all requests together, but for the one that passes it. */
const TURN_MS = 5;
/** A host whose patterns took this long for one request is one that waits, for the time below. */
const COSTLY_MS = 0.25;
const KNOWN_COSTLY_MS = 60_000;
/** A longer path may be costly, whosever it is. */
const LONG_PATH = 256;

/** An exchange, as far as waiting asks for it. */
interface Served {
  readonly serial: number;
  isServing(serial: number): boolean;
}

interface PutOff {
  readonly served: Served;
  readonly serial: number;
  readonly enter: () => void;
}

/**
 * Keeps patterns from holding up requests that have nothing to do with them: when those of one turn took long, the requests of hosts that
 * are known for it wait for the next turn, in their order, and all others go on.
 */
export class PatternTurns {
  readonly #now: () => number;
  readonly #atTurnEnd: (run: () => void) => void;
  /** What patterns had taken when the turn began. */
  #begunAtMs = patternTime.totalMs;
  #isEndDue = false;
  readonly #costlyUntilMs = new WeakMap<object, number>();
  readonly #waiting: PutOff[] = [];
  readonly #endTurn = (): void => this.#begin();

  constructor(now: () => number, atTurnEnd: (run: () => void) => void) {
    this.#now = now;
    this.#atTurnEnd = atTurnEnd;
  }

  /** Whether patterns have taken what they may of this turn. */
  get isSpent(): boolean {
    return patternTime.totalMs - this.#begunAtMs >= TURN_MS;
  }

  /** Whether a request is one that waits when they have. */
  hasToWait(host: object, path: string): boolean {
    if (path.length > LONG_PATH) return true;
    const untilMs = this.#costlyUntilMs.get(host);
    return untilMs !== undefined && this.#now() < untilMs;
  }

  /** Says what patterns took for a request of that host. */
  charge(host: object, tookMs: number): void {
    if (tookMs >= COSTLY_MS) this.#costlyUntilMs.set(host, this.#now() + KNOWN_COSTLY_MS);
    this.#awaitEnd();
  }

  /** Has it entered in a turn to come, if it is still there then. */
  putOff(served: Served, enter: () => void): void {
    this.#waiting.push({ served, serial: served.serial, enter });
    this.#awaitEnd();
  }

  #awaitEnd(): void {
    if (this.#isEndDue) return;
    this.#isEndDue = true;
    this.#atTurnEnd(this.#endTurn);
  }

  #begin(): void {
    this.#isEndDue = false;
    this.#begunAtMs = patternTime.totalMs;
    while (this.#waiting.length > 0 && !this.isSpent) {
      const { served, serial, enter } = this.#waiting.shift()!;
      if (served.isServing(serial)) enter();
    }
    if (this.#waiting.length > 0) this.#awaitEnd();
  }
}

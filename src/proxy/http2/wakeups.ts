/** Does its part when its turn comes. */
export interface Turn {
  takeTurn(): void;
}

type Defer = (job: () => void) => void;

/** Turns that are due at the same time. */
class Round {
  readonly #defer: Defer;
  readonly #job: () => void;
  #due: Turn[] = [];
  #spare: Turn[] = [];

  constructor(defer: Defer) {
    this.#defer = defer;
    this.#job = () => this.#run();
  }

  add(turn: Turn): void {
    this.#due.push(turn);
    if (this.#due.length === 1) this.#defer(this.#job);
  }

  #run(): void {
    const due = this.#due;
    this.#due = this.#spare;
    let done = 0;
    try {
      while (done < due.length) due[done++]!.takeTurn();
    } finally {
      // What one of them throws is not to keep the others from theirs.
      while (done < due.length) this.add(due[done++]!);
      while (due.length > 0) due.pop();
      this.#spare = due;
    }
  }
}

/**
 * Sessions that have something to do once all that one wake-up of the event loop brings has been read: what is ready on all their streams
 * by then leaves in one write.
 */
export class Wakeups {
  readonly #later: Round;
  readonly #soon: Round;

  /** `defer`: in place of both ways to wait. */
  constructor(defer?: Defer) {
    this.#later = new Round(defer ?? setImmediate);
    this.#soon = new Round(defer ?? process.nextTick);
  }

  add(turn: Turn): void {
    this.#later.add(turn);
  }

  /** The same for one that has nothing else to wait for: behind the present call, which saves the event loop a round. */
  addSoon(turn: Turn): void {
    this.#soon.add(turn);
  }
}

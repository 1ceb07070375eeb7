/** Does its part when its turn comes. */
export interface Turn {
  takeTurn(): void;
}

/**
 * Sessions that have something to do once all that one wake-up of the event loop brings has been read: what is ready on all their streams
 * by then leaves in one write.
 */
export class Wakeups {
  readonly #defer: (job: () => void) => void;
  readonly #job: () => void;
  #due: Turn[] = [];
  #spare: Turn[] = [];

  constructor(defer: (job: () => void) => void = setImmediate) {
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

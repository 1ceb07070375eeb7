/** Has input that has to wait for a turn of the event loop. */
export interface TurnUser {
  /** Its turn has come. */
  goOn(): void;
}

type Defer = (job: () => void) => void;

/**
 * Keeps single users from having a turn of the event loop for themselves: each may spend so many units of a turn, and what is beyond that
 * waits for a turn to come. Of those that wait a few go on in each turn, in their order.
 */
export class FairTurns {
  /** Units that a user may spend in a turn; what it costs is for the users to say, about a microsecond each. */
  readonly share: number;
  /** Which turn it is; turns that nobody has asked for are not counted. */
  number = 0;
  readonly #atOnce: number;
  readonly #defer: Defer;
  readonly #job: () => void;
  readonly #waiting: TurnUser[] = [];
  #isNextDue = false;

  /** `atOnce`: how many of those that wait go on in one turn. */
  constructor(share: number, atOnce: number, defer: Defer = setImmediate) {
    this.share = share;
    this.#atOnce = atOnce;
    this.#defer = defer;
    this.#job = () => this.#begin();
  }

  /** Shares are whole again in the next turn. */
  expectNext(): void {
    if (this.#isNextDue) return;
    this.#isNextDue = true;
    this.#defer(this.#job);
  }

  await(user: TurnUser): void {
    this.#waiting.push(user);
    this.expectNext();
  }

  #begin(): void {
    this.#isNextDue = false;
    this.number++;
    let going = Math.min(this.#atOnce, this.#waiting.length);
    // Asked for first: what one of them throws is not to keep the others from theirs.
    if (this.#waiting.length > going) this.expectNext();
    while (going-- > 0) this.#waiting.shift()!.goOn();
  }
}

/** What one user has of the turns. */
export class TurnShare {
  /** Units that are left of the present turn; the user takes away what it spends. */
  left: number;
  /** Whether input has to wait until it is called. */
  isWaiting = false;
  readonly #turns: FairTurns;
  readonly #user: TurnUser;
  #turn: number;
  /** Whether it had more to do than fits a turn, so that all of its input waits for its turn. */
  #isGreedy = false;
  #isCalled = false;

  constructor(turns: FairTurns, user: TurnUser) {
    this.#turns = turns;
    this.#user = user;
    this.#turn = turns.number;
    this.left = turns.share;
  }

  /** Whether input may be used now; otherwise the user is called when its turn has come. */
  begin(): boolean {
    if (this.isWaiting) return false;
    const { number, share } = this.#turns;
    if (this.#turn !== number) {
      this.#turn = number;
      this.left = share;
    }
    if (this.left <= 0 || (this.#isGreedy && !this.#isCalled)) {
      this.#wait();
      return false;
    }
    this.#isCalled = false;
    return true;
  }

  /** Input was used, all of it or as much as there was left for. */
  end(isAll: boolean): void {
    const { share } = this.#turns;
    if (!isAll) {
      this.#isGreedy = true;
      this.#wait();
    } else if (this.left < share * 0.875) {
      // Small use of many turns would add up otherwise.
      this.#turns.expectNext();
      if (this.left >= share / 2) this.#isGreedy = false;
    } else {
      this.#isGreedy = false;
    }
  }

  /** The user's turn has come. */
  call(): void {
    this.isWaiting = false;
    this.#isCalled = true;
  }

  #wait(): void {
    this.isWaiting = true;
    this.#turns.await(this.#user);
  }
}

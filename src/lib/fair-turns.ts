/** Has input that has to wait for a turn of the event loop. */
export interface TurnUser {
  /** Its turn has come. */
  goOn(): void;
}

type Defer = (job: () => void) => void;

/** Units of a turn; what costs how many is for the users to say, about a microsecond each. */
export interface TurnUnits {
  /** What a user may spend in a turn. */
  readonly share: number;
  /** When all have spent so much of a turn, it is crowded. */
  readonly crowd: number;
  /** What a user that comes then may spend. */
  readonly crowdedShare: number;
}

/**
 * Keeps users, one or many, from having a turn of the event loop for themselves: each may spend so many units of a turn, and what is
 * beyond that waits for a turn to come. Of those that wait one goes on in each turn, in their order.
 */
export class FairTurns {
  readonly units: TurnUnits;
  /** Which turn it is; turns that nobody has asked for are not counted. */
  number = 0;
  readonly #defer: Defer;
  readonly #job: () => void;
  readonly #waiting: TurnUser[] = [];
  #spent = 0;
  #isNextDue = false;

  constructor(units: TurnUnits, defer: Defer = setImmediate) {
    this.units = units;
    this.#defer = defer;
    this.#job = () => this.#begin();
  }

  /** What a user may spend that has not spent anything of this turn. */
  get fresh(): number {
    return this.#spent < this.units.crowd ? this.units.share : this.units.crowdedShare;
  }

  /** Units were spent. */
  spend(units: number): void {
    this.#spent += units;
    // Small use of many turns would add up otherwise.
    if (this.#spent * 8 > this.units.share) this.#expectNext();
  }

  await(user: TurnUser): void {
    this.#waiting.push(user);
    this.#expectNext();
  }

  #expectNext(): void {
    if (this.#isNextDue) return;
    this.#isNextDue = true;
    this.#defer(this.#job);
  }

  #begin(): void {
    this.#isNextDue = false;
    this.number++;
    this.#spent = 0;
    const user = this.#waiting.shift();
    // Asked for first: what it throws is not to keep the others from their turns.
    if (this.#waiting.length > 0) this.#expectNext();
    user?.goOn();
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
  #before = 0;
  /** Whether it had more to do than fits a turn, so that all of its input waits for its turn. */
  #isGreedy = false;
  #isCalled = false;

  constructor(turns: FairTurns, user: TurnUser) {
    this.#turns = turns;
    this.#user = user;
    this.#turn = turns.number;
    this.left = turns.units.share;
  }

  /** Whether input may be used now; otherwise the user is called when its turn has come. */
  begin(): boolean {
    if (this.isWaiting) return false;
    const { number } = this.#turns;
    if (this.#turn !== number) {
      this.#turn = number;
      // Whose turn it is has all of it.
      this.left = this.#isCalled ? this.#turns.units.share : this.#turns.fresh;
    }
    if (this.left <= 0 || (this.#isGreedy && !this.#isCalled)) {
      this.#wait();
      return false;
    }
    this.#isCalled = false;
    this.#before = this.left;
    return true;
  }

  /** Input was used, all of it or as much as there was left for. */
  end(isAll: boolean): void {
    this.#turns.spend(this.#before - this.left);
    if (!isAll) {
      this.#isGreedy = true;
      this.#wait();
    } else if (this.left * 2 >= this.#turns.units.share) {
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

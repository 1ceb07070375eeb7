import { type FairTurns, TurnShare, type TurnUser } from '../../lib/fair-turns.ts';
import type { Output } from './output.ts';

/** Octets beyond what may wait while the sink takes none, before reading stops: answers to what was read. */
const MAX_BACKLOG = 16_384;

/** Stops and starts reading. */
export interface ReadingSwitch {
  setReading(isReading: boolean): void;
}

/** Lets input in as far as there is a turn for it, and as answers to it can be sent. */
export class InputGate implements TurnUser {
  readonly share: TurnShare;
  readonly #out: Output;
  readonly #reading: ReadingSwitch;
  #isStopped = false;
  #isClosed = false;

  constructor(turns: FairTurns, out: Output, reading: ReadingSwitch) {
    this.share = new TurnShare(turns, this);
    this.#out = out;
    this.#reading = reading;
  }

  /** Whether what came may be used now; otherwise it is to be brought again. */
  begin(): boolean {
    if (this.share.begin()) return true;
    this.#isStopped = true;
    this.#reading.setReading(false);
    return false;
  }

  /** What came was used, all of it or as much as there is a turn for. */
  end(isAll: boolean): void {
    this.share.end(isAll);
    if (this.share.isWaiting || this.#isBacklogLong) this.regulate();
  }

  /** Its turn has come: what waits is brought again. */
  goOn(): void {
    this.share.call();
    this.regulate();
  }

  /** To be called whenever it may be that more, or less, can be sent. */
  regulate(): void {
    const isReading = !this.share.isWaiting && !this.#isBacklogLong;
    if (this.#isStopped !== isReading || this.#isClosed) return;
    this.#isStopped = !isReading;
    this.#reading.setReading(isReading);
  }

  /** Nothing is read any more. */
  close(): void {
    this.#isClosed = true;
  }

  get #isBacklogLong(): boolean {
    return this.#out.isFull && this.#out.pending > this.#out.ahead + MAX_BACKLOG;
  }
}

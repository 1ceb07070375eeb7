import { type FairTurns, TurnShare, type TurnUser } from '../../lib/fair-turns.ts';
import { InputBuffer } from './input-buffer.ts';

/** Bytes behind the present request that are kept before reading stops. */
export const MAX_WAITING_BYTES = 65_536;

/** What a request costs of a turn of the event loop; so many octets of its head make a unit, as a power of two. */
const REQUEST_UNITS = 25;
const HEAD_OCTET_BITS = 4;

/** Who uses the bytes of a connection. */
export interface InputUser {
  /** Uses bytes for as long as it has use for them, and units of the turn are left; answers the offset of the first one that has to wait. */
  useInput(buffer: Buffer, start: number, end: number): number;
  /** Everything that could be used was. */
  onInputUsed(): void;
  /** There are no more. */
  onInputEnd(): void;
  /** Using them met an exception. */
  onInputFailed(fault: unknown): void;
}

/** Bytes of a connection in their order: used as they come, and kept for later where they cannot be. */
export class InputQueue implements TurnUser {
  /** What using them costs; with nothing left they wait for another turn. */
  readonly share: TurnShare;
  readonly #user: InputUser;
  #waiting: InputBuffer | undefined = undefined;
  #isInUse = false;
  #isDue = false;
  #isEndDue = false;
  #processDue: (() => void) | undefined = undefined;

  constructor(user: InputUser, turns: FairTurns) {
    this.#user = user;
    this.share = new TurnShare(turns, this);
  }

  get length(): number {
    return this.#waiting === undefined ? 0 : this.#waiting.length;
  }

  get isEmpty(): boolean {
    return this.length === 0;
  }

  /** Takes what a connection brought; what cannot be used at once is copied. `isGiven`: the user may keep the bytes as they are. */
  push(bytes: Buffer, start: number, end: number, isGiven: boolean): void {
    if (!isGiven) {
      this.push(Buffer.from(bytes.subarray(start, end)), 0, end - start, true);
      return;
    }
    if (this.#waiting !== undefined || this.#isInUse || !this.share.begin()) {
      this.#keep(bytes, start, end);
      this.process();
      return;
    }
    this.#isInUse = true;
    let position = start;
    try {
      position = this.#user.useInput(bytes, start, end);
    } catch (fault) {
      this.#isInUse = false;
      this.#user.onInputFailed(fault);
      return;
    }
    this.#isInUse = false;
    this.share.end(position === end || this.share.left > 0);
    if (position === end) return;
    this.#keep(bytes, position, end);
    this.#user.onInputUsed();
  }

  /** Offers what waits once more; nothing while it is being used already. */
  process(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#isInUse) return;
    if (!this.share.begin()) {
      this.#user.onInputUsed();
      return;
    }
    this.#isInUse = true;
    try {
      waiting.position = this.#user.useInput(waiting.buffer, waiting.position, waiting.end);
    } catch (fault) {
      this.#isInUse = false;
      this.#user.onInputFailed(fault);
      return;
    }
    this.#isInUse = false;
    this.share.end(waiting.length === 0 || this.share.left > 0);
    if (waiting.length === 0) this.#waiting = undefined;
    this.#user.onInputUsed();
  }

  /** Offers what waits when the present call is over: whoever asks for it may be in the middle of sending. */
  processSoon(): void {
    if (this.#isDue || this.isEmpty) return;
    this.#isDue = true;
    this.#processDue ??= () => {
      this.#isDue = false;
      this.process();
      this.#endInTime();
    };
    process.nextTick(this.#processDue);
  }

  /** The connection brings nothing more. The user hears of it behind what is to be used before. */
  end(): void {
    this.#isEndDue = true;
    this.#endInTime();
  }

  /** A request begins. */
  charge(headBytes: number): void {
    this.share.left -= REQUEST_UNITS + (headBytes >> HEAD_OCTET_BITS);
  }

  /** Its turn has come. */
  goOn(): void {
    this.share.call();
    this.process();
    this.#endInTime();
  }

  clear(): void {
    this.#waiting = undefined;
  }

  #endInTime(): void {
    if (!this.#isEndDue || this.#isDue || this.share.isWaiting) return;
    this.#isEndDue = false;
    this.#user.onInputEnd();
  }

  #keep(bytes: Buffer, start: number, end: number): void {
    this.#waiting ??= new InputBuffer();
    this.#waiting.append(bytes, start, end);
  }
}

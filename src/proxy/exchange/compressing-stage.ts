import type { Transform } from 'node:stream';
import type { BodyOut, BodyStage } from '../../features/kit/body.ts';
import { Timer, type TimerOwner, type Timers } from '../../lib/timer-wheel.ts';
import type { Coding } from './coding.ts';
import { type CompressorRoom, PIECE_BYTES } from './compressor-room.ts';

export interface StageDeps {
  readonly timers: Timers;
  readonly compressors: CompressorRoom;
}

/** A body that is declared short is waited for so long, at least; then what has come goes out. */
const WAIT_MS = 10;
/** A body without length may show that it is short within so many turns of the event loop. */
const WAIT_TURNS = 2;
const FIRST_HELD_BYTES = 16_384;

const NOTHING = Buffer.alloc(0);

/**
 * Compresses one response body. A short one is compressed at once when all of it has come; of any other, what one read of the upstream
 * brought goes to zlib's threads, and all of that goes out, so that nothing waits for what comes later.
 */
export class CompressingStage implements BodyStage, TimerOwner {
  readonly #coding: Coding;
  readonly #declaredBytes: number;
  readonly #out: BodyOut;
  readonly #deps: StageDeps;
  readonly #timer: Timer = new Timer(this);
  #held: Buffer = NOTHING;
  #heldBytes = 0;
  /** Whether what is held stands in a place that is lent. */
  #isLent = false;
  #stream: Transform | undefined = undefined;
  #isWaiting = false;
  #turnsLeft = 0;
  #isFull = false;
  #isOver = false;

  /** `declaredBytes`: length of the body, or -1. */
  constructor(coding: Coding, declaredBytes: number, out: BodyOut, deps: StageDeps) {
    this.#coding = coding;
    this.#declaredBytes = declaredBytes;
    this.#out = out;
    this.#deps = deps;
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    for (let from = start; from < end;) {
      const to = Math.min(end, from + PIECE_BYTES - this.#heldBytes);
      this.#hold(buffer, from, to);
      from = to;
      if (this.#heldBytes === PIECE_BYTES) this.#pass();
    }
    return !this.#isFull;
  }

  flush(): boolean {
    if (this.#isOver || this.#heldBytes === 0) return !this.#isFull;
    const { atOnceBytes } = this.#coding;
    const leastBytes = Math.max(this.#declaredBytes, this.#heldBytes);
    if (this.#stream !== undefined || leastBytes > atOnceBytes) {
      this.#pass();
    } else if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#moveOut();
      if (this.#declaredBytes >= 0) this.#deps.timers.arm(this.#timer, WAIT_MS);
      else this.#waitTurns();
    }
    return !this.#isFull;
  }

  end(): void {
    this.#stopWaiting();
    this.#isOver = true;
    if (this.#stream === undefined && this.#heldBytes <= this.#coding.atOnceBytes) {
      const body = this.#coding.compress(this.#held.subarray(0, this.#heldBytes));
      this.#forgetHeld();
      this.#out.end(body);
    } else if (this.#heldBytes > 0) this.#open().end(this.#takeHeld());
    else this.#open().end();
  }

  drain(): void {
    this.#stream?.resume();
  }

  close(): void {
    this.#isOver = true;
    this.#forgetHeld();
    this.#stopWaiting();
    this.#stream?.destroy();
    this.#letGo();
  }

  onTimer(): void {
    this.#passLate();
  }

  /** The event loop has turned once more. */
  onTurn(): void {
    if (!this.#isWaiting) return;
    this.#turnsLeft--;
    if (this.#turnsLeft > 0) setImmediate(onTurn, this);
    else this.#passLate();
  }

  #passLate(): void {
    if (this.#isOver || this.#heldBytes === 0) return;
    this.#guard(() => this.#pass());
  }

  /** Does what no caller of the exchange's watches over. */
  #guard(step: () => void): void {
    try {
      step();
    } catch (fault) {
      this.#out.fail(fault);
    }
  }

  /** Gives what is held to a thread. */
  #pass(): void {
    this.#stopWaiting();
    if (!this.#open().write(this.#takeHeld())) this.#isFull = true;
  }

  #open(): Transform {
    if (this.#stream !== undefined) return this.#stream;
    const out = this.#out;
    const stream = this.#coding.createStream();
    this.#stream = stream;
    this.#deps.compressors.take(this.#coding.streamBytes);
    const send = (bytes: Buffer): void => {
      if (!out.write(bytes)) stream.pause();
    };
    stream.on('data', (bytes: Buffer) => this.#guard(() => send(bytes)));
    stream.on('drain', () => {
      this.#isFull = false;
      this.#guard(() => out.ready());
    });
    stream.on('end', () => {
      this.#letGo();
      this.#guard(() => out.end());
    });
    stream.on('error', (fault) => out.fail(fault));
    return stream;
  }

  #letGo(): void {
    if (this.#stream === undefined) return;
    this.#stream = undefined;
    this.#deps.compressors.give(this.#coding.streamBytes);
  }

  #waitTurns(): void {
    this.#turnsLeft = WAIT_TURNS;
    setImmediate(onTurn, this);
  }

  #stopWaiting(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#deps.timers.cancel(this.#timer);
  }

  #hold(buffer: Buffer, start: number, end: number): void {
    const bytes = this.#heldBytes + end - start;
    if (this.#heldBytes === 0) this.#borrow();
    if (bytes > this.#held.length) this.#grow(bytes);
    buffer.copy(this.#held, this.#heldBytes, start, end);
    this.#heldBytes = bytes;
  }

  #borrow(): void {
    const place = this.#deps.compressors.lendPlace();
    if (place === undefined) return;
    this.#held = place;
    this.#isLent = true;
  }

  #grow(bytes: number): void {
    const wanted = Math.max(bytes, 2 * this.#held.length, this.#declaredBytes, FIRST_HELD_BYTES);
    const held = Buffer.allocUnsafe(Math.min(wanted, PIECE_BYTES));
    this.#held.copy(held, 0, 0, this.#heldBytes);
    this.#held = held;
  }

  /** Makes room for other bodies in the place that is lent. */
  #moveOut(): void {
    if (!this.#isLent) return;
    this.#held = Buffer.from(this.#held.subarray(0, this.#heldBytes));
    this.#giveBack();
  }

  #giveBack(): void {
    if (!this.#isLent) return;
    this.#isLent = false;
    this.#deps.compressors.returnPlace();
  }

  /** Whoever gets it may read it for longer: the next bytes need another place. */
  #takeHeld(): Buffer {
    this.#moveOut();
    const held = this.#held.subarray(0, this.#heldBytes);
    this.#forgetHeld();
    return held;
  }

  #forgetHeld(): void {
    this.#giveBack();
    this.#held = NOTHING;
    this.#heldBytes = 0;
  }
}

function onTurn(stage: CompressingStage): void {
  stage.onTurn();
}

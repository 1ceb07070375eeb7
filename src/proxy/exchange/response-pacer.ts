import { Timer, type TimerOwner, type Timers } from '../../lib/timer-wheel.ts';
import type { LimitRatePolicy } from '../../model/policy.ts';
import type { HeaderBlock, ResponseHead } from '../message/heads.ts';
import { HEADER } from '../message/known-headers.ts';
import type { Downstream } from './downstream.ts';

/** Bytes that are worth a write, unless they take less or more time than the two below. */
const STEP_BYTES = 4_096;
const STEP_MIN_MS = 100;
const STEP_MAX_MS = 1_000;
/** How much a response may make up for that its upstream did not send in time. */
const CREDIT_MS = 1_000;

/** A number of bytes as X-Accel-Limit-Rate has it. */
const RATE = /^\d{1,15}$/;

const NOTHING = Buffer.alloc(0);

/** What a pacer needs of an exchange. */
export interface PacedExchange {
  readonly context: { readonly now: () => number; readonly timers: Timers };
  readonly downstream: Pick<Downstream, 'writeBody' | 'flush'>;
  readonly accounting: { bodyBytesSent: number };
  readonly response: { headers: HeaderBlock | undefined };
}

export interface PacedSender {
  /** All that was held back is out, and more may come. */
  onPaced(): void;
  /** All is out, the end had come. */
  onPacedEnd(trailers: HeaderBlock | undefined, endedAtMs: number): void;
  onPacingFailed(fault: unknown): void;
}

/**
 * Lets the body of one response out no faster than so many bytes a second (nginx: limit_rate). What comes in too early is held back;
 * whoever reads the upstream stops until it is out, so that one read is the most it holds.
 */
export class ResponsePacer implements TimerOwner {
  readonly #exchange: PacedExchange;
  readonly #sender: PacedSender;
  readonly #timer: Timer = new Timer(this);
  readonly #bytesPerMs: number;
  readonly #stepBytes: number;
  readonly #maxCredit: number;
  /** Bytes that may go out now. */
  #credit: number;
  #creditedAtMs: number;
  #held = NOTHING;
  #start = 0;
  #end = 0;
  #isEnded = false;
  #trailers: HeaderBlock | undefined = undefined;

  constructor(exchange: PacedExchange, { bytesPerSecond, freeBytes }: LimitRatePolicy, sender: PacedSender) {
    this.#exchange = exchange;
    this.#sender = sender;
    this.#bytesPerMs = bytesPerSecond / 1_000;
    const stepMs = Math.min(STEP_MAX_MS, Math.max(STEP_MIN_MS, STEP_BYTES / this.#bytesPerMs));
    this.#stepBytes = Math.max(1, Math.floor(this.#bytesPerMs * stepMs));
    this.#maxCredit = Math.max(this.#stepBytes, this.#bytesPerMs * CREDIT_MS);
    this.#credit = freeBytes + this.#stepBytes;
    this.#creditedAtMs = exchange.context.now();
  }

  /** For a response that has a rate: its route's, unless the upstream itself says one (nginx: X-Accel-Limit-Rate, in bytes per second). */
  static of(
    exchange: PacedExchange,
    head: ResponseHead,
    ofRoute: LimitRatePolicy | undefined,
    sender: PacedSender,
  ): ResponsePacer | undefined {
    const said = head.headers.byId(HEADER['x-accel-limit-rate']);
    if ((ofRoute === undefined && said === undefined) || !head.hasBody) return undefined;
    const { bytesPerSecond, freeBytes } = ofRoute ?? { bytesPerSecond: 0, freeBytes: 0 };
    const rate = said !== undefined && RATE.test(said) ? Number(said) : bytesPerSecond;
    return rate === 0 ? undefined : new ResponsePacer(exchange, { bytesPerSecond: rate, freeBytes }, sender);
  }

  /** Takes body bytes that came in; they may be needed after the call only when `isOwned`. */
  take(buffer: Buffer, start: number, end: number, isOwned: boolean): void {
    let from = start;
    if (this.#isEmpty) {
      this.#earn();
      from += Math.min(end - start, Math.floor(this.#credit));
      if (from > start) this.#write(buffer, start, from, isOwned);
    }
    if (from < end) this.#hold(buffer, from, end);
  }

  /** Sends what may be sent by now; false: `onPaced` tells when there is use for more. */
  pump(): boolean {
    const { downstream, context } = this.#exchange;
    if (!this.#isEmpty) {
      this.#earn();
      const sent = Math.min(this.#end - this.#start, Math.floor(this.#credit));
      if (sent > 0) {
        const from = this.#start;
        this.#start += sent;
        this.#write(this.#held, from, from + sent, false);
      }
    }
    if (!downstream.flush()) return false;
    if (this.#isEmpty) {
      context.timers.disarm(this.#timer);
      return true;
    }
    const wanted = Math.min(this.#end - this.#start, this.#stepBytes);
    context.timers.arm(this.#timer, (wanted - this.#credit) / this.#bytesPerMs);
    return false;
  }

  /** Nothing follows. */
  end(trailers: HeaderBlock | undefined, endedAtMs: number): void {
    this.pump();
    if (this.#isEmpty) {
      this.#sender.onPacedEnd(trailers, endedAtMs);
      return;
    }
    // What they were read with reads the next response meanwhile.
    const { response } = this.#exchange;
    response.headers = response.headers?.copy();
    this.#trailers = trailers?.copy();
    this.#isEnded = true;
  }

  /** The client takes more. */
  onDownstreamDrain(): void {
    const isMoreWanted = this.pump();
    if (this.#isEnded && this.#isEmpty) this.#sender.onPacedEnd(this.#trailers, this.#exchange.context.now());
    else if (isMoreWanted) this.#sender.onPaced();
  }

  onTimer(): void {
    try {
      this.onDownstreamDrain();
    } catch (fault) {
      this.#sender.onPacingFailed(fault);
    }
  }

  /** Lets go of what is held back. */
  cancel(): void {
    this.#exchange.context.timers.cancel(this.#timer);
    this.#held = NOTHING;
    this.#start = 0;
    this.#end = 0;
    this.#isEnded = false;
  }

  get #isEmpty(): boolean {
    return this.#start === this.#end;
  }

  #earn(): void {
    const nowMs = this.#exchange.context.now();
    const earned = (nowMs - this.#creditedAtMs) * this.#bytesPerMs;
    this.#creditedAtMs = nowMs;
    if (this.#credit < this.#maxCredit) this.#credit = Math.min(this.#maxCredit, this.#credit + earned);
  }

  #write(buffer: Buffer, start: number, end: number, isOwned: boolean): void {
    this.#credit -= end - start;
    this.#exchange.accounting.bodyBytesSent += end - start;
    this.#exchange.downstream.writeBody(buffer, start, end, isOwned);
  }

  #hold(buffer: Buffer, start: number, end: number): void {
    const length = end - start;
    if (this.#isEmpty) {
      this.#start = 0;
      this.#end = 0;
    }
    if (this.#end + length > this.#held.length) {
      const held = Buffer.allocUnsafe(Math.max(2 * this.#held.length, this.#end + length));
      this.#held.copy(held, 0, 0, this.#end);
      this.#held = held;
    }
    buffer.copy(this.#held, this.#end, start, end);
    this.#end += length;
  }
}

import { answerFault } from './answer.ts';
import { BodyStore, type BodyStoreOwner } from './body-store.ts';
import type { Exchange } from './exchange.ts';
import { CHUNK_END, chunkHead, LAST_CHUNK } from '../http1/chunked-encoder.ts';
import { CHUNKED_LINE, contentLengthLine, type HeadText, NO_LINES } from '../message/head-text.ts';

/** A body goes to disk from here on, where its route does not say otherwise (client-body-buffer-size). */
const MAX_BYTES_IN_MEMORY = 1_048_576;
/** A streamed body up to this is kept until the response begins, so that another try can send it. */
const MAX_KEPT_BYTES = 1_048_576;

const NONE = 0;
const COLLECTING = 1;
const COLLECTED = 2;
const STREAMING = 3;

/**
 * The request body of one exchange: collected before the upstream is contacted, so that it has a length and can be sent again, or
 * passed on as it comes. `#pump` alone sends it, and nothing that `#pump` calls brings more of it.
 */
export class RequestBody implements BodyStoreOwner {
  readonly #exchange: Exchange;
  #state = NONE;
  #store: BodyStore | undefined = undefined;
  /** Handed from the store to the connection; empty but for that moment. */
  readonly #parts: Buffer[] = [];
  /** Still to be sent before the body. */
  #headText = '';
  #lastPart = '';
  #isEnded = false;
  #isRestSent = false;
  /** Whether the upstream takes no more for now. */
  #isBlocked = false;
  #isPaused = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** Whether another try can send all of it. */
  get isReplayable(): boolean {
    return this.#state === NONE || !this.#store!.isConsumed;
  }

  /** Whether it cannot be sent again, so that a kept-alive connection, which may be gone, is no place for it. */
  get isFreshNeeded(): boolean {
    return this.#state === STREAMING && this.#exchange.head.contentLength > MAX_KEPT_BYTES;
  }

  /** Framing lines for the upstream head. */
  get framingLine(): HeadText {
    const { head } = this.#exchange;
    if (this.#state === STREAMING) {
      return head.framing === 'chunked' ? CHUNKED_LINE : contentLengthLine(head.contentLength);
    }
    if (this.#state === COLLECTED) return contentLengthLine(this.#store!.size);
    return head.contentLength === 0 ? contentLengthLine(0) : NO_LINES;
  }

  /** Begins to read it as the route's policy says; goes on to the upstream as soon as that may be contacted. */
  begin(): void {
    const exchange = this.#exchange;
    const { head, route, downstream, sequence } = exchange;
    if (head.framing === 'none') {
      this.#state = NONE;
      exchange.forwarding.begin();
      return;
    }
    this.#store ??= new BodyStore(this, exchange.context.bodies);
    this.#store.open(exchange.clientAddress);
    this.#headText = '';
    this.#lastPart = '';
    this.#isEnded = false;
    this.#isRestSent = false;
    this.#isBlocked = false;
    this.#isPaused = false;
    const { isRequestBuffered, upstreamHttpMinor } = route!.body;
    const isCollected =
      head.framing === 'chunked'
        ? isRequestBuffered || upstreamHttpMinor === 0
        : isRequestBuffered && head.contentLength <= this.#mostCollected;
    this.#state = isCollected ? COLLECTING : STREAMING;
    if (this.#state === STREAMING) exchange.forwarding.begin();
    if (exchange.isActive && exchange.sequence === sequence) downstream.readBody();
  }

  onData(buffer: Buffer, start: number, end: number): void {
    const store = this.#store!;
    const { maxBodyBytes } = this.#exchange.route!.body;
    if (maxBodyBytes > 0 && store.size + end - start > maxBodyBytes) {
      this.#exchange.onBodyRefused('body_too_large');
      return;
    }
    store.append(buffer, start, end);
  }

  /** All of one read was handed over. */
  onRead(): void {
    if (this.#state === COLLECTING) this.#settle();
    else this.#pump();
    this.#regulate();
  }

  onEnd(): void {
    const store = this.#store!;
    this.#isEnded = true;
    if (this.#state === COLLECTING) {
      if (store.isInMemory && store.isBudgetOver && this.#exchange.context.bodies.spool !== undefined) {
        store.spill();
      }
      store.end();
      if (store.isStored) this.#forward();
      return;
    }
    if (this.#exchange.head.framing === 'chunked') {
      this.#lastPart = LAST_CHUNK;
    }
    this.#pump();
    this.#regulate();
  }

  onStoreReady(): void {
    try {
      if (this.#state === COLLECTED) {
        this.#pump();
        return;
      }
      if (this.#isEnded && this.#store!.isStored) this.#forward();
      this.#regulate();
    } catch (fault) {
      answerFault(this.#exchange, fault);
    }
  }

  onStoreFailed(): void {
    this.#exchange.onBodyRefused('spool_full');
  }

  /** Sends the head with what is at hand of the body. */
  sendWith(headText: HeadText): void {
    if (this.#state === NONE) {
      const connection = this.#exchange.forwarding.connection!;
      connection.completeRequest();
      connection.sendText(headText);
      return;
    }
    this.#store!.rewind();
    this.#headText = headText;
    this.#isRestSent = false;
    this.#isBlocked = false;
    this.#pump();
    this.#regulate();
  }

  /** Lets go of what was kept for another try: there will be none. */
  forget(): void {
    if (this.#state !== NONE) this.#store!.forget();
  }

  /** Gives back what it holds: the exchange is over. */
  release(): void {
    if (this.#state === NONE) return;
    this.#state = NONE;
    this.#store!.release();
  }

  /** The upstream takes more. */
  onUpstreamDrain(): void {
    if (this.#state === NONE) return;
    this.#isBlocked = false;
    this.#pump();
    this.#regulate();
  }

  /** Longest body that can be collected: a longer one would never find room. */
  get #mostCollected(): number {
    const { spool, budget } = this.#exchange.context.bodies;
    return Math.max(this.#mostInMemory, spool === undefined ? 0 : budget.spoolShareBytes);
  }

  get #mostInMemory(): number {
    return this.#exchange.route!.body.maxBufferedBytes ?? MAX_BYTES_IN_MEMORY;
  }

  /** Sees to it that what was collected does not take more memory than it may. */
  #settle(): void {
    const store = this.#store!;
    store.settle();
    if (!store.isInMemory || (store.size <= this.#mostInMemory && !store.isBudgetOver)) return;
    const exchange = this.#exchange;
    if (exchange.context.bodies.spool !== undefined) {
      store.spill();
    } else if (exchange.route!.body.upstreamHttpMinor === 0 && exchange.head.framing === 'chunked') {
      // HTTP/1.0 has no chunks, and a body without end cannot be counted first.
      exchange.onBodyRefused('body_too_large');
    } else {
      this.#state = STREAMING;
      exchange.forwarding.begin();
    }
  }

  #forward(): void {
    this.#state = COLLECTED;
    this.#exchange.forwarding.begin();
  }

  /** Sends what there is, as long as the upstream takes it. */
  #pump(): void {
    const { connection, isRequestBegun } = this.#exchange.forwarding;
    if (connection === undefined || !isRequestBegun || this.#isRestSent) return;
    const store = this.#store!;
    const isChunked = this.#state === STREAMING && this.#exchange.head.framing === 'chunked';
    const parts = this.#parts;
    let isOver = this.#isEnded && store.isHandedOut;
    let lastPart = isChunked ? this.#lastPart : '';
    while (!this.#isBlocked) {
      const bytes = store.take(parts);
      if (bytes === 0) break;
      isOver = this.#isEnded && store.isHandedOut;
      const before = isChunked ? this.#headText + chunkHead(bytes) : this.#headText;
      let behind = isChunked ? CHUNK_END : '';
      this.#headText = '';
      if (isOver) {
        behind += lastPart;
        lastPart = '';
      }
      this.#isBlocked = !connection.sendParts(before, parts, behind);
      while (parts.length > 0) parts.pop();
    }
    const text = isOver ? this.#headText + lastPart : this.#headText;
    this.#headText = '';
    if (text !== '' && !connection.sendText(text)) this.#isBlocked = true;
    if (isOver) {
      this.#isRestSent = true;
      connection.completeRequest();
    }
    if (this.#state === STREAMING && (store.size > MAX_KEPT_BYTES || store.isBudgetOver)) store.forget();
  }

  /** Has the client's bytes come for as long as there is a place for them. */
  #regulate(): void {
    const store = this.#store!;
    if (this.#state === NONE) return;
    const isPaused =
      !this.#isEnded &&
      (store.isFull || (this.#state === STREAMING && (this.#isBlocked || !store.isHandedOut)));
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    const { downstream } = this.#exchange;
    if (isPaused) downstream.pauseReading();
    else downstream.resumeReading();
  }
}

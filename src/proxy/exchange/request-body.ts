import { answerFault } from './answer.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import { BodyStore, type BodyStoreOwner } from './body-store.ts';
import type { Exchange } from './exchange.ts';
import type { UpstreamStream } from '../upstream/stream.ts';

/** A body goes to disk from here on, where its route does not say otherwise (client-body-buffer-size). */
const MAX_BYTES_IN_MEMORY = 1_048_576;
/** A streamed body up to this is kept until the response begins, so that another try can send it. */
const MAX_KEPT_BYTES = 1_048_576;

const NONE = 0;
const COLLECTING = 1;
const COLLECTED = 2;
const STREAMING = 3;
/** Nobody is to have it; what still comes of it is not kept. */
const ABANDONED = 4;

/** Who forwards the request that a body belongs to. */
export interface RequestBodyOwner {
  /** The upstream may be contacted. */
  onBodyReady(): void;
  /** The body cannot be taken. */
  onBodyRefused(code: ProxyErrorCode): void;
}

/**
 * The request body of one exchange: collected before the upstream is contacted, so that it has a length and can be sent again, or
 * passed on as it comes. `#pump` alone sends it, and nothing that `#pump` calls brings more of it.
 */
export class RequestBody implements BodyStoreOwner {
  readonly #exchange: Exchange;
  readonly #owner: RequestBodyOwner;
  #state = NONE;
  #store: BodyStore | undefined = undefined;
  /** Where it is sent to; undefined while there is no try, and before its head is. */
  #stream: UpstreamStream | undefined = undefined;
  /** Handed from the store to the stream; empty but for that moment. */
  readonly #parts: Buffer[] = [];
  /** Whether the head waits for what comes first. */
  #isHeadDue = false;
  #isEnded = false;
  /** The use of the exchange whose body was. */
  #refusedSerial = 0;
  #isRestSent = false;
  /** Whether the upstream takes no more for now. */
  #isBlocked = false;
  #isPaused = false;

  constructor(exchange: Exchange, owner: RequestBodyOwner) {
    this.#exchange = exchange;
    this.#owner = owner;
  }

  /** Whether another try can send all of it. */
  get isReplayable(): boolean {
    return this.#state === NONE || this.#state === ABANDONED || !this.#store!.isConsumed;
  }

  /** Whether it cannot be sent again, so that a kept-alive connection, which may be gone, is no place for it. */
  get isFreshNeeded(): boolean {
    return this.#state === STREAMING && this.#exchange.request.head.contentLength > MAX_KEPT_BYTES;
  }

  /** Length that the upstream is told; -1: none. */
  get contentLength(): number {
    if (this.#state === ABANDONED) return 0;
    return this.#state === COLLECTED ? this.#store!.size : this.#exchange.request.head.contentLength;
  }

  /** Begins to read it as the route's policy says; goes on to the upstream as soon as that may be contacted. */
  begin(): void {
    const exchange = this.#exchange;
    const { downstream, serial } = exchange;
    const { head } = exchange.request;
    if (!head.hasBody) {
      this.#state = NONE;
      this.#owner.onBodyReady();
      return;
    }
    this.#store ??= new BodyStore(this, exchange.context.bodies);
    this.#store.open(exchange.clientAddress, downstream.areBodiesGiven === true);
    this.#isEnded = false;
    this.#isRestSent = false;
    this.#isBlocked = false;
    this.#isPaused = false;
    const { isRequestBuffered, upstreamHttpMinor } = exchange.routing.route!.body;
    const isCollected =
      head.contentLength < 0
        ? isRequestBuffered || upstreamHttpMinor === 0
        : isRequestBuffered && head.contentLength <= this.#mostCollected;
    this.#state = isCollected ? COLLECTING : STREAMING;
    if (this.#state === STREAMING) this.#owner.onBodyReady();
    if (exchange.isServing(serial)) downstream.readBody();
  }

  /** Has it sent to another server, from its beginning; one that has no beginning any more, or is too long, is left out. */
  sendElsewhere(): void {
    const { request, routing } = this.#exchange;
    const { contentLength, hasBody } = request.head;
    const { maxBodyBytes } = routing.route!.body;
    if (this.#state === NONE && hasBody) {
      if (!this.#isRefused && (maxBodyBytes === 0 || contentLength <= maxBodyBytes)) {
        this.begin();
        return;
      }
      this.#state = ABANDONED;
    } else if (this.#isRefused || this.#state === COLLECTING || !this.isReplayable) {
      this.abandon();
    }
    this.#owner.onBodyReady();
  }

  /** No more of it is taken, and what there is goes nowhere. */
  refuse(): void {
    this.#refusedSerial = this.#exchange.serial;
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.#state === ABANDONED) return;
    const store = this.#store!;
    const { maxBodyBytes } = this.#exchange.routing.route!.body;
    if (maxBodyBytes > 0 && store.size + end - start > maxBodyBytes) {
      this.#owner.onBodyRefused('body_too_large');
      return;
    }
    store.append(buffer, start, end);
  }

  /** All of one read was handed over. */
  onRead(): void {
    if (this.#state === ABANDONED) return;
    if (this.#state === COLLECTING) this.#settle();
    else this.#pump();
    this.#regulate();
  }

  onEnd(): void {
    if (this.#state === ABANDONED) return;
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
    this.#owner.onBodyRefused('spool_full');
  }

  /** Sends what is at hand to a stream that has the head, and the rest as it comes. */
  sendTo(stream: UpstreamStream): void {
    if (this.#state === NONE || this.#state === ABANDONED) {
      stream.send(this.#parts, 0, true);
      return;
    }
    this.#store!.rewind();
    this.#stream = stream;
    this.#isHeadDue = true;
    this.#isRestSent = false;
    this.#isBlocked = false;
    this.#pump();
    this.#regulate();
  }

  /** The try is over. */
  stopSending(): void {
    this.#stream = undefined;
  }

  /** Lets go of what was kept for another try: there will be none. */
  forget(): void {
    if (this.#state === NONE || this.#state === ABANDONED) return;
    this.#store!.forget();
    this.#free();
  }

  /** Gives back what it holds: the exchange is over. */
  release(): void {
    if (this.#state === NONE) return;
    if (this.#state !== ABANDONED) this.#store!.release();
    this.#state = NONE;
  }

  /** Gives back what it holds, and takes no more: the request goes where its body does not. */
  abandon(): void {
    if (this.#state === NONE || this.#state === ABANDONED) return;
    this.#stream = undefined;
    this.#store!.release();
    this.#state = ABANDONED;
    // The rest is the connection's affair when the exchange is over.
    if (!this.#isEnded) this.#exchange.downstream.pauseReading();
  }

  /** The upstream takes more. */
  onUpstreamDrain(): void {
    if (this.#state === NONE || this.#state === ABANDONED) return;
    this.#isBlocked = false;
    this.#pump();
    this.#regulate();
  }

  get #isRefused(): boolean {
    return this.#refusedSerial === this.#exchange.serial;
  }

  /** What has left for good is not kept any longer. */
  #free(): void {
    if (this.#stream?.isFlushed === true) this.#store!.free();
  }

  /** Longest body that can be collected: a longer one would never find room. */
  get #mostCollected(): number {
    const { spool, budget } = this.#exchange.context.bodies;
    return Math.max(this.#mostInMemory, spool === undefined ? 0 : budget.spoolShareBytes);
  }

  get #mostInMemory(): number {
    return this.#exchange.routing.route!.body.maxBufferedBytes ?? MAX_BYTES_IN_MEMORY;
  }

  /** Sees to it that what was collected does not take more memory than it may. */
  #settle(): void {
    const store = this.#store!;
    store.settle();
    if (!store.isInMemory || (store.size <= this.#mostInMemory && !store.isBudgetOver)) return;
    const exchange = this.#exchange;
    if (exchange.context.bodies.spool !== undefined) {
      store.spill();
    } else if (
      exchange.routing.route!.body.upstreamHttpMinor === 0 &&
      exchange.request.head.contentLength < 0
    ) {
      // HTTP/1.0 has no chunks, and a body without end cannot be counted first.
      this.#owner.onBodyRefused('body_too_large');
    } else {
      this.#state = STREAMING;
      this.#owner.onBodyReady();
    }
  }

  #forward(): void {
    this.#state = COLLECTED;
    this.#owner.onBodyReady();
  }

  /** Sends what there is, as long as the upstream takes it. */
  #pump(): void {
    const stream = this.#stream;
    if (stream === undefined || this.#isRestSent) return;
    const store = this.#store!;
    const parts = this.#parts;
    while (!this.#isBlocked) {
      const bytes = store.take(parts);
      const isLast = this.#isEnded && store.isHandedOut;
      if (bytes === 0 && !isLast && !this.#isHeadDue) break;
      this.#isHeadDue = false;
      this.#isRestSent = isLast;
      this.#isBlocked = !stream.send(parts, bytes, isLast);
      while (parts.length > 0) parts.pop();
      if (isLast || bytes === 0) break;
    }
    if (this.#state === STREAMING && (store.size > MAX_KEPT_BYTES || store.isBudgetOver)) store.forget();
    this.#free();
  }

  /** Has the client's bytes come for as long as there is a place for them. */
  #regulate(): void {
    const store = this.#store!;
    if (this.#state === NONE || this.#state === ABANDONED) return;
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

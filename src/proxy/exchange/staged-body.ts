import type { BodyOut, BodyStage } from '../../features/kit/body.ts';
import type { ResponseEditor } from '../../features/kit/filter.ts';
import { answerFault } from './answer.ts';
import { CompressingStage } from './compressing-stage.ts';
import type { Exchange } from './exchange.ts';

/** Who sends a response whose body has a stage. */
export interface StageOwner {
  sendBody(buffer: Buffer, start: number, end: number, isOwned: boolean): void;
  flushBody(): boolean;
  endBody(trailers: undefined, endedAtMs: number): void;
  /** The stage takes more. */
  onStageReady(): void;
}

/** A response body that a stage changes, between the upstream's stream and the client. */
export class StagedBody implements BodyOut {
  readonly #exchange: Exchange;
  readonly #serial: number;
  readonly #owner: StageOwner;
  #stage: BodyStage | undefined = undefined;
  #isOver = false;
  /** Whether the stage wants no more for now. */
  isFull = false;

  private constructor(exchange: Exchange, owner: StageOwner) {
    this.#exchange = exchange;
    this.#serial = exchange.serial;
    this.#owner = owner;
  }

  /** That of the first filter of the route that has a stage for this response. */
  static of(exchange: Exchange, response: ResponseEditor, owner: StageOwner): StagedBody | undefined {
    if (exchange.routing.route!.onBody.length === 0) return undefined;
    const body = new StagedBody(exchange, owner);
    for (const filter of exchange.routing.route!.onBody) {
      const stage = filter.stageBody!(response, exchange, body);
      if (stage === undefined) continue;
      body.#stage = stage;
      return body;
    }
    return undefined;
  }

  /** That of a body which is compressed on its way; `contentLength` is what the upstream says of it, or -1. */
  static compressed(
    exchange: Exchange,
    response: ResponseEditor,
    contentLength: number,
    owner: StageOwner,
  ): StagedBody | undefined {
    const { context, routing } = exchange;
    const coding = routing.rules.compression?.choose(response, exchange, contentLength, context.compressors);
    if (coding === undefined) return undefined;
    const body = new StagedBody(exchange, owner);
    body.#stage = new CompressingStage(coding, contentLength, body, context);
    return body;
  }

  take(buffer: Buffer, start: number, end: number): void {
    if (!this.#stage!.write(buffer, start, end)) this.isFull = true;
  }

  /** All of one read was taken. */
  flush(): void {
    if (this.#stage!.flush?.() === false) this.isFull = true;
  }

  finish(): void {
    this.#stage!.end();
  }

  drain(): void {
    this.#stage!.drain();
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stage!.close();
  }

  write(bytes: Buffer): boolean {
    if (this.#isDeaf) return true;
    this.#owner.sendBody(bytes, 0, bytes.length, true);
    return this.#owner.flushBody();
  }

  ready(): void {
    this.isFull = false;
    if (!this.#isDeaf) this.#owner.onStageReady();
  }

  end(last?: Buffer): void {
    if (this.#isDeaf) return;
    this.#isOver = true;
    if (last !== undefined) this.#owner.sendBody(last, 0, last.length, true);
    this.#owner.endBody(undefined, this.#exchange.context.now());
  }

  fail(fault: unknown): void {
    if (!this.#isDeaf) answerFault(this.#exchange, fault);
  }

  get #isDeaf(): boolean {
    return this.#isOver || !this.#exchange.isServing(this.#serial);
  }
}

import type { BodyOut, BodyStage } from '../../features/kit/body.ts';
import type { ResponseEditor } from '../../features/kit/filter.ts';
import { answerFault } from './answer.ts';
import type { Exchange } from './exchange.ts';

/** A response body that a stage changes, between the upstream's stream and the client. */
export class StagedBody implements BodyOut {
  readonly #exchange: Exchange;
  readonly #sequence: number;
  readonly #resume: () => void;
  #stage: BodyStage | undefined = undefined;
  #isOver = false;
  /** Whether the stage wants no more for now. */
  isFull = false;

  private constructor(exchange: Exchange, resume: () => void) {
    this.#exchange = exchange;
    this.#sequence = exchange.sequence;
    this.#resume = resume;
  }

  /** That of the first filter of the route that has a stage for this response; `resume` is called when it takes more. */
  static of(exchange: Exchange, response: ResponseEditor, resume: () => void): StagedBody | undefined {
    const body = new StagedBody(exchange, resume);
    for (const filter of exchange.route!.onBody) {
      const stage = filter.stageBody!(response, exchange, body);
      if (stage === undefined) continue;
      body.#stage = stage;
      return body;
    }
    return undefined;
  }

  take(buffer: Buffer, start: number, end: number): void {
    if (!this.#stage!.write(buffer, start, end)) this.isFull = true;
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
    const { forwarding } = this.#exchange;
    forwarding.sendBody(bytes, 0, bytes.length, true);
    return forwarding.flushBody();
  }

  ready(): void {
    this.isFull = false;
    if (!this.#isDeaf) this.#resume();
  }

  end(): void {
    if (this.#isDeaf) return;
    this.#isOver = true;
    this.#exchange.forwarding.endBody(undefined, this.#exchange.context.now());
  }

  fail(fault: unknown): void {
    if (!this.#isDeaf) answerFault(this.#exchange, fault);
  }

  get #isDeaf(): boolean {
    const { isActive, sequence } = this.#exchange;
    return this.#isOver || !isActive || sequence !== this.#sequence;
  }
}

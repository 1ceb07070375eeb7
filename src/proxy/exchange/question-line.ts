import type { RequestView } from '../../features/kit/filter.ts';
import { type AccessRecord, LineParts } from '../../observe/access-record.ts';
import type { AccessLog } from '../../observe/sinks.ts';
import type { Endpoint } from '../upstream/upstream.ts';
import { Try } from './tries.ts';

/** A question as the access log tells of it: the request that asks, with the tries and the outcome of the question. */
export class QuestionLine {
  readonly #log: AccessLog;
  readonly #startedAtMs: number;
  readonly #tries: Try[] = [];
  #triedAtMs = 0;

  constructor(log: AccessLog, nowMs: number) {
    this.#log = log;
    this.#startedAtMs = nowMs;
  }

  tried({ key }: Endpoint, nowMs: number): void {
    const next = new Try();
    next.begin(key, false);
    this.#tries.push(next);
    this.#triedAtMs = nowMs;
  }

  connected(nowMs: number): void {
    this.#last.connectMs = nowMs - this.#triedAtMs;
  }

  answered(status: number, nowMs: number): void {
    this.#last.status = status;
    this.#last.headerMs = nowMs - this.#triedAtMs;
    this.#last.responseMs = this.#last.headerMs;
  }

  failed(status: number, nowMs: number): void {
    this.#last.status = status;
    this.#last.responseMs = nowMs - this.#triedAtMs;
  }

  /** The request is asked for all else that a line has: it must not be over yet. */
  write(request: RequestView, status: number, nowMs: number): void {
    if (this.#tries.at(-1)?.responseMs === -1) this.failed(status, nowMs);
    const own: Partial<AccessRecord> = {
      attempts: this.#tries,
      status,
      bodyBytesSent: 0,
      bytesSent: 0,
      startedAtMs: this.#startedAtMs,
      durationMs: nowMs - this.#startedAtMs,
      lineParts: new LineParts(),
    };
    const properties = Object.entries(own).map(([name, value]) => [name, { value }] as const);
    this.#log.write(Object.create(request, Object.fromEntries(properties)) as AccessRecord);
  }

  get #last(): Try {
    return this.#tries.at(-1)!;
  }
}

/** Which questions were answered lately. A question is a digest, so that nothing in here is of use to anybody. */
export class AnswerMemory {
  readonly #limit: number;
  readonly #lifeMs: number;
  /** When each is forgotten, in the order of that: all live equally long. */
  readonly #expiries = new Map<string, number>();

  /** Holds `limit` answers at most, the oldest out first, each for `lifeMs`. */
  constructor(limit: number, lifeMs: number) {
    this.#limit = limit;
    this.#lifeMs = lifeMs;
  }

  has(question: string, nowMs: number): boolean {
    const expiry = this.#expiries.get(question);
    return expiry !== undefined && expiry > nowMs;
  }

  add(question: string, nowMs: number): void {
    this.#expiries.delete(question);
    for (const [oldest, expiry] of this.#expiries) {
      if (expiry > nowMs && this.#expiries.size < this.#limit) break;
      this.#expiries.delete(oldest);
    }
    this.#expiries.set(question, nowMs + this.#lifeMs);
  }

  get size(): number {
    return this.#expiries.size;
  }
}

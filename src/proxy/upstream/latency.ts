/** Decay time of the average, as ingress-nginx has it. */
const DECAY_MS = 10_000;

/** Moving average of an endpoint's response times that weighs a response by the time since the last one; costs nothing until it begins. */
export class Latency {
  valueMs = 0;
  #touchedMs = 0;
  hasBegun = false;

  /** Starts with an assumed value; one that has begun stays as it is. */
  begin(assumedMs: number, nowMs: number): void {
    if (this.hasBegun) return;
    this.hasBegun = true;
    this.valueMs = assumedMs;
    this.#touchedMs = nowMs;
  }

  observe(responseMs: number, nowMs: number): void {
    if (!this.hasBegun) return;
    const kept = this.#keptAt(nowMs);
    this.valueMs = this.valueMs * kept + responseMs * (1 - kept);
    this.#touchedMs = nowMs;
  }

  /** The average now: the longer ago the last response, the less it counts. */
  at(nowMs: number): number {
    return this.valueMs * this.#keptAt(nowMs);
  }

  #keptAt(nowMs: number): number {
    return Math.exp(-Math.max(nowMs - this.#touchedMs, 0) / DECAY_MS);
  }
}

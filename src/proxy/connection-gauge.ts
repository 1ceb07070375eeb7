import type { ConnectionCounters } from '../observe/sinks.ts';

/** What a client connection is doing, in nginx's words. */
export type Doing = 'reading' | 'writing' | 'waiting';

/** Counters of /nginx_status, of one worker. */
export interface EngineStats {
  accepted: number;
  requests: number;
  reading: number;
  writing: number;
  waiting: number;
}

/** Keeps one connection counted as what it is doing, in the metrics and for /nginx_status. */
export class ConnectionGauge {
  doing: Doing | undefined = undefined;
  readonly #stats: EngineStats;
  readonly #counters: ConnectionCounters;

  constructor(stats: EngineStats, counters: ConnectionCounters) {
    this.#stats = stats;
    this.#counters = counters;
  }

  /** Undefined: nothing any more. */
  set(doing: Doing | undefined): void {
    const previous = this.doing;
    if (previous === doing) return;
    this.doing = doing;
    if (previous !== undefined) {
      this.#stats[previous]--;
      this.#counters[previous](-1);
    }
    if (doing !== undefined) {
      this.#stats[doing]++;
      this.#counters[doing](1);
    }
  }
}

import type { ConnectionCounters } from '../../observe/sinks.ts';

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

  /** Counts a connection that was taken over. */
  open(): void {
    this.#stats.accepted++;
    this.set('reading');
  }

  /** Counts a request, which it is answering from now on. */
  request(): void {
    this.#stats.requests++;
    this.#counters.requested();
    this.set('writing');
  }

  /** Undefined: nothing any more. */
  set(doing: Doing | undefined): void {
    const previous = this.doing;
    if (previous === doing) return;
    this.doing = doing;
    this.#add(previous, -1);
    this.#add(doing, 1);
  }

  #add(doing: Doing | undefined, delta: 1 | -1): void {
    switch (doing) {
      case 'writing':
        this.#stats.writing += delta;
        this.#counters.writing(delta);
        break;
      case 'waiting':
        this.#stats.waiting += delta;
        this.#counters.waiting(delta);
        break;
      case 'reading':
        this.#stats.reading += delta;
        this.#counters.reading(delta);
        break;
      default:
    }
  }
}

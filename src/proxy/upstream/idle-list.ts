import type { PooledConnection } from './pooled-connection.ts';

/** The idle connections of a worker, in the order in which they came to rest; keeps their number within its limit. */
export class IdleList {
  #oldest: PooledConnection | undefined = undefined;
  #newest: PooledConnection | undefined = undefined;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Counts one more at rest; the one that rested longest goes when there are too many. */
  enter(connection: PooledConnection, maxIdle: number): void {
    connection.isIdleListed = true;
    connection.olderIdle = this.#newest;
    connection.newerIdle = undefined;
    if (this.#newest === undefined) this.#oldest = connection;
    else this.#newest.newerIdle = connection;
    this.#newest = connection;
    this.#count++;
    while (this.#count > maxIdle) this.#oldest!.destroy();
  }

  leave(connection: PooledConnection): void {
    if (!connection.isIdleListed) return;
    const { olderIdle, newerIdle } = connection;
    if (olderIdle === undefined) this.#oldest = newerIdle;
    else olderIdle.newerIdle = newerIdle;
    if (newerIdle === undefined) this.#newest = olderIdle;
    else newerIdle.olderIdle = olderIdle;
    connection.isIdleListed = false;
    connection.olderIdle = undefined;
    connection.newerIdle = undefined;
    this.#count--;
  }

  /** Closes all of them. */
  close(): void {
    while (this.#oldest !== undefined) this.#oldest.destroy();
  }
}

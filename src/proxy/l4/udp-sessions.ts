/** A session among those of a worker. */
export interface Evictable {
  /** It was heard of less recently than any other, and there is one too many. */
  evict(): void;
}

/** Sessions of one worker over all its UDP ports: each has a socket, so there are so many at most. */
const MAX_SESSIONS = 4_096;

/** UDP sessions of a worker, by port and client, in the order in which clients were heard of. */
export class UdpSessions<S extends Evictable> {
  readonly #byKey = new Map<string, S>();
  readonly #max: number;

  constructor(max: number = MAX_SESSIONS) {
    this.#max = max;
  }

  get size(): number {
    return this.#byKey.size;
  }

  /** The session of a client that was heard of just now. */
  hear(key: string): S | undefined {
    const session = this.#byKey.get(key);
    if (session === undefined) return undefined;
    // A Map keeps the order of insertion: its first is the one that was heard of least recently.
    this.#byKey.delete(key);
    this.#byKey.set(key, session);
    return session;
  }

  /** Adds one; where there is no room, the oldest has to go. */
  add(key: string, session: S): void {
    if (this.#byKey.size >= this.#max) this.#byKey.values().next().value!.evict();
    this.#byKey.set(key, session);
  }

  remove(key: string): void {
    this.#byKey.delete(key);
  }

  values(): Iterable<S> {
    return this.#byKey.values();
  }
}

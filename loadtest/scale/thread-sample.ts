/** What a thread was like over half a second. */
export interface ThreadSample {
  /** Milliseconds since 1970, at its end. */
  readonly atMs: number;
  /** Longest turn of its event loop, by the clock: what other programs on the machine take is in it. */
  readonly heldMs: number;
  /** The same in CPU time of the thread: what others take is not in it. */
  readonly busyMs: number;
  readonly heapUsed: number;
  readonly heapTotal: number;
  readonly external: number;
}

/** How long a client connection waits, where no setting says it. */
export const WAITS = {
  /** A client that gets nothing more may stay silent for so long before it is cut, and may go on for so long (nginx: lingering_*). */
  lingerTimeoutMs: 5_000,
  lingerTimeMs: 30_000,
  /** A client may leave what is sent to it for so long (nginx: send_timeout). */
  sendTimeoutMs: 60_000,
  /** A client that closed its half may be gone, or may wait for its answer: so long it gets the benefit of the doubt. */
  halfClosedMs: 1_000,
  /** Within its answer it is taken for gone when nothing could be sent to it for so long. */
  halfClosedSilenceMs: 10_000,
  /** An idle connection may bring a request for so long once its worker drains. */
  drainIdleMs: 2_000,
} as const;

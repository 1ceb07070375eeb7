/** What a session carries: bytes of a TCP port, datagrams of a UDP port, TLS that is passed through. */
export const STREAM_KINDS = ['tcp', 'udp', 'passthrough'] as const;

export type StreamKind = (typeof STREAM_KINDS)[number];

/** Cells of one kind, in the order they lie in. */
export const STREAM_CELL = {
  begun: 0,
  ended: 1,
  failed: 2,
  /** From clients, and to clients. */
  bytesReceived: 3,
  bytesSent: 4,
  /** Ended to make room for another. */
  evicted: 5,
} as const;

export const STREAM_CELLS = 6;

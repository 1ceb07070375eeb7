/** What a client connection is at. */
export const CLIENT_STATES = {
  IN_HEAD: 0,
  IN_EXCHANGE: 1,
  /** The exchange is over, the rest of its body is being thrown away. */
  DISCARDING: 2,
  TUNNEL: 3,
  /** Our half is closed; what the client still sends is thrown away until it closes too. */
  LINGERING: 4,
  CLOSED: 5,
} as const;

/** What a peer did that its connection, or one of its streams, was ended for. */
export const HTTP2_CAUSES = [
  'reset',
  'ping',
  'settings',
  'priority',
  'goaway',
  'window-update',
  'empty-frame',
  'stream-error',
  'unknown-frame',
  'header-block',
  'slow-body',
  'slow-reader',
  /** Anything that the protocol has no place for. */
  'malformed',
] as const;
export type Http2Cause = (typeof HTTP2_CAUSES)[number];

/** Who that peer is. */
export const HTTP2_SIDES = ['client', 'upstream'] as const;
export type Http2Side = (typeof HTTP2_SIDES)[number];

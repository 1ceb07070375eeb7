import { ACK, FRAME, H2_ERROR } from './wire-codes.ts';

/** Frames of the connection, and frames of streams (RFC 9113 §6). */
const ON_STREAM = 1;
const ON_CONNECTION = 2;
const ON_EITHER = 3;

interface FrameRule {
  readonly on: typeof ON_STREAM | typeof ON_CONNECTION | typeof ON_EITHER;
  readonly minLength: number;
  readonly maxLength: number;
}

const ANY = Infinity;
const RULES: Partial<Record<number, FrameRule>> = {
  [FRAME.data]: { on: ON_STREAM, minLength: 0, maxLength: ANY },
  [FRAME.headers]: { on: ON_STREAM, minLength: 0, maxLength: ANY },
  [FRAME.priority]: { on: ON_STREAM, minLength: 0, maxLength: ANY },
  [FRAME.rstStream]: { on: ON_STREAM, minLength: 4, maxLength: 4 },
  [FRAME.settings]: { on: ON_CONNECTION, minLength: 0, maxLength: ANY },
  [FRAME.ping]: { on: ON_CONNECTION, minLength: 8, maxLength: 8 },
  [FRAME.goaway]: { on: ON_CONNECTION, minLength: 8, maxLength: ANY },
  [FRAME.windowUpdate]: { on: ON_EITHER, minLength: 4, maxLength: 4 },
  [FRAME.continuation]: { on: ON_STREAM, minLength: 0, maxLength: ANY },
  [FRAME.priorityUpdate]: { on: ON_CONNECTION, minLength: 4, maxLength: ANY },
};

/** Error of a frame that cannot be, whatever else happened on its connection; 0: none. */
export function frameErrorOf(type: number, flags: number, streamId: number, length: number): number {
  // Nobody may push: a client cannot, and ours do not let servers.
  if (type === FRAME.pushPromise) return H2_ERROR.protocolError;
  const rule = RULES[type];
  if (rule === undefined) return 0;
  if ((rule.on & (streamId === 0 ? ON_CONNECTION : ON_STREAM)) === 0) return H2_ERROR.protocolError;
  if (length < rule.minLength || length > rule.maxLength) return H2_ERROR.frameSizeError;
  if (type !== FRAME.settings) return 0;
  return length % 6 !== 0 || ((flags & ACK) !== 0 && length > 0) ? H2_ERROR.frameSizeError : 0;
}

import { H2_ERROR, MAX_WINDOW, SETTING } from './wire-codes.ts';

const MIN_FRAME = 16_384;
const MAX_FRAME = 16_777_215;

/** Reads the payload of SETTINGS in its order; answers 0, or the error of a value that none may have (RFC 9113 §6.5.2). */
export function readSettings(
  buffer: Buffer,
  start: number,
  end: number,
  apply: (id: number, value: number) => number,
): number {
  for (let at = start; at < end; at += 6) {
    const id = buffer.readUInt16BE(at);
    const value = buffer.readUInt32BE(at + 2);
    const error = errorOf(id, value) || apply(id, value);
    if (error !== 0) return error;
  }
  return 0;
}

function errorOf(id: number, value: number): number {
  switch (id) {
    case SETTING.enablePush:
    case SETTING.enableConnectProtocol:
    case SETTING.noRfc7540Priorities:
      return value > 1 ? H2_ERROR.protocolError : 0;
    case SETTING.initialWindowSize:
      return value > MAX_WINDOW ? H2_ERROR.flowControlError : 0;
    case SETTING.maxFrameSize:
      return value < MIN_FRAME || value > MAX_FRAME ? H2_ERROR.protocolError : 0;
    default:
      return 0;
  }
}

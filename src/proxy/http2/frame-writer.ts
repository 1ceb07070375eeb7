import type { BlockBuffer } from './hpack-encoder.ts';
import { copyOctets } from './octet-copy.ts';
import type { Output } from './output.ts';
import { ACK, END_HEADERS, END_STREAM, FRAME, FRAME_HEADER_BYTES } from './wire-codes.ts';

/* Each but the first writes one frame to the output, whole or not at all. */

export function writeOctets(out: Output, octets: Buffer): void {
  out.reserve(octets.length);
  copyOctets(octets, 0, octets.length, out.buffer, out.at);
  out.at += octets.length;
}

export function writeSettings(
  out: Output,
  settings: readonly (readonly [id: number, value: number])[],
): void {
  begin(out, settings.length * 6, FRAME.settings, 0, 0);
  for (const [id, value] of settings) {
    out.buffer[out.at++] = id >>> 8;
    out.buffer[out.at++] = id;
    word(out, value);
  }
}

export function writeSettingsAck(out: Output): void {
  begin(out, 0, FRAME.settings, ACK, 0);
}

/** Eight octets of payload, as two words. */
export function writePing(out: Output, flags: number, high: number, low: number): void {
  begin(out, 8, FRAME.ping, flags, 0);
  word(out, high);
  word(out, low);
}

export function writeGoaway(out: Output, lastStreamId: number, code: number, reason: string): void {
  begin(out, 8 + reason.length, FRAME.goaway, 0, 0);
  word(out, lastStreamId);
  word(out, code);
  out.at += out.buffer.write(reason, out.at, 'latin1');
}

export function writeReset(out: Output, streamId: number, code: number): void {
  begin(out, 4, FRAME.rstStream, 0, streamId);
  word(out, code);
}

export function writeWindowUpdate(out: Output, streamId: number, increment: number): void {
  begin(out, 4, FRAME.windowUpdate, 0, streamId);
  word(out, increment);
}

/** HEADERS, and CONTINUATION for what is beyond one frame. Answers the offset of the flags of the first. */
export function writeBlock(
  out: Output,
  streamId: number,
  block: BlockBuffer,
  isEnd: boolean,
  maxFrameBytes: number,
): number {
  const frames = Math.max(1, Math.ceil(block.length / maxFrameBytes));
  // In one piece, since nothing may come between them (RFC 9113 §4.3).
  out.reserve(block.length + frames * FRAME_HEADER_BYTES);
  const flagsAt = out.at + 4;
  let position = 0;
  for (let i = 0; i < frames; i++) {
    const end = Math.min(position + maxFrameBytes, block.length);
    const type = i === 0 ? FRAME.headers : FRAME.continuation;
    const flags = (i === frames - 1 ? END_HEADERS : 0) | (i === 0 && isEnd ? END_STREAM : 0);
    begin(out, end - position, type, flags, streamId);
    copyOctets(block.buffer, position, end, out.buffer, out.at);
    out.at += end - position;
    position = end;
  }
  return flagsAt;
}

/** A DATA frame of bytes[start, end). Answers the offset of its flags. */
export function writeData(
  out: Output,
  streamId: number,
  bytes: Buffer,
  start: number,
  end: number,
  flags: number,
): number {
  begin(out, end - start, FRAME.data, flags, streamId);
  const flagsAt = out.at - 5;
  copyOctets(bytes, start, end, out.buffer, out.at);
  out.at += end - start;
  return flagsAt;
}

/** Makes room for a whole frame and writes its header. */
function begin(out: Output, length: number, type: number, flags: number, streamId: number): void {
  out.reserve(FRAME_HEADER_BYTES + length);
  const { buffer } = out;
  let { at } = out;
  buffer[at++] = length >>> 16;
  buffer[at++] = length >>> 8;
  buffer[at++] = length;
  buffer[at++] = type;
  buffer[at++] = flags;
  buffer[at++] = streamId >>> 24;
  buffer[at++] = streamId >>> 16;
  buffer[at++] = streamId >>> 8;
  buffer[at++] = streamId;
  out.at = at;
}

function word(out: Output, value: number): void {
  const { buffer } = out;
  let { at } = out;
  buffer[at++] = value >>> 24;
  buffer[at++] = value >>> 16;
  buffer[at++] = value >>> 8;
  buffer[at++] = value;
  out.at = at;
}

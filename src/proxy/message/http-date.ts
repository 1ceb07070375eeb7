import { type HeadText, headerLine, NO_LINES } from './head-text.ts';

let second = -1;
let line = NO_LINES;

/** `Date: ...` with CRLF for a time in milliseconds since the epoch; made once a second. */
export function dateLine(nowMs: number): HeadText {
  const now = Math.floor(nowMs / 1000);
  if (now !== second) {
    second = now;
    line = headerLine('Date', new Date(now * 1000).toUTCString());
  }
  return line;
}

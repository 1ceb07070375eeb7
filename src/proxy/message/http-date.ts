let second = -1;
let line = '';

/** `Date: ...` with CRLF for a time in milliseconds since the epoch; made once a second. */
export function dateLine(nowMs: number): string {
  const now = Math.floor(nowMs / 1000);
  if (now !== second) {
    second = now;
    line = `Date: ${new Date(now * 1000).toUTCString()}\r\n`;
  }
  return line;
}

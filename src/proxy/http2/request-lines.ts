import { type HeadText, joinLines, parsedLines } from '../message/head-text.ts';

const USUAL = 'Host: ';
const HOST = /^host:[ \t]*(.*?)[ \t]*\r\n/im;
const USUAL_ID = 'X-Request-ID: ';
const TRAILERS_TAKEN = parsedLines('te: trailers\r\n');

/** The header lines of a request as HTTP/2 has them: what Host says is the authority (RFC 9113 §8.3.1). */
export class RequestLines {
  authority = '';
  /** That of the request, which is another one each time, so that the other lines may be the same; empty: none, or among them. */
  requestId = '';
  lines: HeadText = parsedLines('');

  read(lines: HeadText, areTrailersTaken: boolean): void {
    this.requestId = '';
    if (lines.startsWith(USUAL)) {
      const end = lines.indexOf('\r\n');
      this.authority = lines.slice(USUAL.length, end);
      let next = end + 2;
      if (lines.startsWith(USUAL_ID, next)) {
        const idEnd = lines.indexOf('\r\n', next);
        this.requestId = lines.slice(next + USUAL_ID.length, idEnd);
        next = idEnd + 2;
      }
      this.lines = parsedLines(lines.slice(next));
    } else {
      this.authority = HOST.exec(lines)?.[1] ?? '';
      this.lines = parsedLines(lines.replace(HOST, ''));
    }
    if (areTrailersTaken) this.lines = joinLines(this.lines, TRAILERS_TAKEN);
  }
}

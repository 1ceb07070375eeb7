import { type HeadText, joinLines, parsedLines } from '../message/head-text.ts';

const USUAL = 'Host: ';
const HOST = /^host:[ \t]*(.*?)[ \t]*\r\n/im;
const TRAILERS_TAKEN = parsedLines('te: trailers\r\n');

/** The header lines of a request as HTTP/2 has them: what Host says is the authority (RFC 9113 §8.3.1). */
export class RequestLines {
  authority = '';
  lines: HeadText = parsedLines('');

  read(lines: HeadText, areTrailersTaken: boolean): void {
    if (lines.startsWith(USUAL)) {
      const end = lines.indexOf('\r\n');
      this.authority = lines.slice(USUAL.length, end);
      this.lines = parsedLines(lines.slice(end + 2));
    } else {
      this.authority = HOST.exec(lines)?.[1] ?? '';
      this.lines = parsedLines(lines.replace(HOST, ''));
    }
    if (areTrailersTaken) this.lines = joinLines(this.lines, TRAILERS_TAKEN);
  }
}

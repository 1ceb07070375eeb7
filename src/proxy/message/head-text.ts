import { isToken } from './octets.ts';

declare const made: unique symbol;
declare const open: unique symbol;
declare const fit: unique symbol;
declare const aimed: unique symbol;

/**
 * Whole lines of a head, each ended by CRLF, one byte per character. A wire takes a head in no other form, and only this file makes it:
 * from values that it has checked, or from bytes that a parser has.
 */
export type HeadText = string & { readonly [made]: true };

/** Whole lines and the beginning of another one, up to its value. */
export type OpenLine = string & { readonly [open]: true };

/** What may stand in a line as its value. */
export type HeadValue = string & { readonly [fit]: true };

/** What may stand in a request line as its target. */
export type TargetText = string & { readonly [aimed]: true };

/** The empty value. */
export const NO_VALUE = '' as HeadValue;

/** No lines. */
export const NO_LINES = '' as HeadText;

/** No target yet. */
export const NO_TARGET = '' as TargetText;

/** A text that would write lines of its own, or is no bytes. Whoever sent or configured it is to blame: it is counted, not reported. */
export class UnsafeText extends RangeError {
  override readonly name = 'UnsafeText';
}

/** All but HTAB, SP, visible ASCII and obs-text (RFC 9110 §5.5): what the parsers refuse is not written either. */
const UNFIT = /[^\t\x20-\x7e\x80-\xff]/;
const UNFIT_TARGET = /[^\x21-\x7e\x80-\xff]/;

/** One header line. Throws UnsafeText. */
export function headerLine(name: string, value: string): HeadText {
  checkHeader(name, value);
  return `${name}: ${value}\r\n` as HeadText;
}

/** Begins a line behind others, for values that change more often than what is around them. */
export function openLine(lines: HeadText, name: string): OpenLine {
  checkHeader(name, '');
  return `${lines}${name}: ` as OpenLine;
}

/** Ends it with its value, and adds the lines behind it. */
export function closeLine(line: OpenLine, value: HeadValue, behind: HeadText): HeadText {
  return (line + value + CRLF + behind) as HeadText;
}

/** Throws UnsafeText where name and value do not make exactly one header line. */
export function checkHeader(name: string, value: string): void {
  if (UNFIT.test(value) || !isToken(name)) {
    throw new UnsafeText(`header ${JSON.stringify(name)} holds a line break, or a character that is no byte`);
  }
}

/** The line of a header that has one; none where it would not be exactly one. */
export function headerLineIfSafe(name: string, value: string): HeadText {
  return UNFIT.test(value) || !isToken(name) ? NO_LINES : headerLine(name, value);
}

/** The target of a request. Throws UnsafeText where it, or the method, would end the line or its word. */
export function requestTarget(method: string, target: string): TargetText {
  if (target === '' || UNFIT_TARGET.test(target) || !isToken(method)) {
    throw new UnsafeText('a request target holds a blank, a line break, or a character that is no byte');
  }
  return target as TargetText;
}

/** Says that a parser has seen it, and its method. */
export function parsedTarget(text: string): TargetText {
  return text as TargetText;
}

export function requestLine(method: string, target: TargetText, minorVersion: 0 | 1): HeadText {
  return (method + ' ' + target + (minorVersion === 1 ? ' HTTP/1.1\r\n' : ' HTTP/1.0\r\n')) as HeadText;
}

/** Throws UnsafeText for a reason that would end the line. */
export function statusLine(status: number, reason: string): HeadText {
  if (status === 200 && reason === 'OK') return 'HTTP/1.1 200 OK\r\n' as HeadText;
  if (UNFIT.test(reason)) throw new UnsafeText(`the reason of status ${status} holds a line break`);
  return `HTTP/1.1 ${status} ${reason}\r\n` as HeadText;
}

/** Says that a parser has seen each of these lines end where it does, or that `checkHeader` has seen all of them. */
export function parsedLines(text: string): HeadText {
  return text as HeadText;
}

/** Says that a parser has seen it as a value, or that it is hexadecimal digits. */
export function parsedValue(text: string): HeadValue {
  return text as HeadValue;
}

/** Lines and the lines behind them. */
export function joinLines(lines: HeadText, behind: HeadText): HeadText {
  return (lines + behind) as HeadText;
}

/** A whole head: its start line, its lines, and the empty one. */
export function endHead(startLine: HeadText, lines: HeadText, framing: HeadText, last: HeadText): HeadText {
  return (startLine + lines + framing + last + CRLF) as HeadText;
}

const CRLF = '\r\n';

export function contentLengthLine(bytes: number): HeadText {
  return `Content-Length: ${bytes}\r\n` as HeadText;
}

export const CHUNKED_LINE = 'Transfer-Encoding: chunked\r\n' as HeadText;

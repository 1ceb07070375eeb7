import {
  CHUNKED_LINE,
  contentLengthLine,
  endHead,
  headerLine,
  type HeadText,
  joinLines,
  NO_LINES,
  parsedLines,
  requestLine,
} from '../message/head-text.ts';
import type { UpstreamRequest } from '../upstream/stream.ts';

const CLOSE_OPTION = headerLine('Connection', 'close');
const UPGRADE_OPTION = headerLine('Connection', 'upgrade');

/** A request as HTTP/1 puts it: request line, lines, framing, Connection (RFC 9112 §3, §6, §9). */
export function requestHeadText(
  request: UpstreamRequest,
  minorVersion: 0 | 1,
  isNothingPooled: boolean,
): HeadText {
  const { method, target, receivedLine, lines } = request;
  const isAsReceived = receivedLine.endsWith(minorVersion === 1 ? ' HTTP/1.1' : ' HTTP/1.0');
  return endHead(
    isAsReceived ? parsedLines(`${receivedLine}\r\n`) : requestLine(method, target, minorVersion),
    lines,
    framingLine(request),
    connectionLines(request, isNothingPooled),
  );
}

/** Whether the head asks the server to close behind its response. */
export function isCloseAsked(
  { connectionHeader }: UpstreamRequest,
  minorVersion: 0 | 1,
  isNothingPooled: boolean,
): boolean {
  return minorVersion === 0 || connectionHeader === 'close' || isNothingPooled;
}

/** What asks for another protocol, and what grants it. */
export function upgradeLines(upgrade: string): HeadText {
  return joinLines(headerLine('Upgrade', upgrade), UPGRADE_OPTION);
}

function framingLine({ hasBody, contentLength }: UpstreamRequest): HeadText {
  if (contentLength >= 0) return contentLengthLine(contentLength);
  return hasBody ? CHUNKED_LINE : NO_LINES;
}

function connectionLines({ connectionHeader, upgrade }: UpstreamRequest, isNothingPooled: boolean): HeadText {
  if (connectionHeader !== undefined) return headerLine('Connection', connectionHeader);
  if (upgrade !== undefined) return upgradeLines(upgrade);
  return isNothingPooled ? CLOSE_OPTION : NO_LINES;
}

import type { DirectResponse } from '../../features/kit/filter.ts';
import { PROXY_ERRORS, type ProxyErrorCode, type ProxyErrorKind } from '../message/proxy-errors.ts';
import { reasonOf, stockPage } from './stock-page.ts';
import type { Exchange } from './exchange.ts';
import { ResponseLinesEditor } from '../message/head-editor.ts';

/** What would end a header line, or the head. */
const UNSAFE = /[\r\n\0]/;

/** Sends an answer that the proxy makes itself and ends the exchange. */
export function answerDirect(exchange: Exchange, answer: DirectResponse): void {
  const { status, headers = [], contentType = 'text/html' } = answer;
  const page = stockPage(status);
  const isBodiless = status === 204 || status === 304;
  const body = isBodiless ? '' : (answer.body ?? page.body);
  let before = '';
  if (!isBodiless) {
    const isTyped = headers.some(([name]) => name.toLowerCase() === 'content-type');
    before = (isTyped ? '' : `Content-Type: ${contentType}\r\n`) + lengthLine(body);
  }
  let behind = '';
  for (const [name, value] of headers) {
    if (UNSAFE.test(value)) throw new RangeError(`header "${name}" of an answer holds a line break`);
    if (name.toLowerCase() !== 'content-length') behind += `${name}: ${value}\r\n`;
  }
  send(exchange, status, reasonOf(status), before, behind, body);
}

/** Sends the stock page of a failure, or cuts the response off when some of it is out. */
export function answerError(exchange: Exchange, code: ProxyErrorCode): void {
  const kind: ProxyErrorKind = PROXY_ERRORS[code];
  const { downstream } = exchange;
  if (!exchange.isActive) return;
  if (exchange.isHeadSent && kind.status !== 499 && downstream.retract()) {
    exchange.isHeadSent = false;
    exchange.bodyBytesSent = 0;
    exchange.responseHeaders = undefined;
  }
  if (exchange.isHeadSent || kind.status === 499) {
    if (!exchange.isHeadSent) exchange.status = kind.status;
    downstream.abort();
    exchange.finish();
    return;
  }
  if (kind.closes) downstream.closeAfterResponse();
  // A response filter may be what failed: it does not see the page of an internal error.
  if (code === 'internal') exchange.areFiltersSkipped = true;
  answerPage(exchange, kind.status, kind.page);
}

/** Ends an exchange that met an exception: 500 where that can still be said, else the response is cut off. */
export function answerFault(exchange: Exchange): void {
  exchange.forwarding.cancel();
  answerError(exchange, 'internal');
}

/** Sends the stock page of a status. */
export function answerPage(exchange: Exchange, status: number, name?: ProxyErrorKind['page']): void {
  const { reason, body } = stockPage(status, name);
  send(exchange, status, reason, `Content-Type: text/html\r\n${lengthLine(body)}`, '', body);
}

/** Sends the redirect of a path that lacks its last slash; Location stands where nginx has it (docs/reference/evaluation-order.md §3). */
export function answerSlashRedirect(exchange: Exchange, path: string): void {
  const { reason, body } = stockPage(301);
  const query = exchange.query === '' ? '' : `?${exchange.query}`;
  const location = `Location: ${exchange.connectionScheme}://${exchange.host}${escapePath(path)}${query}\r\n`;
  send(exchange, 301, reason, `Content-Type: text/html\r\n${lengthLine(body)}${location}`, '', body);
}

function send(
  exchange: Exchange,
  status: number,
  reason: string,
  before: string,
  behind: string,
  body: string,
): void {
  const { downstream, route, rules } = exchange;
  let sentStatus = status;
  let sentReason = reason;
  let sentBefore = before;
  let sentBehind = behind + rules.responseLines;
  if (route !== undefined && route.onResponse.length > 0 && !exchange.areFiltersSkipped) {
    const editor = new ResponseLinesEditor(status, sentBehind, true);
    for (const filter of route.onResponse) filter.onResponse!(editor, exchange);
    sentBehind = editor.toLines();
    if (editor.status !== status) {
      sentStatus = editor.status;
      sentReason = reasonOf(sentStatus);
    }
  }
  if (exchange.isHstsDue) sentBehind += rules.hstsLine;
  exchange.status = sentStatus;
  downstream.writeHead(sentStatus, sentReason, sentBefore, sentBehind, 'none', -1);
  exchange.isHeadSent = true;
  if (exchange.method !== 'HEAD' && body !== '') downstream.writeText(body);
  downstream.endResponse(undefined);
  exchange.finish();
  downstream.endExchange();
}

/** The path holds one byte per character. */
function escapePath(path: string): string {
  return path.replace(/[^\x21-\x7e]|[%?#"<>]/g, (character) => {
    const code = character.charCodeAt(0).toString(16).toUpperCase();
    return `%${code.padStart(2, '0')}`;
  });
}

function lengthLine(body: string): string {
  return `Content-Length: ${body.length}\r\n`;
}

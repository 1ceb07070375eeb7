import type { Detour } from '../../features/kit/filter.ts';
import { flatText, ownText } from '../../lib/own-text.ts';
import type { ForwardedMemo } from './connection-memo.ts';
import type { Exchange } from './exchange.ts';
import { LinesEditor, UnderscoreLinesEditor } from '../message/head-editor.ts';
import {
  closeLine,
  headerLine,
  type HeadText,
  joinLines,
  NO_LINES,
  NO_TARGET,
  openLine,
  parsedTarget,
  requestTarget,
} from '../message/head-text.ts';
import type { HeaderBlock } from '../message/heads.ts';
import { HEADER } from '../message/known-headers.ts';
import type { UpstreamRequest } from '../upstream/stream.ts';

/** The head of an exchange's request to its upstream (docs/reference/routing.md §11); the same for every try. */
export class OutgoingHead implements UpstreamRequest {
  method = '';
  target = NO_TARGET;
  receivedLine = '';
  lines = NO_LINES;
  hasBody = false;
  contentLength = -1;
  upgrade: string | undefined = undefined;
  areTrailersTaken = false;
  connectionHeader: 'close' | 'keep-alive' | undefined = undefined;
  maxResponseHeadBytes = 0;
  readTimeoutMs = 0;
  sendTimeoutMs = 0;

  /** Makes it that of the exchange as it stands now; `contentLength` is its body's. Throws UnsafeText. */
  build(exchange: Exchange, contentLength: number): void {
    const { head, upstreamTarget, originTarget } = exchange.request;
    const { route, rules } = exchange.routing;
    const { settings } = rules;
    const { body, timeouts } = route!;
    const target = upstreamTarget ?? originTarget;
    const isAsReceived = target === head.target;
    this.method = head.method;
    this.target = isAsReceived ? parsedTarget(target) : requestTarget(head.method, target);
    this.receivedLine = isAsReceived ? head.receivedLine : '';
    const originalUri = settings.isOriginalUriAdded ? headerLine('X-Original-URI', originTarget) : NO_LINES;
    let lines = settings.isForwardedTrusted
      ? joinLines(joinLines(trustedLines(exchange), originalUri), passedLines(exchange))
      : ownLines(exchange, originalUri);
    if (rules.requestFields.length > 0 || route!.onUpstreamRequest.length > 0)
      lines = editLines(exchange, lines);
    this.lines = lines;
    this.hasBody = head.hasBody;
    this.contentLength = contentLength;
    this.connectionHeader = body.connectionHeader;
    // A body would stand between the head and the tunnel.
    const isUpgradable = !head.hasBody && body.upstreamHttpMinor === 1 && body.connectionHeader === undefined;
    const isHttp2 = route!.wire.wire === 'h2';
    this.upgrade = isUpgradable && !isHttp2 ? head.upgrade : undefined;
    this.areTrailersTaken = isHttp2 && saysTrailers(head.headers);
    this.maxResponseHeadBytes = body.maxResponseHeadBytes;
    this.readTimeoutMs = timeouts.readTimeoutMs;
    this.sendTimeoutMs = timeouts.sendTimeoutMs;
  }

  /** Makes it that of a detour: what is forwarded of the client is what the detour's own headers say. Throws UnsafeText. */
  buildDetour(exchange: Exchange, { target, headers }: Detour, contentLength: number): void {
    const { head, seenHost } = exchange.request;
    const { route, rules } = exchange.routing;
    const { body, timeouts } = route!;
    this.method = head.method;
    this.target = requestTarget(head.method, target);
    this.receivedLine = '';
    const passed = head.headers.forwardable(dropsOf(exchange), rules.requestDropNames);
    const given = joinLines(headerLine('Host', seenHost), passed);
    const { areUnderscoresAllowed } = rules.settings;
    const editor = areUnderscoresAllowed ? new UnderscoreLinesEditor(given) : new LinesEditor(given);
    for (const name of route!.withheldHeaders) editor.remove(name);
    for (const [name, value] of headers) {
      if (value === '') editor.remove(name.toLowerCase());
      else editor.set(name, value);
    }
    for (const name of OWN_NAMES) editor.remove(name);
    this.lines = editor.toLines();
    this.hasBody = head.hasBody;
    this.contentLength = contentLength;
    this.connectionHeader = undefined;
    this.upgrade = undefined;
    this.areTrailersTaken = false;
    this.maxResponseHeadBytes = body.maxResponseHeadBytes;
    this.readTimeoutMs = timeouts.readTimeoutMs;
    this.sendTimeoutMs = timeouts.sendTimeoutMs;
  }
}

/** Whether TE names them (RFC 9110 §10.1.4). */
function saysTrailers(headers: HeaderBlock): boolean {
  if (!headers.has(HEADER.te)) return false;
  const codings = headers.get('te')!.split(',');
  return codings.some((coding) => coding.split(';')[0]!.trim().toLowerCase() === 'trailers');
}

/** What goes on as it came. */
function passedLines(exchange: Exchange): HeadText {
  const { request, routing } = exchange;
  return request.head.headers.forwardable(dropsOf(exchange), routing.rules.requestDropNames);
}

function dropsOf({ routing: { route, rules } }: Exchange): Uint8Array {
  return route!.isAuthorizationHidden ? rules.requestDropsWithAuthorization : rules.requestDrops;
}

/** No hop is trusted: what is forwarded is what this connection shows. */
function ownLines(exchange: Exchange, originalUri: HeadText): HeadText {
  const { request } = exchange;
  const { hostHeader, clientAddress, scheme, upstreamHost, id } = request;
  const memo = exchange.downstream.memo.forwarded;
  const isClientKnown = memo.clientAddress === clientAddress && memo.scheme === scheme;
  if (!isClientKnown || memo.hostHeader !== hostHeader) {
    // Slices would keep the head they are from.
    const host = ownText(hostHeader);
    const client = ownText(clientAddress);
    memo.hostHeader = host;
    memo.clientAddress = client;
    memo.scheme = scheme;
    memo.requestId = openLine(headerLine('Host', host), 'X-Request-ID');
    memo.lines = forwardedLines(client, client, host, String(request.seenPort), scheme);
    memo.release();
  }
  const behind =
    originalUri === NO_LINES ? linesBehindId(exchange, memo) : linesOfHead(exchange, memo, originalUri);
  if (upstreamHost === undefined && id !== '') return closeLine(memo.requestId, id, behind);
  const host = headerLine('Host', upstreamHost ?? hostHeader);
  return joinLines(joinLines(host, requestIdLine(id)), behind);
}

/** Of lines that a connection keeps for its next request. */
const MAX_KEPT_LENGTH = 2048;

/** Those that follow the request's id: the same as before where the head is. */
function linesBehindId(exchange: Exchange, memo: ForwardedMemo): HeadText {
  const { likeness } = exchange.request.head.headers;
  const { rules } = exchange.routing;
  const dropped = dropsOf(exchange);
  if (likeness !== 0 && memo.likeness === likeness && memo.rules === rules && memo.dropped === dropped) {
    return memo.behind;
  }
  const lines = linesOfHead(exchange, memo, NO_LINES);
  if (likeness === 0 || lines.length > MAX_KEPT_LENGTH) return lines;
  memo.behind = flatText(lines);
  memo.likeness = likeness;
  memo.rules = rules;
  memo.dropped = dropped;
  return memo.behind;
}

function linesOfHead(exchange: Exchange, memo: ForwardedMemo, originalUri: HeadText): HeadText {
  const { settings } = exchange.routing.rules;
  const { headers } = exchange.request.head;
  let { lines } = memo;
  const chain =
    settings.forwardedForHeader === 'x-forwarded-for'
      ? headers.has(HEADER['x-forwarded-for'])
        ? headers.get('x-forwarded-for')
        : undefined
      : headers.get(settings.forwardedForHeader);
  if (chain !== undefined && chain !== '') {
    lines = joinLines(lines, headerLine('X-Original-Forwarded-For', chain));
  }
  if (settings.forwardedHostHeader !== 'x-forwarded-host' || headers.has(HEADER['x-forwarded-host'])) {
    lines = joinLines(lines, originalHostLine(exchange));
  }
  return joinLines(joinLines(lines, originalUri), passedLines(exchange));
}

/** The hop in front is trusted: what it says of the client is passed on. */
function trustedLines(exchange: Exchange): HeadText {
  const { request } = exchange;
  const { clientAddress, scheme, upstreamHost, head, seenHost } = request;
  const { settings } = exchange.routing.rules;
  const { headers } = head;
  const chain = headers.get(settings.forwardedForHeader);
  const isChained = chain !== undefined && chain !== '';
  let lines = joinLines(headerLine('Host', upstreamHost ?? seenHost), requestIdLine(request.id));
  const { forwardedFor, seenPort } = request;
  lines = joinLines(lines, forwardedLines(clientAddress, forwardedFor, seenHost, String(seenPort), scheme));
  if (isChained) {
    lines = joinLines(lines, headerLine('X-Original-Forwarded-For', chain));
    lines = joinLines(lines, proxiedChainLine(exchange, chain));
  }
  return joinLines(lines, originalHostLine(exchange));
}

function forwardedLines(
  client: string,
  forwardedFor: string,
  host: string,
  port: string,
  scheme: string,
): HeadText {
  let lines = joinLines(headerLine('X-Real-IP', client), headerLine('X-Forwarded-For', forwardedFor));
  lines = joinLines(lines, headerLine('X-Forwarded-Host', host));
  lines = joinLines(lines, headerLine('X-Forwarded-Port', port));
  if (scheme === '') return lines;
  for (const name of SCHEME_NAMES) lines = joinLines(lines, headerLine(name, scheme));
  return lines;
}

const SCHEME_NAMES = ['X-Forwarded-Proto', 'X-Forwarded-Scheme', 'X-Scheme'] as const;

function requestIdLine(requestId: string): HeadText {
  return requestId === '' ? NO_LINES : headerLine('X-Request-ID', requestId);
}

function originalHostLine({ request, routing }: Exchange): HeadText {
  const forwarded = request.head.headers.get(routing.rules.settings.forwardedHostHeader);
  return forwarded === undefined || forwarded === ''
    ? NO_LINES
    : headerLine('X-Original-Forwarded-Host', forwarded);
}

/** Behind a PROXY header of a trusted hop the chain goes out once more, as ingress-nginx hands it to its real-IP module. */
function proxiedChainLine({ info, routing }: Exchange, chain: string): HeadText {
  const { settings, isTrustedHop, isProxiedChainSent } = routing.rules;
  if (!isProxiedChainSent || info.proxied === undefined || !isTrustedHop(info.proxied.sourceAddress))
    return NO_LINES;
  return headerLine(settings.forwardedForProxyProtocolHeader, chain);
}

function editLines(exchange: Exchange, lines: HeadText): HeadText {
  const { rules, route } = exchange.routing;
  const editor = rules.settings.areUnderscoresAllowed
    ? new UnderscoreLinesEditor(lines)
    : new LinesEditor(lines);
  for (const { name, lowerName, expand } of rules.requestFields) {
    const value = expand(exchange);
    if (value === '') editor.remove(lowerName);
    else editor.set(name, value);
  }
  for (const filter of route!.onUpstreamRequest) filter.onUpstreamRequest!(editor, exchange);
  // Framing and connection are the proxy's alone.
  for (const name of OWN_NAMES) editor.remove(name);
  return editor.toLines();
}

const OWN_NAMES = ['content-length', 'transfer-encoding', 'connection', 'upgrade', 'keep-alive', 'te'];

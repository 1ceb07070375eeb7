import type { Exchange } from './exchange.ts';
import { LinesEditor } from '../message/head-editor.ts';
import { HEADER } from '../message/known-headers.ts';

/** Head of the request to the upstream (docs/reference/routing.md §11); the same for every try. */
export function buildRequestHead(exchange: Exchange, framingLine: string): string {
  const { head, route, rules } = exchange;
  const { settings } = rules;
  const { upstreamHttpMinor } = route!.body;
  const target = exchange.upstreamTarget ?? exchange.originTarget;
  const isAsReceived = target === head.target && head.minorVersion === upstreamHttpMinor;
  const requestLine = isAsReceived
    ? head.requestLine
    : `${head.method} ${target} HTTP/1.${upstreamHttpMinor}`;
  let lines = settings.isForwardedTrusted ? trustedLines(exchange) : ownLines(exchange);
  if (settings.isOriginalUriAdded) lines += `X-Original-URI: ${exchange.originTarget}\r\n`;
  lines += head.headers.forwardable(rules.requestDrops, rules.requestDropNames);
  if (rules.requestLines !== '' || route!.onUpstreamRequest.length > 0) lines = editLines(exchange, lines);
  return `${requestLine}\r\n${lines}${framingLine}${connectionLines(exchange)}\r\n`;
}

/** Whether the head asks the upstream to close behind the response. */
export function isCloseAsked(exchange: Exchange): boolean {
  const { upstreamHttpMinor, connectionHeader } = exchange.route!.body;
  return upstreamHttpMinor === 0 || connectionHeader === 'close';
}

/** Upgrade value that goes to the upstream; undefined: none is asked for. */
export function upgradeOf(exchange: Exchange): string | undefined {
  const { head, route } = exchange;
  // A body would stand between the head and the tunnel.
  if (head.framing !== 'none' || route!.body.upstreamHttpMinor === 0) return undefined;
  return route!.body.connectionHeader === undefined ? head.upgrade : undefined;
}

function connectionLines(exchange: Exchange): string {
  const { connectionHeader } = exchange.route!.body;
  if (connectionHeader !== undefined) return `Connection: ${connectionHeader}\r\n`;
  if (exchange.head.upgrade === undefined) return '';
  const upgrade = upgradeOf(exchange);
  return upgrade === undefined ? '' : `Upgrade: ${upgrade}\r\nConnection: upgrade\r\n`;
}

/** No hop is trusted: what is forwarded is what this connection shows. */
function ownLines(exchange: Exchange): string {
  const { hostHeader, clientAddress, scheme, upstreamHost, rules, head } = exchange;
  const cache = exchange.forwardedCache;
  const isClientKnown = cache.clientAddress === clientAddress && cache.scheme === scheme;
  if (!isClientKnown) {
    cache.clientAddress = clientAddress;
    cache.scheme = scheme;
    cache.client = `\r\nX-Real-IP: ${clientAddress}\r\nX-Forwarded-For: ${clientAddress}\r\nX-Forwarded-Host: `;
    cache.port = `\r\nX-Forwarded-Port: ${exchange.seenPort}\r\n${schemeLines(scheme)}`;
  }
  if (!isClientKnown || cache.hostHeader !== hostHeader) {
    cache.hostHeader = hostHeader;
    cache.host = `Host: ${hostHeader}\r\nX-Request-ID: `;
    cache.lines = cache.client + hostHeader + cache.port;
  }
  const { settings } = rules;
  const { headers } = head;
  const { requestId } = exchange;
  let lines =
    upstreamHost === undefined && requestId !== ''
      ? cache.host + requestId + cache.lines
      : `Host: ${upstreamHost ?? hostHeader}\r\n${requestIdLine(exchange)}${cache.lines.slice(2)}`;
  const chain =
    settings.forwardedForHeader === 'x-forwarded-for'
      ? headers.has(HEADER['x-forwarded-for'])
        ? headers.get('x-forwarded-for')
        : undefined
      : headers.get(settings.forwardedForHeader);
  if (chain !== undefined && chain !== '') lines += `X-Original-Forwarded-For: ${chain}\r\n`;
  if (settings.forwardedHostHeader !== 'x-forwarded-host' || headers.has(HEADER['x-forwarded-host'])) {
    lines += originalHostLine(exchange);
  }
  return lines;
}

/** The hop in front is trusted: what it says of the client is passed on. */
function trustedLines(exchange: Exchange): string {
  const { clientAddress, scheme, upstreamHost, rules, head, seenHost } = exchange;
  const { settings } = rules;
  const { headers } = head;
  const chain = headers.get(settings.forwardedForHeader);
  const isChained = chain !== undefined && chain !== '';
  return (
    `Host: ${upstreamHost ?? seenHost}\r\n${requestIdLine(exchange)}` +
    `X-Real-IP: ${clientAddress}\r\nX-Forwarded-For: ${exchange.forwardedFor}\r\nX-Forwarded-Host: ${seenHost}\r\n` +
    `X-Forwarded-Port: ${exchange.seenPort}\r\n${scheme === '' ? '' : schemeLines(scheme)}` +
    (isChained ? `X-Original-Forwarded-For: ${chain}\r\n` : '') +
    (isChained ? proxiedChainLine(exchange, chain) : '') +
    originalHostLine(exchange)
  );
}

function requestIdLine({ requestId }: Exchange): string {
  return requestId === '' ? '' : `X-Request-ID: ${requestId}\r\n`;
}

function schemeLines(scheme: string): string {
  return `X-Forwarded-Proto: ${scheme}\r\nX-Forwarded-Scheme: ${scheme}\r\nX-Scheme: ${scheme}\r\n`;
}

function originalHostLine({ head, rules }: Exchange): string {
  const forwarded = head.headers.get(rules.settings.forwardedHostHeader);
  return forwarded === undefined || forwarded === '' ? '' : `X-Original-Forwarded-Host: ${forwarded}\r\n`;
}

/** Behind a PROXY header of a trusted hop the chain goes out once more, as ingress-nginx hands it to its real-IP module. */
function proxiedChainLine({ info, rules }: Exchange, chain: string): string {
  const { settings, isTrustedHop, isProxiedChainSent } = rules;
  if (!isProxiedChainSent || info.proxied === undefined || !isTrustedHop(info.proxied.sourceAddress))
    return '';
  return `${settings.forwardedForProxyProtocolHeader}: ${chain}\r\n`;
}

function editLines(exchange: Exchange, lines: string): string {
  const { rules, route } = exchange;
  const editor = new LinesEditor(lines);
  for (const [name, value] of rules.settings.upstreamHeaders) {
    if (value === '') editor.remove(name.toLowerCase());
    else editor.set(name, value);
  }
  for (const filter of route!.onUpstreamRequest) filter.onUpstreamRequest!(editor, exchange);
  // Framing and connection are the proxy's alone.
  for (const name of OWN_NAMES) editor.remove(name);
  return editor.toLines();
}

const OWN_NAMES = ['content-length', 'transfer-encoding', 'connection', 'upgrade', 'keep-alive', 'te'];

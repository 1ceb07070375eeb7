import type { BodyTap } from '../../features/kit/body.ts';
import type { ExchangeWatcher, RequestView } from '../../features/kit/filter.ts';
import { Slots } from '../../features/kit/slot.ts';
import type { Attempt, RouteNames } from '../../lib/variables/source.ts';
import { LineParts, type AccessRecord } from '../../observe/access-record.ts';
import { answerError } from './answer.ts';
import { clientAddressOf, lastHopOf } from './client-address.ts';
import type { ConnectionInfo } from '../message/connection-info.ts';
import type { Downstream } from './downstream.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import { Forwarding } from './forwarding.ts';
import { LinesEditor } from '../message/head-editor.ts';
import { headRulesOf, type HeadRules } from './head-rules.ts';
import {
  headerLine,
  type HeadText,
  joinLines,
  NO_LINES,
  NO_VALUE,
  openLine,
  parsedValue,
} from '../message/head-text.ts';
import type { HeaderBlock, RequestHead } from '../message/heads.ts';
import type { ResolvedTarget } from '../message/target.ts';
import { HEADER, NEVER_FORWARDED } from '../message/known-headers.ts';
import { nextRequestId } from './request-id.ts';
import { saidPortOf, seenPortOf, seenSchemeOf } from './seen-origin.ts';
import { DEFAULT_BACKEND, type LinkedHost, type LinkedRoute, type Router } from '../router/linked.ts';
import type { ServeContext } from '../serve.ts';
import type { PickState } from '../upstream/upstream.ts';

/** Statuses that nginx's add_header counts in. */
const ADDED_TO: ReadonlySet<number> = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308]);

/** Where the answers come from that no backend gives. */
const HOST_ITSELF = '-';

class Picking implements PickState {
  readonly tried: PickState['tried'] = [];
  setCookie: string | undefined = undefined;
  cookiePath = '';
  hostName = '';
  affinity: PickState['affinity'] = undefined;
  isAffinityAsked = false;
}

/**
 * One request and its response in flight. Reused for the next request of the same connection; `sequence` tells them apart. It is at
 * once what filters see of the request and what the access log reads of the outcome, so that nothing is copied.
 */
export class Exchange implements RequestView, AccessRecord, ResolvedTarget {
  readonly context: ServeContext;
  readonly downstream: Downstream;
  readonly info: ConnectionInfo;
  readonly forwarding: Forwarding;
  readonly picking: Picking = new Picking();
  /** Grows with every request. */
  sequence = 0;
  isActive = false;
  /** Whether it has not waited for anything yet: its time is still the time of its begin. */
  isAtOnce = false;
  /** Leaves no trace in log and metrics (health path). */
  isSilent = false;

  head: RequestHead;
  router: Router;
  rules: HeadRules;
  linkedHost: LinkedHost | undefined = undefined;
  route: LinkedRoute | undefined = undefined;
  isCanary = false;

  originTarget = '';
  path = '';
  query = '';
  host = '';
  hostHeader = '';
  scheme = 'http';
  clientAddress = '';
  requestId = NO_VALUE;
  upstreamTarget: string | undefined = undefined;
  rewrittenPath: string | undefined = undefined;
  upstreamHost: string | undefined = undefined;

  /** Whether Strict-Transport-Security is due: real https, and the answer of a location rather than of the host. */
  isHstsDue = false;
  /** Set when the request is answered from elsewhere than its upstream. */
  isDetoured = false;
  /** Set when the answer must not pass the route's response filters. */
  areFiltersSkipped = false;
  /** Forwarded header lines of the last request: they seldom change on a connection. */
  readonly forwardedCache = {
    hostHeader: '',
    clientAddress: '',
    scheme: '',
    /** All up to the value of X-Request-ID. */
    requestId: openLine(NO_LINES, 'X-Request-ID'),
    lines: NO_LINES,
  };

  status = 0;
  /** Set as soon as a head went out: from then on a failure can only cut the response off. */
  isHeadSent = false;
  bodyBytesSent = 0;
  bytesSent = 0;
  requestLength = 0;
  startedAtMs = 0;
  #durationMs = 0;
  #ownRequestId = '';
  upstreamName = '';
  canaryName = '';
  readonly attempts: Attempt[] = [];
  readonly lineParts: LineParts = new LineParts();
  readonly slots: Slots = new Slots();
  /** Header lines that filters added to the response: of any, and of those that are no error. */
  #addedAlways = NO_LINES;
  #addedOnSuccess = NO_LINES;
  readonly #watchers: ExchangeWatcher[] = [];
  readonly #taps: BodyTap[] = [];
  responseHeaders: HeaderBlock | undefined = undefined;
  /** Header lines of the response as sent, framing apart. */
  sentLines = NO_LINES;
  sentBehind = NO_LINES;
  #cookies: Map<string, string> | undefined = undefined;

  constructor(context: ServeContext, downstream: Downstream, head: RequestHead) {
    this.context = context;
    this.downstream = downstream;
    this.info = downstream.info;
    this.head = head;
    this.router = context.router();
    this.rules = headRulesOf(this.router.settings);
    this.forwarding = new Forwarding(this);
  }

  /** Makes it the exchange of a head that was just parsed; pins the router in force. */
  begin(headBytes: number): void {
    const { context, info, head } = this;
    this.sequence++;
    this.isActive = true;
    const router = context.router();
    if (router !== this.router) {
      this.router = router;
      this.rules = headRulesOf(router.settings);
    }
    const { settings } = router;
    this.linkedHost = undefined;
    this.route = undefined;
    this.isCanary = false;
    this.scheme = info.scheme;
    this.clientAddress = info.clientAddress;
    this.upstreamTarget = undefined;
    this.rewrittenPath = undefined;
    this.upstreamHost = undefined;
    this.isSilent = false;
    this.isAtOnce = head.framing === 'none';
    this.isHstsDue = false;
    this.areFiltersSkipped = false;
    this.isDetoured = false;
    this.status = 0;
    this.isHeadSent = false;
    this.bodyBytesSent = 0;
    this.bytesSent = 0;
    this.requestLength = headBytes;
    this.startedAtMs = context.now();
    this.#ownRequestId = '';
    this.sentLines = NO_LINES;
    this.sentBehind = NO_LINES;
    this.upstreamName = '';
    this.canaryName = '';
    // Setting the length would leave the compiled code.
    while (this.attempts.length > 0) this.attempts.pop();
    this.responseHeaders = undefined;
    this.#cookies = undefined;
    this.slots.clear();
    this.#addedAlways = NO_LINES;
    this.#addedOnSuccess = NO_LINES;
    while (this.picking.tried.length > 0) this.picking.tried.pop();
    this.picking.setCookie = undefined;
    const ownId = head.headers.byId(HEADER['x-request-id']);
    this.requestId =
      ownId !== undefined && ownId !== ''
        ? parsedValue(ownId)
        : settings.isRequestIdGenerated
          ? nextRequestId()
          : NO_VALUE;
    if (this.rules.isForwardedRead || info.proxied !== undefined) this.#askHops();
  }

  get method(): string {
    return this.head.method;
  }

  get target(): string {
    return this.originTarget === '' ? this.head.target : this.originTarget;
  }

  get requestLine(): string {
    return this.head.requestLine;
  }

  get connectionScheme(): 'http' | 'https' {
    return this.info.scheme;
  }

  get localPort(): number {
    return this.info.localPort;
  }

  get proxiedPort(): number | undefined {
    return this.info.proxiedPort;
  }

  get connection(): ConnectionInfo {
    return this.info;
  }

  get durationMs(): number {
    return this.isActive ? this.context.now() - this.startedAtMs : this.#durationMs;
  }

  /** An id made for the request: the one that is sent, unless the client sent one of its own. */
  get ownRequestId(): string {
    if (this.#ownRequestId === '') {
      const isClients = this.requestId === this.head.headers.byId(HEADER['x-request-id']);
      this.#ownRequestId = isClients || this.requestId === '' ? nextRequestId() : this.requestId;
    }
    return this.#ownRequestId;
  }

  get saidPort(): string {
    return saidPortOf(this.info, this.head.headers.byId(HEADER['x-forwarded-port']), this.rules.settings);
  }

  /** Value of X-Forwarded-Port. */
  get seenPort(): string {
    return seenPortOf(this.info, this.head.headers.byId(HEADER['x-forwarded-port']), this.rules.settings);
  }

  /** Value of X-Forwarded-For. */
  get forwardedFor(): string {
    const { settings } = this.rules;
    if (!settings.isForwardedTrusted || !settings.isForwardedForAppended) return this.clientAddress;
    const chain = this.head.headers.get('x-forwarded-for');
    const last = lastHopOf(this.info);
    return chain === undefined || chain === '' ? last : `${chain}, ${last}`;
  }

  get seenHost(): string {
    const { settings } = this.router;
    if (!settings.isForwardedTrusted) return this.hostHeader;
    // Whatever forwarded-host-header says: that only names the source of X-Original-Forwarded-Host.
    const forwarded = this.head.headers.get('x-forwarded-host');
    if (forwarded === undefined || forwarded === '') return this.hostHeader;
    const comma = forwarded.indexOf(',');
    return (comma < 0 ? forwarded : forwarded.slice(0, comma)).trim();
  }

  get tlsProtocol(): string {
    return this.info.tlsProtocol;
  }

  get tlsCipher(): string {
    return this.info.tlsCipher;
  }

  get labels(): RouteNames | undefined {
    return this.route?.entry.labels;
  }

  /** User of basic authentication, whether or not it was asked for. */
  get remoteUser(): string {
    const authorization = this.head.headers.byId(HEADER.authorization);
    if (authorization === undefined || !/^basic /i.test(authorization)) return '';
    const credentials = Buffer.from(authorization.slice(6).trim(), 'base64').toString('latin1');
    const colon = credentials.indexOf(':');
    return colon < 0 ? '' : credentials.slice(0, colon);
  }

  header(lowerName: string): string | undefined {
    return this.head.headers.get(lowerName);
  }

  eachHeader(visit: (lowerName: string, value: string) => void): void {
    const { headers } = this.head;
    for (let i = 0; i < headers.count; i++) visit(headers.lowerNameAt(i), headers.valueAt(i));
  }

  passedLines(without: ReadonlySet<string>): string {
    return this.head.headers.forwardable(NEVER_FORWARDED, without);
  }

  addResponseHeader(name: string, value: string, isAlways: boolean): void {
    const line = headerLine(name, value);
    if (isAlways) this.#addedAlways = joinLines(this.#addedAlways, line);
    else this.#addedOnSuccess = joinLines(this.#addedOnSuccess, line);
  }

  /** Lines that filters added, as far as a response of that status has them. */
  addedLinesFor(status: number): HeadText {
    if (this.#addedOnSuccess === NO_LINES || !ADDED_TO.has(status)) return this.#addedAlways;
    return joinLines(this.#addedAlways, this.#addedOnSuccess);
  }

  tapBody(tap: BodyTap): void {
    this.#taps.push(tap);
  }

  watch(watcher: ExchangeWatcher): void {
    this.#watchers.push(watcher);
  }

  unwatch(watcher: ExchangeWatcher): void {
    const index = this.#watchers.indexOf(watcher);
    if (index >= 0) this.#watchers.splice(index, 1);
  }

  cookie(name: string): string | undefined {
    this.#cookies ??= parseCookies(this.head.headers.get('cookie'));
    return this.#cookies.get(name.toLowerCase());
  }

  responseHeader(lowerName: string): string | undefined {
    return this.responseHeaders?.get(lowerName);
  }

  sentHeader(lowerName: string): string | undefined {
    return (
      new LinesEditor(joinLines(this.sentLines, this.sentBehind)).get(lowerName) ??
      (lowerName === 'content-length' ? this.responseHeaders?.get(lowerName) : undefined)
    );
  }

  capture(number: number): string {
    return this.route?.search?.find(this.path)?.capture(number) ?? '';
  }

  group(name: string): string | undefined {
    return this.route?.search?.find(this.path)?.group(name);
  }

  /** Says where the answer comes from, for the log. */
  nameUpstream(): void {
    const { route } = this;
    this.upstreamName = route === undefined ? HOST_ITSELF : route.upstreamName;
  }

  /** Says that the default backend's built-in 404 answers. */
  nameDefaultBackend(): void {
    this.upstreamName = DEFAULT_BACKEND;
  }

  onBodyData(buffer: Buffer, start: number, end: number): void {
    this.requestLength += end - start;
    for (const tap of this.#taps) tap.onBodyData(buffer, start, end);
    this.forwarding.body.onData(buffer, start, end);
  }

  /** All body bytes of one read were handed over, and more will follow. */
  onBodyRead(): void {
    this.forwarding.body.onRead();
  }

  onBodyEnd(): void {
    for (const tap of this.#taps) tap.onBodyEnd();
    this.forwarding.body.onEnd();
  }

  /** The body is malformed, too slow or too long. */
  onBodyRefused(code: ProxyErrorCode): void {
    this.forwarding.cancel();
    answerError(this, code);
  }

  onDownstreamDrain(): void {
    this.forwarding.onDownstreamDrain();
  }

  /** The client is gone: what is left to do is to let go of the upstream and to say so. */
  onDownstreamClosed(): void {
    if (!this.isActive) return;
    this.forwarding.cancel();
    if (!this.isHeadSent) this.status = 499;
    this.finish();
  }

  /** Observes the exchange; once, whatever happened. */
  finish(nowMs: number = this.context.now()): void {
    if (!this.isActive) return;
    this.isActive = false;
    this.forwarding.body.release();
    this.forwarding.closeStage();
    while (this.#taps.length > 0) this.#taps.pop();
    while (this.#watchers.length > 0) this.#watchers.pop()!.onExchangeOver();
    const { context, route, linkedHost } = this;
    if (this.isSilent) return;
    this.#durationMs = nowMs - this.startedAtMs;
    if (route !== undefined && route.onDone.length > 0) this.#tellFilters(route);
    const { settings } = this.router;
    try {
      const isHostSeen = linkedHost === undefined || linkedHost.isConfigured;
      if (route !== undefined) {
        if (isHostSeen || settings.areUndefinedHostsCounted) {
          (this.isCanary ? route.canarySeries : route.series).observe(this);
        }
      }
      if (
        (isHostSeen || settings.accessLog.isDefaultBackendLogged) &&
        (route === undefined || route.isAccessLogged)
      ) {
        context.accessLog.write(this);
      }
    } catch (fault) {
      context.report(fault);
    }
    this.slots.clear();
  }

  /** What one filter holds it lets go of, whatever another one throws. */
  #tellFilters({ onDone }: LinkedRoute): void {
    for (const filter of onDone) {
      try {
        filter.onDone!(this, this);
      } catch (fault) {
        this.context.report(fault);
      }
    }
  }

  #askHops(): void {
    const { info, head, rules } = this;
    const { settings, isTrustedHop } = rules;
    this.scheme = seenSchemeOf(info, head.headers.byId(HEADER['x-forwarded-proto']), settings);
    const chain = rules.isForwardedRead ? head.headers.get(settings.forwardedForHeader) : undefined;
    this.clientAddress = clientAddressOf(info, chain, settings, isTrustedHop);
  }
}

/** By lower-case name, as ingress-nginx looks them up; the first of several counts. */
function parseCookies(header: string | undefined): Map<string, string> {
  const cookies = new Map<string, string>();
  if (header === undefined) return cookies;
  for (const item of header.split(';')) {
    const equals = item.indexOf('=');
    if (equals < 0) continue;
    const name = item.slice(0, equals).trim().toLowerCase();
    if (!cookies.has(name)) cookies.set(name, item.slice(equals + 1).trim());
  }
  return cookies;
}

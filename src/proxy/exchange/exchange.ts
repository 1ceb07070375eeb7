import { DEFAULT_BACKEND } from '../../lib/catch-all.ts';
import type { BodyTap } from '../../features/kit/body.ts';
import type { Detour, ExchangeWatcher, RequestView } from '../../features/kit/filter.ts';
import { Slots } from '../../features/kit/slot.ts';
import type { GeoVariable } from '../../lib/variables/geo.ts';
import type { Attempt, RouteNames } from '../../lib/variables/source.ts';
import type { AccessRecord, LineParts } from '../../observe/access-record.ts';
import type { RouteSeries } from '../../observe/sinks.ts';
import type { ConnectionInfo } from '../message/connection-info.ts';
import { LinesEditor } from '../message/head-editor.ts';
import { headerLine, type HeadText, joinLines, NO_LINES } from '../message/head-text.ts';
import type { HeaderBlock, RequestHead } from '../message/heads.ts';
import { NEVER_FORWARDED } from '../message/known-headers.ts';
import type { LinkedHost, LinkedRoute, Router } from '../router/linked.ts';
import type { ServeContext } from './context.ts';
import type { Downstream } from './downstream.ts';
import { geoText } from './geo-places.ts';
import { type HeadRules, headRulesOf } from './head-rules.ts';
import { RequestRecord } from './request-record.ts';
import { Tries } from './tries.ts';

/** Statuses that nginx's add_header counts in. */
const ADDED_TO: ReadonlySet<number> = new Set([200, 201, 204, 206, 301, 302, 303, 304, 307, 308]);

/** Where the answers come from that no backend gives. */
const HOST_ITSELF = '-';

/** What was matched: the router in force when the request came, and what it says. */
export class Routing {
  router: Router;
  rules: HeadRules;
  linkedHost: LinkedHost | undefined = undefined;
  route: LinkedRoute | undefined = undefined;
  isCanary = false;
  /** Set when the request is answered from elsewhere than its upstream. */
  isDetoured = false;
  upstreamName = '';
  canaryName = '';
  /** Where it is counted, when that is not with its route. */
  series: RouteSeries | undefined = undefined;

  constructor(router: Router) {
    this.router = router;
    this.rules = headRulesOf(router.settings);
  }

  begin(router: Router): void {
    if (router !== this.router) {
      this.router = router;
      this.rules = headRulesOf(router.settings);
    }
    this.linkedHost = undefined;
    this.route = undefined;
    this.isCanary = false;
    this.isDetoured = false;
    this.upstreamName = '';
    this.canaryName = '';
    this.series = undefined;
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
}

/** The response, as far as it has come. */
export class ResponseRecord {
  status = 0;
  /** Set as soon as a head went out: from then on a failure can only cut the response off. */
  isHeadSent = false;
  /** Whether Strict-Transport-Security is due: real https, and the answer of a location rather than of the host. */
  isHstsDue = false;
  /** Set when the answer must not pass the route's response filters. */
  areFiltersSkipped = false;
  /** The upstream's header lines. */
  headers: HeaderBlock | undefined = undefined;
  /** Header lines as sent, framing apart. */
  lines = NO_LINES;
  linesBehind = NO_LINES;
  /** Declared length; -1: none. */
  contentLength = -1;
  /** Header lines that filters added: to any, and to what is no error. */
  #addedAlways = NO_LINES;
  #addedOnSuccess = NO_LINES;

  clear(): void {
    this.status = 0;
    this.isHeadSent = false;
    this.isHstsDue = false;
    this.areFiltersSkipped = false;
    this.headers = undefined;
    this.lines = NO_LINES;
    this.linesBehind = NO_LINES;
    this.contentLength = -1;
    this.#addedAlways = NO_LINES;
    this.#addedOnSuccess = NO_LINES;
  }

  /** Forgets what was to be added for the route's sake: another server answers. */
  leaveRoute(): void {
    this.headers = undefined;
    this.isHstsDue = false;
    this.areFiltersSkipped = true;
    this.#addedAlways = NO_LINES;
    this.#addedOnSuccess = NO_LINES;
  }

  add(line: HeadText, isAlways: boolean): void {
    if (isAlways) this.#addedAlways = joinLines(this.#addedAlways, line);
    else this.#addedOnSuccess = joinLines(this.#addedOnSuccess, line);
  }

  /** Lines that filters added, as far as a response of that status has them. */
  addedLinesFor(status: number): HeadText {
    if (this.#addedOnSuccess === NO_LINES || !ADDED_TO.has(status)) return this.#addedAlways;
    return joinLines(this.#addedAlways, this.#addedOnSuccess);
  }
}

/** What is counted. */
export class Accounting {
  startedAtMs = 0;
  /** Of an exchange that is over. */
  durationMs = 0;
  /** Line, headers, body, as received. */
  requestLength = 0;
  /** All that went to the client. */
  bytesSent = 0;
  bodyBytesSent = 0;
  /** Leaves no trace in log and metrics (health path). */
  isSilent = false;

  begin(nowMs: number, headBytes: number): void {
    this.startedAtMs = nowMs;
    this.requestLength = headBytes;
    this.bytesSent = 0;
    this.bodyBytesSent = 0;
    this.isSilent = false;
  }
}

/** What the record's keeper can do about what is under way towards the upstream. */
export interface ForwardingControl {
  /** Reads the request body as the route's policy says, and forwards the request. */
  begin(): void;
  /** Has the request answered from elsewhere, nothing of an answer having been sent. */
  goTo(detour: Detour, kept: HeadText): void;
  /** Lets go of the upstream, without an answer. */
  cancel(): void;
  /** Gives back what is held for the request: it is over. */
  release(): void;
}

/**
 * One request and its response in flight, on record: what filters see of the request and what the access log reads of the outcome are
 * views of it, so that nothing is copied. Used again for other requests, of other connections too; `serial` tells its uses apart.
 */
export class Exchange implements RequestView, AccessRecord {
  readonly context: ServeContext;
  downstream: Downstream;
  info: ConnectionInfo;
  readonly request: RequestRecord;
  readonly routing: Routing;
  readonly tries: Tries = new Tries();
  readonly response: ResponseRecord = new ResponseRecord();
  readonly accounting: Accounting = new Accounting();
  lineParts: LineParts;
  readonly slots: Slots = new Slots();
  readonly #watchers: ExchangeWatcher[] = [];
  /** Who sees the request body. */
  readonly taps: BodyTap[] = [];
  /** Set by who serves it. */
  forwarding: ForwardingControl = NOTHING_UNDER_WAY;
  /** Number of the request on its connection. */
  sequence = 0;
  /** Grows with every request. */
  serial = 0;
  isActive = false;
  /** Set when a filter's promise was waited for: it may hold the record for longer than the request lasts. */
  hasWaited = false;
  /** Whether it has not waited for anything yet: its time is still the time of its begin. */
  isAtOnce = false;

  constructor(context: ServeContext, downstream: Downstream, head: RequestHead) {
    this.context = context;
    this.downstream = downstream;
    this.info = downstream.info;
    this.routing = new Routing(context.router());
    this.request = new RequestRecord(head, downstream.info, this.routing.rules);
    this.lineParts = downstream.memo.lineParts;
  }

  /** Has it serve requests of another connection. */
  bind(downstream: Downstream): void {
    this.downstream = downstream;
    this.info = downstream.info;
    this.lineParts = downstream.memo.lineParts;
  }

  /** Makes it the exchange of a head that was just parsed; pins the router in force. */
  begin(head: RequestHead, headBytes: number, sequence: number, nowMs: number): void {
    const { context, routing } = this;
    this.sequence = sequence;
    this.serial++;
    this.isActive = true;
    this.hasWaited = false;
    this.isAtOnce = !head.hasBody;
    routing.begin(context.router());
    this.accounting.begin(nowMs, headBytes);
    this.tries.clear();
    this.response.clear();
    this.slots.clear();
    this.request.begin(head, this.info, routing.rules);
  }

  /** Says that it is over; false: it was already. */
  end(): boolean {
    if (!this.isActive) return false;
    this.isActive = false;
    this.forwarding.release();
    while (this.taps.length > 0) this.taps.pop();
    while (this.#watchers.length > 0) this.#watchers.pop()!.onExchangeOver();
    return true;
  }

  /** Whether it still serves the request that it had that serial for. */
  isServing(serial: number): boolean {
    return this.isActive && this.serial === serial;
  }

  // The views of filters, variables and the log.

  get hasBody(): boolean {
    return this.request.head.hasBody;
  }

  get method(): string {
    return this.request.head.method;
  }

  get requestLine(): string {
    return this.request.head.requestLine;
  }

  get target(): string {
    return this.request.target;
  }

  get path(): string {
    return this.request.path;
  }

  get query(): string {
    return this.request.query;
  }

  get host(): string {
    return this.request.host;
  }

  get hostHeader(): string {
    return this.request.hostHeader;
  }

  get seenHost(): string {
    return this.request.seenHost;
  }

  get scheme(): string {
    return this.request.scheme;
  }

  get clientAddress(): string {
    return this.request.clientAddress;
  }

  get requestId(): string {
    return this.request.id;
  }

  get ownRequestId(): string {
    return this.request.ownId;
  }

  get saidPort(): string {
    return this.request.saidPort;
  }

  get seenPort(): string {
    return this.request.seenPort;
  }

  get forwardedFor(): string {
    return this.request.forwardedFor;
  }

  get remoteUser(): string {
    return this.request.remoteUser;
  }

  get upstreamTarget(): string | undefined {
    return this.request.upstreamTarget;
  }

  set upstreamTarget(target: string | undefined) {
    this.request.upstreamTarget = target;
  }

  get rewrittenPath(): string | undefined {
    return this.request.rewrittenPath;
  }

  set rewrittenPath(path: string | undefined) {
    this.request.rewrittenPath = path;
  }

  get upstreamHost(): string | undefined {
    return this.request.upstreamHost;
  }

  set upstreamHost(host: string | undefined) {
    this.request.upstreamHost = host;
  }

  header(lowerName: string): string | undefined {
    return this.request.head.headers.get(lowerName);
  }

  eachHeader(visit: (lowerName: string, value: string) => void): void {
    const { headers } = this.request.head;
    for (let i = 0; i < headers.count; i++) visit(headers.lowerNameAt(i), headers.valueAt(i));
  }

  passedLines(without: ReadonlySet<string>): string {
    return this.request.head.headers.forwardable(NEVER_FORWARDED, without);
  }

  get withheldHeaders(): ReadonlySet<string> {
    return this.routing.route!.withheldHeaders;
  }

  addResponseHeader(name: string, value: string, isAlways: boolean): void {
    this.response.add(headerLine(name, value), isAlways);
  }

  tapBody(tap: BodyTap): void {
    this.taps.push(tap);
  }

  watch(watcher: ExchangeWatcher): void {
    this.#watchers.push(watcher);
  }

  unwatch(watcher: ExchangeWatcher): void {
    const index = this.#watchers.indexOf(watcher);
    if (index >= 0) this.#watchers.splice(index, 1);
  }

  servePage(target: string): void {
    this.request.servePage(target);
  }

  cookie(name: string): string | undefined {
    return this.request.cookie(name);
  }

  get connection(): ConnectionInfo {
    return this.info;
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

  get tlsProtocol(): string {
    return this.info.tlsProtocol;
  }

  get tlsCipher(): string {
    return this.info.tlsCipher;
  }

  get labels(): RouteNames | undefined {
    return this.routing.route?.entry.labels;
  }

  get upstreamName(): string {
    return this.routing.upstreamName;
  }

  get canaryName(): string {
    return this.routing.canaryName;
  }

  located(variable: GeoVariable): string | undefined {
    return geoText(this.routing.router.settings.geo, variable, this.clientAddress);
  }

  capture(number: number): string {
    return this.routing.route?.search?.find(this.path)?.capture(number) ?? '';
  }

  group(name: string): string | undefined {
    return this.routing.route?.search?.find(this.path)?.group(name);
  }

  get attempts(): readonly Attempt[] {
    return this.tries.attempts;
  }

  get status(): number {
    return this.response.status;
  }

  responseHeader(lowerName: string): string | undefined {
    return this.response.headers?.get(lowerName);
  }

  sentHeader(lowerName: string): string | undefined {
    const { lines, linesBehind, contentLength } = this.response;
    const sent = new LinesEditor(joinLines(lines, linesBehind)).get(lowerName);
    if (sent !== undefined || lowerName !== 'content-length' || contentLength < 0) return sent;
    return String(contentLength);
  }

  get startedAtMs(): number {
    return this.accounting.startedAtMs;
  }

  get durationMs(): number {
    return this.isActive ? this.context.now() - this.accounting.startedAtMs : this.accounting.durationMs;
  }

  get requestLength(): number {
    return this.accounting.requestLength;
  }

  get bytesSent(): number {
    return this.accounting.bytesSent;
  }

  get bodyBytesSent(): number {
    return this.accounting.bodyBytesSent;
  }
}

const NOTHING_UNDER_WAY: ForwardingControl = { begin() {}, goTo() {}, cancel() {}, release() {} };

import type { VariableSource } from '../../lib/variables/source.ts';
import type { HostEntry, RouteEntry } from '../../table/table.ts';
import type { DataPlaneSettings } from '../../table/settings.ts';
import type { BodyOut, BodyStage, BodyTap } from './body.ts';
import type { Slot, Slots } from './slot.ts';
import type { Answer, Question } from './subrequest.ts';
import type { Copy, CopyTarget } from './copier.ts';
import type { Counters } from './counters.ts';

/** The downstream request as filters see it. Implemented by the exchange; nothing is copied for a filter. */
export interface RequestView extends VariableSource {
  /** Destination port in a PROXY header, whoever sent it. */
  readonly proxiedPort: number | undefined;
  /** Read and written through `FilterContext.slot`. */
  readonly slots: Slots;
  /** Whether a body comes behind the head. */
  readonly hasBody: boolean;

  /** Goes through all header lines in their order; names in lower case. Those that the codec drops for their characters are not there. */
  eachHeader(visit: (lowerName: string, value: string) => void): void;
  /** Lines that may be passed on, each ended by CRLF, as they came: without those between two hops, Host, and these names. */
  passedLines(without: ReadonlySet<string>): string;
  /**
   * Adds a header to whatever response will be sent, behind those that filters see. Unless `isAlways` it is left out where nginx's
   * add_header leaves it out: of errors, and of all but a few statuses. Throws UnsafeText.
   */
  addResponseHeader(name: string, value: string, isAlways: boolean): void;
  /** Has the body shown to the tap, from a hook before the body is read on. */
  tapBody(tap: BodyTap): void;
  /** Has the watcher told, once, when the exchange is over. */
  watch(watcher: ExchangeWatcher): void;
  unwatch(watcher: ExchangeWatcher): void;
  /** Header names, in lower case, that whoever is not the upstream of the route does not get as the client sent them. */
  readonly withheldHeaders: ReadonlySet<string>;
  /** From a hook of the host: goes on as if this path and query (`/page?a=b`, not encoded) of the host had been asked for. */
  servePage(target: string): void;

  /** Set by a rewrite: path and query to send instead of `target`. */
  upstreamTarget: string | undefined;
  /** Set beside it: the path alone, decoded. */
  rewrittenPath: string | undefined;
  /** Set by upstream-vhost: Host to send upstream. */
  upstreamHost: string | undefined;
}

/** Who waits beside an exchange. */
export interface ExchangeWatcher {
  /** Answered, or its client gone. */
  onExchangeOver(): void;
}

/** A head under construction; names are case-insensitive, `set` replaces all occurrences. */
export interface HeadEditor {
  get(lowerName: string): string | undefined;
  set(name: string, value: string): void;
  append(name: string, value: string): void;
  /** Replaces each occurrence by what is made of it. */
  replace(lowerName: string, make: (value: string) => string): void;
  remove(lowerName: string): void;
}

export interface ResponseEditor extends HeadEditor {
  status: number;
  /** True when the proxy made this response itself. */
  readonly isLocal: boolean;
}

/** An answer the proxy makes itself. Without `body` the stock page of the status is sent (docs/reference/evaluation-order.md §3). */
export interface DirectResponse {
  readonly status: number;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
  /** In place of all else here: this failure's answer, by the table of failures. */
  readonly refusal?:
    | 'no_client_certificate'
    | 'bad_client_certificate'
    | 'misdirected'
    | 'outdated_handshake';
  /** Content type of `body`; default text/html. */
  readonly contentType?: string;
  /** Without Strict-Transport-Security, whatever the connection. */
  readonly hasNoHsts?: true;
}

/**
 * What one check of access says of a request: `allow`, or why not; undefined: it has nothing against it and nothing for it, like a deny
 * list that does not name the client. What is neither 401 nor 403 ends the request whatever other checks say.
 */
export type AccessVerdict = 'allow' | AccessDenial | undefined;

export interface AccessDenial extends DirectResponse {
  /** What it counts as beside the other checks of the route, where that is not its status: a redirect to where one signs in is a 401. */
  readonly countsAs?: 401 | 403;
}

/** An upstream in place of the route's own. */
export interface StandIn {
  /** One that `TranslateContext.upstream` gave, or `DEFAULT_BACKEND`. */
  readonly id: string;
  /** What the log calls it. */
  readonly name: string;
}

/**
 * Where a request is answered instead, in the clear: with its method and, as far as it can be sent from its beginning, its body. What comes
 * from there is no matter of the route's filters any more.
 */
export interface Detour {
  /** The first one with endpoints answers; without one the built-in 404 does. */
  readonly upstreams: readonly StandIn[];
  /** Path and query. */
  readonly target: string;
  /** They take the place of the request's own of these names; an empty one leaves the request without. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** What became of an exchange. */
export interface Outcome {
  readonly status: number;
  readonly durationMs: number;
}

/**
 * Enforces one policy on one route. Absent hooks cost nothing; the chain awaits only when handed a promise.
 * Filters run in registry order within their stage.
 */
export interface Filter {
  /** May answer instead of the upstream, or set `upstreamTarget` / `upstreamHost`. */
  onRequest?(request: RequestView): DirectResponse | undefined | Promise<DirectResponse | undefined>;
  /** Whether the request may come in. Combined with the other checks of the route, once, at link time (features/kit/access.ts). */
  checkAccess?(request: RequestView): AccessVerdict | Promise<AccessVerdict>;
  /** Takes the place of every 401 that the checks of the route come to. */
  signIn?(request: RequestView): AccessDenial;
  /** The credentials are for this filter alone: Authorization does not go to the upstream. */
  readonly isAuthorizationHidden?: boolean;
  /** Headers, in lower case, in which this filter alone speaks to the upstream: a copy, or who makes an error page, gets the client's head without them. */
  readonly spokenHeaders?: readonly string[];
  /** May name another upstream for a request whose own has no endpoints; one that has none either is passed over. */
  onNoEndpoints?(request: RequestView): StandIn | undefined;
  onUpstreamRequest?(head: HeadEditor, request: RequestView): void;
  /**
   * May have a response of that status answered from elsewhere: the upstream's, before anything of it is sent, or one that the proxy
   * would make (`isLocal`). Once per request; what comes from there is the response.
   */
  onStatus?(status: number, isLocal: boolean, request: RequestView): Detour | undefined;
  /** May answer in place of a response of the upstream of that status, before anything of it is sent; asked before `onStatus`. */
  replaceResponse?(status: number, request: RequestView): DirectResponse | undefined;
  onResponse?(response: ResponseEditor, request: RequestView): void;
  /**
   * May change the body of the upstream's response, and its head before: the length is then no longer declared. Asked behind `onResponse`
   * of all filters; the first stage of a route counts. Also asked where there is no body (HEAD), for the head's sake.
   */
  stageBody?(response: ResponseEditor, request: RequestView, out: BodyOut): BodyStage | undefined;
  onDone?(request: RequestView, outcome: Outcome): void;
}

/** A question that requests ask. */
export interface Subrequest {
  /** At once for a remembered answer. When the client goes the promise is never settled, and the question taken back unless others wait. */
  ask(request: RequestView): Answer | Promise<Answer>;
}

/**
 * Sends copies of requests and forgets what is answered: nothing of it touches the exchange. Copies are bounded in number, size and time;
 * one that finds no room is dropped, and counted.
 */
export interface Copier {
  /** Begins to copy a request, from a hook before its body is read on. Undefined: there is no room. */
  take(request: RequestView): Copy | undefined;
}

/** What a filter may know when it is created: once per route (or host) and table, never per request. */
export interface FilterContext {
  readonly host: HostEntry;
  /** Undefined for host-stage filters. */
  readonly route?: RouteEntry;
  readonly settings: DataPlaneSettings;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** A place on the exchange for what the filter remembers between its hooks. */
  readonly slot: <T>() => Slot<T>;
  /** Makes a question that requests ask beside themselves; once, when the filter is created. */
  readonly subrequest: (question: Question) => Subrequest;
  /** Makes copies of requests for another upstream. */
  readonly copier: (target: CopyTarget) => Copier;
  /** Limits that count across workers. */
  readonly counters: Counters;
  /** What lasts as long as the worker, over all tables: made by `create` for the first who asks, the same for all who give the same function. */
  ofWorker<T>(create: () => T): T;
}

/** Chooses between primary (false) and canary (true); step 5 to 7 of docs/reference/annotations.md §1.1. */
export type CanaryDecision = (request: RequestView) => boolean;

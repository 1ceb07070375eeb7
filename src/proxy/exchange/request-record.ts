import { escapePath } from '../../lib/escape-path.ts';
import { NO_VALUE, parsedValue } from '../message/head-text.ts';
import type { RequestHead } from '../message/heads.ts';
import { HEADER } from '../message/known-headers.ts';
import type { ConnectionInfo } from '../message/connection-info.ts';
import type { ResolvedTarget } from '../message/target.ts';
import { clientAddressOf, lastHopOf } from './client-address.ts';
import type { HeadRules } from './head-rules.ts';
import { nextRequestId } from './request-id.ts';
import { saidPortOf, seenPortOf, seenSchemeOf } from './seen-origin.ts';

/** The client's request: its head, what that says, and what filters made of it. */
export class RequestRecord implements ResolvedTarget {
  head: RequestHead;
  #info: ConnectionInfo;
  #rules: HeadRules;

  originTarget = '';
  path = '';
  query = '';
  host = '';
  hostHeader = '';
  scheme = 'http';
  clientAddress = '';
  id = NO_VALUE;
  #ownId = '';
  #cookies: Map<string, string> | undefined = undefined;

  /** Set by filters, to send something else than what came. */
  upstreamTarget: string | undefined = undefined;
  rewrittenPath: string | undefined = undefined;
  upstreamHost: string | undefined = undefined;

  constructor(head: RequestHead, info: ConnectionInfo, rules: HeadRules) {
    this.head = head;
    this.#info = info;
    this.#rules = rules;
  }

  begin(head: RequestHead, info: ConnectionInfo, rules: HeadRules): void {
    this.head = head;
    this.#info = info;
    this.#rules = rules;
    this.scheme = info.scheme;
    this.clientAddress = info.clientAddress;
    this.#ownId = '';
    this.#cookies = undefined;
    this.upstreamTarget = undefined;
    this.rewrittenPath = undefined;
    this.upstreamHost = undefined;
    const said = head.headers.byId(HEADER['x-request-id']);
    this.id =
      said !== undefined && said !== ''
        ? parsedValue(said)
        : rules.settings.isRequestIdGenerated
          ? nextRequestId()
          : NO_VALUE;
    if (rules.isForwardedRead || info.proxied !== undefined) this.#askHops();
  }

  get target(): string {
    return this.originTarget === '' ? this.head.target : this.originTarget;
  }

  /** An id made for the request: the one that is sent, unless the client sent one of its own. */
  get ownId(): string {
    if (this.#ownId === '') {
      const isClients = this.id === this.head.headers.byId(HEADER['x-request-id']);
      this.#ownId = isClients || this.id === '' ? nextRequestId() : this.id;
    }
    return this.#ownId;
  }

  get saidPort(): string {
    return saidPortOf(this.#info, this.head.headers.byId(HEADER['x-forwarded-port']), this.#rules.settings);
  }

  /** Value of X-Forwarded-Port. */
  get seenPort(): string {
    return seenPortOf(this.#info, this.head.headers.byId(HEADER['x-forwarded-port']), this.#rules.settings);
  }

  /** Value of X-Forwarded-For. */
  get forwardedFor(): string {
    const { settings } = this.#rules;
    if (!settings.isForwardedTrusted || !settings.isForwardedForAppended) return this.clientAddress;
    const chain = this.head.headers.get('x-forwarded-for');
    const last = lastHopOf(this.#info);
    return chain === undefined || chain === '' ? last : `${chain}, ${last}`;
  }

  get seenHost(): string {
    if (!this.#rules.settings.isForwardedTrusted) return this.hostHeader;
    // Whatever forwarded-host-header says: that only names the source of X-Original-Forwarded-Host.
    const forwarded = this.head.headers.get('x-forwarded-host');
    if (forwarded === undefined || forwarded === '') return this.hostHeader;
    const comma = forwarded.indexOf(',');
    return (comma < 0 ? forwarded : forwarded.slice(0, comma)).trim();
  }

  /** User of basic authentication, whether or not it was asked for. */
  get remoteUser(): string {
    const authorization = this.head.headers.byId(HEADER.authorization);
    if (authorization === undefined || !/^basic /i.test(authorization)) return '';
    const credentials = Buffer.from(authorization.slice(6).trim(), 'base64').toString('latin1');
    const colon = credentials.indexOf(':');
    return colon < 0 ? '' : credentials.slice(0, colon);
  }

  /** Another path takes the place of the one that was asked for; the target stays what was received. */
  servePage(target: string): void {
    const [path = '', query = ''] = target.split(/\?(.*)/s);
    this.path = path;
    this.query = query;
    this.upstreamTarget = query === '' ? escapePath(path) : `${escapePath(path)}?${query}`;
  }

  cookie(name: string): string | undefined {
    this.#cookies ??= parseCookies(this.head.headers.get('cookie'));
    return this.#cookies.get(name.toLowerCase());
  }

  #askHops(): void {
    const { settings, isTrustedHop, isForwardedRead } = this.#rules;
    const { headers } = this.head;
    this.scheme = seenSchemeOf(this.#info, headers.byId(HEADER['x-forwarded-proto']), settings);
    const chain = isForwardedRead ? headers.get(settings.forwardedForHeader) : undefined;
    this.clientAddress = clientAddressOf(this.#info, chain, settings, isTrustedHop);
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

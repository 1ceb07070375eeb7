import { compileNetworks, type NetworkMatcher } from '../../lib/cidr.ts';
import type { VariableSource } from '../../lib/variables/source.ts';
import { compileFieldTemplate, hasVariables, type Template } from '../../lib/variables/template.ts';
import type { DataPlaneSettings } from '../../table/settings.ts';
import { type HeadText, headerLine, headerLineIfSafe, joinLines, NO_LINES } from '../message/head-text.ts';
import { SERVER_WITH_VERSION } from './stock-page.ts';
import { createDropTable, HEADER, HEADER_NAMES, headerIdOf } from '../message/known-headers.ts';
import { Compression } from './compression.ts';

/** A header of the ConfigMap's making. */
export interface Field {
  readonly name: string;
  readonly lowerName: string;
  readonly expand: Template;
}

/** What the settings of one table say about heads, worked out once. */
export interface HeadRules {
  readonly settings: DataPlaneSettings;
  /** Known names that a request is not forwarded with as they came. */
  readonly requestDrops: Uint8Array;
  /** The same, and Authorization. */
  readonly requestDropsWithAuthorization: Uint8Array;
  /** The same for names without number; undefined: none. */
  readonly requestDropNames: ReadonlySet<string> | undefined;
  readonly responseDrops: Uint8Array;
  /** The same, and the upstream's Strict-Transport-Security. */
  readonly responseDropsWithHsts: Uint8Array;
  readonly responseDropNames: ReadonlySet<string> | undefined;
  /** Headers of proxy-set-headers; they take the place of what else has their names. */
  readonly requestFields: readonly Field[];
  /** Server line, before all others; empty when none is sent. */
  readonly serverLine: HeadText;
  /** Lines that every response gets: what of add-headers is fixed. */
  readonly responseLines: HeadText;
  /** What of add-headers has variables. */
  readonly responseFields: readonly Field[];
  /** Strict-Transport-Security line; empty when none is sent. */
  readonly hstsLine: HeadText;
  /** How responses are compressed; undefined: they are not. */
  readonly compression: Compression | undefined;
  readonly isTrustedHop: NetworkMatcher;
  /** Whether any request's hops may tell who the client is: PROXY protocol apart, which a connection tells. */
  readonly isForwardedRead: boolean;
  /** Whether the chain is passed on once more under forwarded-for-proxy-protocol-header, where its last hop is trusted. */
  readonly isProxiedChainSent: boolean;
}

/** Written anew for the upstream: what a client says there counts only where a hop is trusted (docs/reference/routing.md §11). */
const REQUEST_DROPS = [
  'proxy',
  'x-request-id',
  'x-real-ip',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-forwarded-proto',
  'x-forwarded-scheme',
  'x-scheme',
  'x-original-forwarded-for',
  'x-original-forwarded-host',
] as const;

/** What a proxy that checked the client's certificate says of it: for anybody else to say, a hop must be trusted. */
const CERTIFICATE_NAMES = [
  'ssl-client-cert',
  'ssl-client-verify',
  'ssl-client-subject-dn',
  'ssl-client-issuer-dn',
] as const;

/** Between the upstream and its proxy (docs/reference/routing.md §12), or said by the proxy itself. */
const RESPONSE_DROPS = [
  'date',
  'server',
  'x-accel-expires',
  'x-accel-redirect',
  'x-accel-limit-rate',
  'x-accel-buffering',
  'x-accel-charset',
  'x-pad',
] as const;

const SERVER_LINE = headerLine('Server', SERVER_WITH_VERSION);

const compiled = new WeakMap<DataPlaneSettings, HeadRules>();
let latest: HeadRules | undefined;

/** Rules of these settings; compiled at their first use. */
export function headRulesOf(settings: DataPlaneSettings): HeadRules {
  if (latest !== undefined && latest.settings === settings) return latest;
  let rules = compiled.get(settings);
  if (rules === undefined) {
    rules = compileHeadRules(settings);
    compiled.set(settings, rules);
  }
  latest = rules;
  return rules;
}

function compileHeadRules(settings: DataPlaneSettings): HeadRules {
  const { upstreamHeaders, responseHeaders, hiddenResponseHeaders, hsts } = settings;
  const requestDrops = createDropTable([
    ...REQUEST_DROPS,
    ...(settings.isForwardedTrusted ? [] : CERTIFICATE_NAMES),
  ]);
  if (settings.isOriginalUriAdded) requestDrops[headerIdOf('x-original-uri')] = 1;
  const isProxiedChainSent = settings.isForwardedTrusted && settings.isProxyProtocolUsed;
  const responseDrops = createDropTable(RESPONSE_DROPS);
  const requestNames = upstreamHeaders.map(([name]) => name.toLowerCase());
  if (isProxiedChainSent) requestNames.push(settings.forwardedForProxyProtocolHeader.toLowerCase());
  const responseNames = [...hiddenResponseHeaders, ...responseHeaders.map(([name]) => name)].map((name) =>
    name.toLowerCase(),
  );
  const responseDropNames = dropAlso(responseDrops, responseNames);
  const responseDropsWithHsts = Uint8Array.from(responseDrops);
  if (hsts !== undefined) responseDropsWithHsts[headerIdOf('strict-transport-security')] = 1;
  const requestDropNames = dropAlso(requestDrops, requestNames);
  const requestDropsWithAuthorization = Uint8Array.from(requestDrops);
  requestDropsWithAuthorization[HEADER.authorization] = 1;
  return {
    settings,
    requestDrops,
    requestDropsWithAuthorization,
    requestDropNames,
    responseDrops,
    responseDropsWithHsts,
    responseDropNames,
    requestFields: upstreamHeaders.map(toField),
    serverLine: settings.isServerHeaderSent ? SERVER_LINE : NO_LINES,
    responseLines: linesOf(responseHeaders.filter(([, value]) => !hasVariables(value))),
    responseFields: responseHeaders.filter(([, value]) => hasVariables(value)).map(toField),
    hstsLine: hsts === undefined ? NO_LINES : headerLineIfSafe('Strict-Transport-Security', hsts),
    compression: Compression.of(settings.compression),
    isTrustedHop: compileNetworks(settings.trustedNetworks),
    isForwardedRead: settings.isForwardedTrusted || settings.isRealIpEnabled,
    isProxiedChainSent,
  };
}

/** `responseLines`, and the lines of `responseFields` as this source fills them in; without value there is none. */
export function responseLinesOf(rules: HeadRules, source: VariableSource): HeadText {
  const { responseLines, responseFields } = rules;
  if (responseFields.length === 0) return responseLines;
  let lines = responseLines;
  for (const { name, expand } of responseFields) {
    const value = expand(source);
    if (value !== '') lines = joinLines(lines, headerLineIfSafe(name, value));
  }
  return lines;
}

function toField([name, value]: readonly [string, string]): Field {
  return { name, lowerName: name.toLowerCase(), expand: compileFieldTemplate(value) };
}

/** Adds names to a drop table; those without number are answered as a set. */
function dropAlso(table: Uint8Array, names: readonly string[]): ReadonlySet<string> | undefined {
  const unnumbered = new Set<string>();
  for (const name of names) {
    const id = headerIdOf(name);
    if (id > 0 && HEADER_NAMES[id] === name) table[id] = 1;
    else unnumbered.add(name);
  }
  return unnumbered.size > 0 ? unnumbered : undefined;
}

/** A header with an empty value is removed, not sent; one that is no line was a finding where it was read. */
function linesOf(headers: readonly (readonly [string, string])[]): HeadText {
  let lines = NO_LINES;
  for (const [name, value] of headers) {
    if (value !== '') lines = joinLines(lines, headerLineIfSafe(name, value));
  }
  return lines;
}

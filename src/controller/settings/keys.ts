import { createSecureContext } from 'node:tls';
import { isHost } from '../../lib/address-text.ts';
import { toByteText } from '../../lib/byte-text.ts';
import { isNetwork } from '../../lib/cidr.ts';
import { readMapItem } from '../../lib/map-patterns.ts';
import {
  splitList,
  parseGoBool,
  parseGoInt,
  parseNginxSize,
  parseNginxTimeMs,
} from '../../lib/nginx-values.ts';
import { hasVariables, unknownNames } from '../../lib/variables/template.ts';
import { unknownVariables } from '../../observe/log-format.ts';
import { unknownStreamVariables } from '../../observe/stream-log.ts';
import { bool, parsed, within } from './apply-parsed.ts';
import type { ApplyKey, SettingsDraft } from './draft.ts';
import { COMPRESSION_KEYS } from './compression-keys.ts';
import { GEO_KEY } from './geo-parts.ts';
import { ticketKey } from './ticket-key.ts';
import { TRACING_KEYS } from './tracing-keys.ts';

const number = (
  parse: (text: string) => number | undefined,
  what: string,
  set: (draft: SettingsDraft, value: number) => void,
): ApplyKey => {
  const read = (text: string): number | undefined => {
    const value = parse(text);
    return value === undefined || value < 0 ? undefined : value;
  };
  return parsed(read, what, set);
};

const integer = (set: (draft: SettingsDraft, value: number) => void) =>
  number(parseGoInt, 'a whole number', set);
const seconds = (set: (draft: SettingsDraft, valueMs: number) => void) =>
  number(parseGoInt, 'a whole number of seconds', (draft, value) => set(draft, value * 1_000));
const duration = (set: (draft: SettingsDraft, valueMs: number) => void) =>
  number(parseNginxTimeMs, 'a duration', set);

const text =
  (set: (draft: SettingsDraft, value: string) => void): ApplyKey =>
  (draft, value) => {
    set(draft, value);
    return undefined;
  };

const headerName =
  (set: (draft: SettingsDraft, value: string) => void): ApplyKey =>
  (draft, value) => {
    if (!/^[A-Za-z0-9_-]+$/.test(value)) return 'is not a header name';
    set(draft, value.toLowerCase());
    return undefined;
  };

/** What each of them takes of memory a client may have that many times. */
const MAX_CONCURRENT_STREAMS = 4096;

const TLS_VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

const tlsVersions: ApplyKey = (draft, value) => {
  const named = value.split(/[\s,]+/).filter((item) => item !== '');
  const known = TLS_VERSIONS.filter((version) => named.includes(version));
  const first = known[0];
  const last = known.at(-1);
  if (first === undefined || last === undefined) return 'names neither TLSv1.2 nor TLSv1.3';
  draft.tls.minVersion = first;
  draft.tls.maxVersion = last;
  const refused = named.filter((name) => !known.some((version) => version === name));
  if (refused.length === 0) return undefined;
  return {
    problem: `names ${refused.join(', ')}, which Serin does not speak`,
    consequence: `${known.join(' and ')} ${known.length === 1 ? 'is' : 'are'} spoken`,
  };
};

const headBuffers: ApplyKey = (draft, value) => {
  const [count, size, ...rest] = value.split(/\s+/);
  const buffers = parseGoInt(count ?? '');
  const bytes = parseNginxSize(size ?? '');
  if (rest.length > 0 || buffers === undefined || buffers < 1 || bytes === undefined || bytes < 1) {
    return 'is not a count and a size, such as `4 8k`';
  }
  draft.maxTargetBytes = bytes;
  draft.maxHeaderLineBytes = bytes;
  draft.maxHeadBytes = buffers * bytes;
  return undefined;
};

const networks =
  (set: (draft: SettingsDraft, networks: readonly string[]) => void): ApplyKey =>
  (draft, value) => {
    const items = splitList(value);
    const bad = items.find((item) => !isNetwork(item));
    if (bad !== undefined) return `has an item that is no address and no network: ${bad}`;
    set(draft, items);
    return undefined;
  };

const targets: ApplyKey = (draft, value) => {
  const items = splitList(value);
  let timed: string | undefined;
  for (const item of items) {
    const read = readMapItem(item);
    if (!read.ok) {
      return {
        problem: `has a pattern that ${read.problem}: ${item}`,
        consequence: 'the default is used',
        ...(read.isCostly ? { reason: 'SlowPattern' } : {}),
      };
    }
    if (read.isTimed) timed ??= item;
  }
  draft.accessLog.skippedTargets = items;
  if (timed === undefined) return undefined;
  return {
    reason: 'SlowPattern',
    problem: `has a pattern that cannot be matched in linear time: ${timed}`,
    consequence: 'a target for which it takes longer than 50 ms is logged',
  };
};

/** A value that OpenSSL takes; workers would leave the settings of before in force for one it does not. */
const ofTls =
  (key: 'ciphers' | 'ecdhCurve'): ApplyKey =>
  (draft, value) => {
    try {
      createSecureContext({ [key]: value });
    } catch (error) {
      return `is refused by OpenSSL (${(error as Error).message})`;
    }
    draft.tls[key] = value;
    return undefined;
  };

const logFormat: ApplyKey = (draft, value) => {
  draft.accessLog.format = value;
  const unknown = unknownVariables(value).map((name) => `$${name}`);
  if (unknown.length === 0) return undefined;
  return {
    problem: `has variables that Serin does not know: ${unknown.join(', ')}`,
    consequence: 'they are logged as missing values',
  };
};

const streamLogFormat: ApplyKey = (draft, value) => {
  if (value === '') return undefined;
  draft.streamLog.format = value;
  const unknown = unknownStreamVariables(value).map((name) => `$${name}`);
  if (unknown.length === 0) return undefined;
  return {
    problem: `has variables that Serin does not know of streams: ${unknown.join(', ')}`,
    consequence: 'they are logged as missing values',
  };
};

/** Statuses that nginx takes for what it refuses. */
const refusal = (set: (draft: SettingsDraft, value: number) => void) =>
  parsed(within(400, 599), 'a status from 400 to 599', set);

const limitKey: ApplyKey = (draft, value) => {
  const unknown = unknownNames(value).map((name) => `$${name}`);
  // Filled in with nothing it would limit nobody.
  if (unknown.length > 0) return `has variables that Serin does not know: ${unknown.join(', ')}`;
  if (value === '') return 'is empty';
  draft.limitKey = toByteText(value);
  if (hasVariables(value)) return undefined;
  return {
    problem: 'has no variable, and is the same for every request',
    consequence: 'all clients of an Ingress share its limits',
  };
};

/** ConfigMap keys of the whole data plane, with what each sets (docs/reference/settings.md §2). */
export const DATA_PLANE_KEYS: Readonly<Record<string, ApplyKey>> = {
  'use-forwarded-headers': bool((draft, value) => (draft.isForwardedTrusted = value)),
  'compute-full-forwarded-for': bool((draft, value) => (draft.isForwardedForAppended = value)),
  'forwarded-for-header': headerName((draft, value) => (draft.forwardedForHeader = value)),
  'forwarded-host-header': headerName((draft, value) => (draft.forwardedHostHeader = value)),
  'forwarded-for-proxy-protocol-header': (draft, value) => {
    if (!/^[A-Za-z0-9_-]+$/.test(value)) return 'is not a header name';
    draft.forwardedForProxyProtocolHeader = value;
    return undefined;
  },
  'enable-real-ip': bool((draft, value) => (draft.isRealIpEnabled = value)),
  'proxy-real-ip-cidr': networks((draft, value) => (draft.trustedNetworks = value)),
  'nginx-status-ipv4-whitelist': networks((draft, value) => (draft.statusReadersIPv4 = value)),
  'nginx-status-ipv6-whitelist': networks((draft, value) => (draft.statusReadersIPv6 = value)),
  'use-proxy-protocol': bool((draft, value) => (draft.isProxyProtocolUsed = value)),
  'proxy-protocol-header-timeout': duration((draft, value) => (draft.proxyProtocolTimeoutMs = value)),
  'proxy-add-original-uri-header': bool((draft, value) => (draft.isOriginalUriAdded = value)),
  'generate-request-id': bool((draft, value) => (draft.isRequestIdGenerated = value)),
  'server-tokens': bool((draft, value) => (draft.isServerHeaderSent = value)),
  'enable-underscores-in-headers': bool((draft, value) => (draft.areUnderscoresAllowed = value)),
  'ignore-invalid-headers': bool((draft, value) => (draft.areInvalidHeadersIgnored = value)),
  'hide-headers': text((draft, value) => (draft.hiddenResponseHeaders = splitList(value.toLowerCase()))),
  hsts: bool((draft, value) => (draft.hstsParts.isOn = value)),
  'hsts-max-age': (draft, value) => {
    if (!/^\d+$/.test(value)) return 'is not a whole number of seconds';
    draft.hstsParts.maxAge = value;
    return undefined;
  },
  'hsts-include-subdomains': bool((draft, value) => (draft.hstsParts.hasSubdomains = value)),
  'hsts-preload': bool((draft, value) => (draft.hstsParts.isPreloaded = value)),
  'ssl-protocols': tlsVersions,
  'ssl-ciphers': ofTls('ciphers'),
  'ssl-ecdh-curve': ofTls('ecdhCurve'),
  'ssl-session-tickets': bool((draft, value) => (draft.areTicketsIssued = value)),
  'ssl-session-ticket-key': ticketKey,
  'ssl-session-timeout': duration((draft, value) => (draft.tls.sessionTimeoutMs = value)),
  'enable-ocsp': bool((draft, value) => (draft.tls.isStapled = value)),
  'ssl-reject-handshake': bool((draft, value) => (draft.tls.isUnknownNameRejected = value)),
  'client-header-timeout': seconds((draft, value) => (draft.headerTimeoutMs = value)),
  'client-body-timeout': seconds((draft, value) => (draft.bodyTimeoutMs = value)),
  'client-body-min-rate': integer((draft, value) => (draft.minBodyBytesPerSecond = value)),
  'keep-alive': seconds((draft, value) => (draft.keepAliveTimeoutMs = value)),
  'keep-alive-requests': integer((draft, value) => (draft.keepAliveRequests = value)),
  'use-http2': bool((draft, value) => (draft.isHttp2Used = value)),
  'http2-max-concurrent-streams': parsed(
    within(1, MAX_CONCURRENT_STREAMS),
    `a whole number from 1 to ${MAX_CONCURRENT_STREAMS}`,
    (draft, value) => (draft.maxConcurrentStreams = value),
  ),
  'large-client-header-buffers': headBuffers,
  'upstream-keepalive-connections': integer((draft, value) => (draft.upstreamKeepAliveConnections = value)),
  'upstream-keepalive-timeout': seconds((draft, value) => (draft.upstreamKeepAliveTimeoutMs = value)),
  'upstream-keepalive-time': duration((draft, value) => (draft.upstreamKeepAliveTimeMs = value)),
  'upstream-keepalive-requests': integer((draft, value) => (draft.upstreamKeepAliveRequests = value)),
  'worker-shutdown-timeout': duration((draft, value) => (draft.drainTimeoutMs = value)),
  'log-format-upstream': logFormat,
  'log-format-escape-json': bool((draft, value) => {
    if (value && draft.accessLog.escape !== 'none') draft.accessLog.escape = 'json';
  }),
  'log-format-escape-none': bool((draft, value) => {
    if (value) draft.accessLog.escape = 'none';
  }),
  'disable-access-log': bool((draft, value) => {
    if (!value) return;
    draft.accessLog.isEnabled = false;
    draft.streamLog.isEnabled = false;
  }),
  'disable-stream-access-log': bool((draft, value) => {
    if (value) draft.streamLog.isEnabled = false;
  }),
  'disable-http-access-log': bool((draft, value) => {
    if (value) draft.accessLog.isEnabled = false;
  }),
  'access-log-path': text((draft, value) => {
    draft.accessLog.path = value;
    draft.streamLog.path = value;
  }),
  'http-access-log-path': text((draft, value) => {
    if (value !== '') draft.accessLog.path = value;
  }),
  'stream-access-log-path': text((draft, value) => {
    if (value !== '') draft.streamLog.path = value;
  }),
  'log-format-stream': streamLogFormat,
  'proxy-stream-timeout': duration((draft, value) => (draft.streams.idleTimeoutMs = value)),
  'proxy-stream-next-upstream': bool((draft, value) => (draft.streams.isNextTried = value)),
  'proxy-stream-next-upstream-timeout': duration((draft, value) => (draft.streams.triesTimeoutMs = value)),
  'proxy-stream-next-upstream-tries': integer((draft, value) => (draft.streams.tries = value)),
  'proxy-stream-responses': integer((draft, value) => (draft.streams.responses = value)),
  'enable-syslog': bool((draft, value) => (draft.syslog.isOn = value)),
  'syslog-host': (draft, value) => {
    if (!isHost(value)) return 'is neither an address nor a host name';
    draft.syslog.host = value;
    return undefined;
  },
  'syslog-port': parsed(within(1, 65_535), 'a port number', (draft, value) => (draft.syslog.port = value)),
  'skip-access-log-urls': targets,
  'enable-access-log-for-default-backend': bool(
    (draft, value) => (draft.accessLog.isDefaultBackendLogged = value),
  ),
  'enable-auth-access-log': bool((draft, value) => (draft.accessLog.areAuthQuestionsLogged = value)),
  'max-worker-connections': integer((draft, value) => (draft.maxConnections = value)),
  'limit-req-status-code': refusal((draft, value) => (draft.rateLimitStatus = value)),
  'limit-conn-status-code': refusal((draft, value) => (draft.connectionLimitStatus = value)),
  'limit-conn-zone-variable': limitKey,
  // Read where the databases are named (geo-parts.ts).
  [GEO_KEY]: parsed(parseGoBool, 'a boolean', () => {}),
  ...TRACING_KEYS,
  ...COMPRESSION_KEYS,
  'max-connections-per-address': integer((draft, value) => (draft.maxConnectionsPerAddress = value)),
};

import { redactBytes } from '../../lib/redacted-bytes.ts';
import { createFindings, findingMessage } from '../../model/finding.ts';
import { createCounterRoom } from '../../table/counter-room.ts';
import { DEFAULT_SETTINGS } from '../../table/settings.ts';
import { EMPTY_CATCH_ALL, type HostEntry, type RouteEntry } from '../../table/table.ts';
import { combineAccess, type AccessAnswer } from './access.ts';
import type { Copier, Filter, FilterContext, HeadEditor, RequestView } from './filter.ts';
import { createCounters, type Counters } from './counters.ts';
import type { AnnotationSpec, Feature, Lookup } from './feature.ts';
import { SlotPlan, Slots } from './slot.ts';
import { idOfAddress } from './upstream-address.ts';
import type { Place } from './place.ts';
import { findVain } from './vain.ts';
import { createWorkerState } from './worker-state.ts';

/** A request as a filter sees it: GET / over http to a.test, changed as given. */
export function fakeRequest(
  changes: Partial<RequestView> & { headers?: Record<string, string> } = {},
): RequestView {
  const { headers = {}, ...rest } = changes;
  const target = rest.target ?? '/';
  const [path = '/', query = ''] = target.split(/\?(.*)/s);
  const hostHeader = rest.hostHeader ?? 'a.test';
  const clientAddress = rest.clientAddress ?? '192.0.2.1';
  const localPort = rest.localPort ?? 80;
  return {
    connection: {
      serial: 1,
      peerAddress: clientAddress,
      peerPort: 40_000,
      clientAddress,
      clientPort: 40_000,
      localAddress: '192.0.2.2',
      proxied: undefined,
      serverName: undefined,
    },
    sequence: 1,
    remoteUser: '',
    method: 'GET',
    requestLine: `${rest.method ?? 'GET'} ${target} HTTP/1.1`,
    target,
    path,
    query,
    hostHeader,
    host: hostHeader.replace(/:\d+$/, ''),
    connectionScheme: 'http',
    scheme: rest.connectionScheme ?? 'http',
    seenHost: hostHeader,
    clientAddress,
    localPort,
    saidPort: String(localPort),
    seenPort: String(localPort),
    forwardedFor: clientAddress,
    proxiedPort: undefined,
    tlsProtocol: rest.connectionScheme === 'https' ? 'TLSv1.3' : '',
    tlsCipher: rest.connectionScheme === 'https' ? 'TLS_AES_128_GCM_SHA256' : '',
    requestId: 'id',
    ownRequestId: 'own-id',
    labels: { namespace: 'a', ingress: 'web', service: 'web', servicePort: '80', path: '/', host: 'a.test' },
    upstreamName: 'a-web-80',
    canaryName: '',
    attempts: [],
    status: 0,
    bodyBytesSent: 0,
    bytesSent: 0,
    requestLength: 0,
    startedAtMs: Date.UTC(2026, 10, 23, 12),
    durationMs: 0,
    header: (name) => headers[name],
    cookie: (name) => new RegExp(`(?:^|; )${name}=([^;]*)`, 'i').exec(headers['cookie'] ?? '')?.[1],
    responseHeader: () => undefined,
    sentHeader: () => undefined,
    located: () => undefined,
    capture: () => '',
    group: () => undefined,
    slots: new Slots(),
    hasBody: false,
    eachHeader: (visit) => {
      for (const [name, value] of Object.entries(headers)) visit(name.toLowerCase(), value);
    },
    passedLines: (without) =>
      Object.entries(headers)
        .filter(([name]) => !without.has(name))
        .map(([name, value]) => `${name}: ${value}\r\n`)
        .join(''),
    addResponseHeader: () => {},
    tapBody: () => {},
    watch: () => {},
    unwatch: () => {},
    withheldHeaders: new Set(),
    servePage: () => {},
    upstreamTarget: undefined,
    rewrittenPath: undefined,
    upstreamHost: undefined,
    ...rest,
  };
}

/** A head that is edited in memory. */
export function fakeHead(
  initial: Record<string, string> = {},
): HeadEditor & { readonly headers: Map<string, string> } {
  const headers = new Map(Object.entries(initial));
  return {
    headers,
    get: (name) => headers.get(name.toLowerCase()),
    set: (name, value) => void headers.set(name.toLowerCase(), value),
    append: (name, value) =>
      void headers.set(
        name.toLowerCase(),
        [headers.get(name.toLowerCase()), value].filter(Boolean).join(', '),
      ),
    replace: (name, make) => {
      const value = headers.get(name);
      if (value !== undefined) headers.set(name, make(value));
    },
    remove: (name) => void headers.delete(name),
  };
}

/** Counters of one worker of its own, by a clock that stands still unless told otherwise. */
export function fakeCounters(nowMs: () => number = () => 0): Counters {
  return createCounters(createCounterRoom(1, { rateBuckets: 16, gaugeBuckets: 16 }), 0, nowMs);
}

/** For filters that ask nobody. */
export function noSubrequest(): never {
  throw new Error('nobody can be asked here');
}

/** For filters whose copies go nowhere. */
export function noCopies(): Copier {
  return { take: () => undefined };
}

/** Circumstances of a filter: route `/` of host a.test, changed as given. */
export function fakeContext(
  changes: {
    host?: Partial<HostEntry>;
    path?: string;
    /** Of the route. */
    policies?: RouteEntry['policies'];
    random?: () => number;
    subrequest?: FilterContext['subrequest'];
    copier?: FilterContext['copier'];
    counters?: Counters;
  } = {},
): FilterContext {
  const host: HostEntry = {
    ...EMPTY_CATCH_ALL,
    name: 'a.test',
    ...changes.host,
  };
  const path = changes.path ?? '/';
  const labels = { namespace: 'a', ingress: 'web', service: 'web', servicePort: '80', path, host: host.name };
  const route: RouteEntry = {
    id: `${host.name}|prefix|${path}`,
    match: { kind: 'prefix', value: path },
    path,
    pathType: 'prefix',
    policies: changes.policies ?? {},
    labels,
    isSlashRedirected: false,
  };
  return {
    host,
    route,
    settings: DEFAULT_SETTINGS,
    random: changes.random ?? (() => 0.5),
    slot: new SlotPlan().slot,
    subrequest: changes.subrequest ?? noSubrequest,
    copier: changes.copier ?? noCopies,
    counters: changes.counters ?? fakeCounters(),
    ofWorker: createWorkerState().ofWorker,
  };
}

export interface Translated<P> {
  readonly policy: P | undefined;
  readonly messages: readonly string[];
  /** What has no effect where it stands, with the severity. */
  readonly vain: readonly string[];
  readonly isDenied: boolean;
  readonly isHostDenied: boolean;
  /** Values the parsers refused, with the failure class. */
  readonly refused: readonly string[];
}

/** Parses annotations with a feature's own parsers and translates them; Secrets and ConfigMaps by `namespace/name`. */
export function translateWith<P>(
  feature: Feature<any, P>,
  annotations: Record<string, string>,
  more: {
    settings?: Record<string, string>;
    secrets?: Record<string, Record<string, string>>;
    configMaps?: Record<string, Record<string, string>>;
    /** Where the annotations stand: by default host a.test, path `/`. */
    place?: Partial<Place>;
    /** Named groups in the paths of the Ingress. */
    groups?: readonly string[];
  } = {},
): Translated<P> {
  const findings = createFindings();
  const refused: string[] = [];
  const values: Record<string, unknown> = {};
  const written = new Map<string, { name: string; text: string }>();
  let isDenied = false;
  let isHostDenied = false;
  for (const [key, spec] of Object.entries(feature.annotations) as [string, AnnotationSpec<unknown>][]) {
    values[key] = spec.fallback;
    const raw =
      annotations[key] ?? (spec.configMapKey === undefined ? undefined : more.settings?.[spec.configMapKey]);
    if (raw === undefined || raw.trim() === '') continue;
    const parsed = spec.parse(raw.trim());
    if (parsed.ok) {
      values[key] = parsed.value;
      if (annotations[key] !== undefined) written.set(key, { name: key, text: raw.trim() });
    } else {
      refused.push(`${key} ${parsed.problem}: ${spec.onInvalid}`);
      isDenied ||= spec.onInvalid === 'deny';
    }
  }
  const lookup: Lookup = {
    secret: (namespace, name) => {
      const secret = more.secrets?.[`${namespace}/${name}`];
      return (
        secret && new Map(Object.entries(secret).map(([key, text]) => [key, redactBytes(Buffer.from(text))]))
      );
    },
    configMap: (namespace, name) => {
      const data = more.configMaps?.[`${namespace}/${name}`];
      return data && new Map(Object.entries(data));
    },
    keySet: () => undefined,
    firstPort: (_, name) => (name === 'missing' ? undefined : '80'),
  };
  const policy = feature.translate(values as never, {
    namespace: 'a',
    source: { kind: 'Ingress', namespace: 'a', name: 'web' },
    lookup,
    findings,
    setting: (key) => more.settings?.[key],
    hosts: more.place?.hosts ?? ['a.test'],
    upstream: (address) => ({ id: idOfAddress(address), problem: undefined }),
    hasGroup: (name) => more.groups?.includes(name) === true,
    has: (key) => annotations[key] !== undefined,
    text: (name) => annotations[name]?.trim() || undefined,
    isBlank: (key) => annotations[key]?.trim() === '',
    denyHost: () => {
      isHostDenied = true;
    },
    deny: () => {
      isDenied = true;
    },
  });
  const place: Place = {
    text: (key) => annotations[key]?.trim() || undefined,
    isBlank: (key) => annotations[key]?.trim() === '',
    setting: (key) => more.settings?.[key],
    hosts: ['a.test'],
    paths: [{ path: '/', isExact: false }],
    isCanary: annotations['canary'] === 'true',
    isDefaultBackendOnly: false,
    ...more.place,
  };
  const vain = findVain(feature, values as never, written, place).map(
    ({ name, text, problem, consequence, isProtection }) =>
      `${isProtection ? 'error' : 'warning'} metadata.annotations[${name}]: "${text}" ${problem}; ${consequence}`,
  );
  return { policy, messages: findings.list().map(findingMessage), vain, isDenied, isHostDenied, refused };
}

/** The filter that annotations give a route. */
export function filterOf<P>(
  feature: Feature<any, P>,
  annotations: Record<string, string>,
  context: FilterContext = fakeContext(),
  more: Parameters<typeof translateWith>[2] = {},
): Filter | undefined {
  const { policy } = translateWith(feature, annotations, more);
  return policy === undefined ? undefined : feature.createFilter?.(policy, context);
}

/** What the check of access that annotations give a route answers, where it is the only one. */
export function accessOf<P>(
  feature: Feature<any, P>,
  ...given: Parameters<typeof filterOf<P>> extends [unknown, ...infer Rest] ? Rest : never
): ((request: RequestView) => AccessAnswer) | undefined {
  const filter = filterOf(feature, ...given);
  return filter && combineAccess([filter], 'all');
}

import { canonicalText } from '../../lib/hash.ts';
import type { TlsName } from '../../model/ports.ts';
import type { Change, TableDelta } from '../../table/messages.ts';
import type { EndpointEntry, RouteTable, TlsEntry, UpstreamEndpoints } from '../../table/table.ts';

/** What brings a worker that runs `from` (undefined: nothing yet) to `to`; undefined when nothing does, by digests. */
export function diffTables(from: RouteTable | undefined, to: RouteTable): TableDelta | undefined {
  if (from === undefined) {
    return {
      generation: to.generation,
      listeners: to.listeners,
      streams: to.streams,
      hosts: { set: to.hosts, removed: [] },
      upstreams: { set: to.upstreams, removed: [] },
      certificates: { set: to.certificates, removed: [] },
      tls: to.tls,
      settings: to.settings,
    };
  }
  const hosts = diffEntries(
    from.hosts,
    to.hosts,
    (host) => host.name,
    (a, b) => a.digest === b.digest,
  );
  const upstreams = diffEntries(from.upstreams, to.upstreams, idOf, (a, b) => a.digest === b.digest);
  // The id is a digest of what is in it.
  const certificates = diffEntries(from.certificates, to.certificates, idOf, () => true);
  const others = {
    ...(isSame(from.listeners, to.listeners) ? undefined : { listeners: to.listeners }),
    ...(isSame(from.streams, to.streams) ? undefined : { streams: to.streams }),
    ...(isSameTls(from.tls, to.tls) ? undefined : { tls: to.tls }),
    ...(isSame(from.settings, to.settings) ? undefined : { settings: to.settings }),
  };
  const isNothingElse = Object.keys(others).length === 0;
  if (isEmpty(hosts) && isEmpty(upstreams) && isEmpty(certificates) && isNothingElse) return undefined;
  return {
    generation: to.generation,
    hosts,
    upstreams,
    certificates,
    ...others,
  };
}

/** Upstreams whose endpoints are not those that were `sent`. */
export function diffEndpoints(
  sent: ReadonlyMap<string, readonly EndpointEntry[]>,
  now: ReadonlyMap<string, readonly EndpointEntry[]>,
): UpstreamEndpoints[] {
  const changed: UpstreamEndpoints[] = [];
  for (const [upstreamId, endpoints] of now) {
    if (sent.get(upstreamId) !== endpoints) changed.push({ upstreamId, endpoints });
  }
  return changed;
}

function diffEntries<T>(
  from: readonly T[],
  to: readonly T[],
  keyOf: (entry: T) => string,
  isEqual: (a: T, b: T) => boolean,
): Change<T> {
  if (from === to) return { set: [], removed: [] };
  const before = new Map(from.map((entry) => [keyOf(entry), entry]));
  const set: T[] = [];
  for (const entry of to) {
    const key = keyOf(entry);
    const old = before.get(key);
    before.delete(key);
    if (old === undefined || (old !== entry && !isEqual(old, entry))) set.push(entry);
  }
  return { set, removed: [...before.keys()] };
}

function idOf({ id }: { readonly id: string }): string {
  return id;
}

function isEmpty({ set, removed }: Change<unknown>): boolean {
  return set.length === 0 && removed.length === 0;
}

function isSameTls(a: TlsEntry, b: TlsEntry): boolean {
  if (a === b) return true;
  return (
    a.defaultCertificateId === b.defaultCertificateId &&
    a.names.length === b.names.length &&
    a.names.every((name, i) => isSameName(name, b.names[i]!))
  );
}

function isSameName(a: TlsName, b: TlsName): boolean {
  if (a.name !== b.name) return false;
  if (a.kind === 'passthrough' || b.kind === 'passthrough') return a.kind === b.kind;
  return a.certificateId === b.certificateId;
}

function isSame<T>(a: T, b: T): boolean {
  return a === b || canonicalText(a) === canonicalText(b);
}

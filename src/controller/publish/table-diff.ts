import { byText, editsBetween } from '../../lib/edited-list.ts';
import { canonicalText } from '../../lib/hash.ts';
import type { TlsName } from '../../model/ports.ts';
import type { Change, TableDelta } from '../../table/messages.ts';
import type { RouteTable, TlsEntry } from '../../table/table.ts';

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
      ...(to.staples.length === 0 ? undefined : { staples: { set: to.staples, removed: [] } }),
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
  const staples = diffEntries(
    from.staples,
    to.staples,
    ({ certificateId }) => certificateId,
    (a, b) => Buffer.compare(a.response, b.response) === 0,
  );
  const others = {
    ...(isEmpty(staples) ? undefined : { staples }),
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

/** Both are sorted by key: what stayed the same object is passed by without a look at it, and where it is known what led from one to the other, only that counts. */
function diffEntries<T extends object>(
  from: readonly T[],
  to: readonly T[],
  keyOf: (entry: T) => string,
  isEqual: (a: T, b: T) => boolean,
): Change<T> {
  const edits = editsBetween(from, to);
  if (edits !== undefined) {
    const compare = byText(keyOf);
    const before = edits.flatMap((edit) => edit.before ?? []).toSorted(compare);
    const after = edits.flatMap((edit) => edit.after ?? []).toSorted(compare);
    return diffSorted(before, after, keyOf, isEqual);
  }
  return diffSorted(from, to, keyOf, isEqual);
}

function diffSorted<T>(
  from: readonly T[],
  to: readonly T[],
  keyOf: (entry: T) => string,
  isEqual: (a: T, b: T) => boolean,
): Change<T> {
  const set: T[] = [];
  const removed: string[] = [];
  let old = 0;
  for (const entry of to) {
    let before = from[old];
    if (before === entry) {
      old++;
      continue;
    }
    const key = keyOf(entry);
    for (; before !== undefined && keyOf(before) < key; before = from[++old]) removed.push(keyOf(before));
    const isKnown = before !== undefined && keyOf(before) === key;
    if (isKnown) old++;
    if (!isKnown || (before !== entry && !isEqual(before!, entry))) set.push(entry);
  }
  for (; old < from.length; old++) removed.push(keyOf(from[old]!));
  return { set, removed };
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

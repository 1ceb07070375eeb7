import type { TableDelta, TablePart } from '../../table/messages.ts';

/** Entries of a kind in one message: to clone 5,000 at once holds the event loop of either side for 70 ms and more. */
export const ENTRIES_PER_MESSAGE = 128;

/** What of a delta goes ahead of it, in messages of their own; nothing where it is small. */
export function* partsOf({ hosts, upstreams, certificates }: TableDelta): Generator<TablePart> {
  const most = Math.max(hosts.set.length, upstreams.set.length, certificates.set.length);
  if (most <= ENTRIES_PER_MESSAGE) return;
  for (let start = 0; start < most; start += ENTRIES_PER_MESSAGE) {
    const end = start + ENTRIES_PER_MESSAGE;
    yield {
      hosts: hosts.set.slice(start, end),
      upstreams: upstreams.set.slice(start, end),
      certificates: certificates.set.slice(start, end),
    };
  }
}

/** A delta of which the rest went ahead. */
export function withoutParts(delta: TableDelta): TableDelta {
  const { hosts, upstreams, certificates } = delta;
  return {
    ...delta,
    hosts: { set: [], removed: hosts.removed },
    upstreams: { set: [], removed: upstreams.removed },
    certificates: { set: [], removed: certificates.removed },
  };
}

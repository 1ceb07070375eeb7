import type { Findings } from '../../model/finding.ts';
import { printSource, type SourceRef } from '../../model/source.ts';

/** An Ingress, and the field of it that decides something or is touched by a decision. */
export interface Party {
  readonly source: SourceRef;
  readonly field: string;
  readonly value?: string;
}

/** What an Ingress decides for others. */
export interface Decision extends Party {
  /** In the words of findings, behind `decides`: `the app-root of host a.test`. */
  readonly what: string;
  readonly consequence: string;
  /** It closes what it decides. */
  readonly isClosing?: boolean;
}

/**
 * Who decided what on one host. ingress-nginx lets any namespace decide for a host, and so does Serin; what one namespace decides
 * for another is told to both: once on each Ingress that decides, once on each that is touched, however many they are.
 */
export interface HostRecord {
  /** For the whole host: the oldest Ingress of each other namespace is touched. What the host's first namespace decides is its own. */
  decides(decision: Decision): void;
  /** For a route of another Ingress. */
  takes(decision: Decision, from: Party): void;
  report(findings: Findings): void;
}

/** One side of decisions of a kind: an Ingress, the first Ingress on the other side, and how many more there are. */
interface Side {
  readonly party: Party;
  readonly first: Party;
  /** By name. */
  readonly others: Set<string>;
}

interface Kind {
  readonly decision: Decision;
  readonly deciders: Map<string, Side>;
  readonly touched: Map<string, Side>;
}

/** Creates the record of a host; `parties` are the Ingresses that make it, oldest first. */
export function createHostRecord(parties: readonly Party[]): HostRecord {
  const kinds = new Map<string, Kind>();
  const owner = parties[0]?.source.namespace;
  let oldest: ReadonlyMap<string, Party> | undefined;

  function note(kindName: string, decision: Decision, from: Party): void {
    let kind = kinds.get(kindName);
    if (kind === undefined) {
      kind = { decision, deciders: new Map(), touched: new Map() };
      kinds.set(kindName, kind);
    }
    addSide(kind.deciders, decision, from);
    addSide(kind.touched, from, decision);
  }

  return {
    decides(decision) {
      const { namespace } = decision.source;
      if (namespace === owner && decision.isClosing !== true) return;
      oldest ??= oldestOfNamespaces(parties);
      for (const [other, party] of oldest) if (other !== namespace) note(decision.what, decision, party);
    },
    takes(decision, from) {
      if (decision.source.namespace === from.source.namespace) return;
      note(decision.consequence, decision, from);
    },
    report(findings) {
      for (const { decision, deciders, touched } of kinds.values()) {
        const report = decision.isClosing === true ? findings.error : findings.warn;
        for (const { party, first, others } of deciders.values()) {
          const { what, consequence } = party as Decision;
          report(party.source, REASON, {
            field: party.field,
            value: party.value,
            problem: `decides ${what} for ${nameOf(first)}${more(others)}, of another namespace`,
            consequence,
          });
        }
        for (const { party, first, others } of touched.values()) {
          const { what, consequence, source, field } = first as Decision;
          const by = printSource({ ...source, field });
          report(party.source, REASON, {
            field: party.field,
            value: party.value,
            problem: `does not decide ${what}: ${by}${more(others)} does, of another namespace`,
            consequence,
          });
        }
      }
    },
  };
}

const REASON = 'CrossNamespace';

function addSide(sides: Map<string, Side>, party: Party, opposite: Party): void {
  const side = sides.get(nameOf(party));
  if (side === undefined) sides.set(nameOf(party), { party, first: opposite, others: new Set() });
  else if (nameOf(side.first) !== nameOf(opposite)) side.others.add(nameOf(opposite));
}

function oldestOfNamespaces(parties: readonly Party[]): ReadonlyMap<string, Party> {
  const oldest = new Map<string, Party>();
  for (const party of parties) {
    const { namespace } = party.source;
    if (!oldest.has(namespace)) oldest.set(namespace, party);
  }
  return oldest;
}

function nameOf({ source: { kind, namespace, name } }: Party): string {
  return printSource({ kind, namespace, name });
}

function more(others: ReadonlySet<string>): string {
  return others.size === 0 ? '' : ` and ${others.size} more`;
}

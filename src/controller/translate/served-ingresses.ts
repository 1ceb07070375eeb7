import type { Feature } from '../../features/kit/feature.ts';
import { editsBetween, withEdits, type Edit } from '../../lib/edited-list.ts';
import { isSameItems, Remembered } from '../../lib/remembered.ts';
import { Pace, type Steps } from '../../lib/steps.ts';
import type { Finding } from '../../model/finding.ts';
import { compareAge, objectKey, type IngressObject } from '../store/objects.ts';
import type { ClusterSnapshot } from '../store/object-store.ts';
import { createOwnership } from '../store/ownership.ts';
import type { ParsedAnnotations } from './annotations.ts';
import { acceptEntry } from './accepted.ts';
import type { AnnotationSettings } from './annotation-settings.ts';
import { isFresh } from './dependencies.ts';
import { createEntry, type IngressEntry } from './entries.ts';
import { catchAllDisabled, unknownClass } from './object-findings.ts';
import { SharedAnnotations } from './shared-annotations.ts';
import type { TranslateOptions } from './options.ts';

/** What is served now, and what of it was not before. */
export interface Served {
  /** Oldest first; the list knows what led to it from the last one. */
  readonly entries: readonly IngressEntry[];
  readonly added: readonly IngressEntry[];
  readonly removed: readonly IngressEntry[];
}

/** Takes Ingresses in, snapshot after snapshot, and remembers which version of each it has accepted. */
export interface ServedIngresses {
  /** One that did not change, nor what it was read by, is passed by. Findings go to `found`, oldest Ingress first. */
  take(snapshot: ClusterSnapshot, settings: AnnotationSettings, found: Finding[]): Steps<Served>;
}

/** What was made of one Ingress. */
interface Taken {
  readonly ingress: IngressObject;
  /** What is served of it: its newest version, or one accepted before; undefined: nothing. */
  readonly entry: IngressEntry | undefined;
  readonly findings: readonly Finding[];
  /** It is looked at anew each time. */
  readonly isUnsettled: boolean;
}

type WithIngress = Pick<Taken, 'ingress'>;

function isTelling({ findings }: Taken): boolean {
  return findings.length > 0;
}

/** Beyond so many changes the lists are made anew. */
const EDITED_MAX = 64;

const NO_FINDINGS: readonly Finding[] = [];

/** `isForgetful`: of an Ingress that is refused no version before is served. */
export function createServedIngresses(
  options: TranslateOptions,
  features: readonly Feature[],
  isForgetful = false,
): ServedIngresses {
  const read = new Remembered<IngressObject, IngressEntry>(new WeakMap(), isSameItems);
  const shared = new SharedAnnotations<ParsedAnnotations>();
  const taken = new Map<IngressObject, Taken>();
  /** The version of each Ingress that is served, by `namespace/name`. */
  const accepted = new Map<string, IngressEntry>();
  const unsettled = new Set<IngressObject>();
  let last: readonly IngressObject[] = [];
  let entries: readonly IngressEntry[] = [];
  /** Those with findings, oldest first. */
  let telling: readonly Taken[] = [];
  let readBy: readonly unknown[] = [];
  let lookedUpIn: readonly unknown[] = [];

  function takeOne(
    ingress: IngressObject,
    snapshot: ClusterSnapshot,
    settings: AnnotationSettings,
    ownership: ReturnType<typeof createOwnership>,
  ): Taken {
    const owned = ownership(ingress);
    const refusal =
      owned === 'not-ours'
        ? undefined
        : owned === 'unknown-class'
          ? unknownClass(ingress)
          : catchAllDisabled(ingress, options);
    if (owned === 'not-ours' || refusal !== undefined) {
      accepted.delete(objectKey(ingress));
      const findings = refusal === undefined ? NO_FINDINGS : [refusal];
      return { ingress, entry: undefined, findings, isUnsettled: false };
    }
    const inputs = [settings];
    const entryOf = (version: IngressObject): IngressEntry => {
      const known = read.get(version, inputs);
      if (known !== undefined && isFresh(known.annotations.dependencies, snapshot)) return known;
      return read.set(version, inputs, createEntry(version, options, features, settings, snapshot, shared));
    };
    const newest = entryOf(ingress);
    const { entry, findings } = acceptEntry(newest, accepted, entryOf);
    if (entry === undefined) accepted.delete(objectKey(ingress));
    else accepted.set(objectKey(ingress), entry);
    if (entry === newest) return { ingress, entry, findings: entry.findings, isUnsettled: false };
    return { ingress, entry, findings, isUnsettled: true };
  }

  /** Looks at all Ingresses; one that was taken and is not in doubt is passed by. */
  function* takeAll(
    ingresses: readonly IngressObject[],
    isInDoubt: (taken: Taken) => boolean,
    takeNow: (ingress: IngressObject) => Taken,
  ): Steps<Edit<Taken>[]> {
    const pace = new Pace();
    const edits: Edit<Taken>[] = [];
    for (const ingress of ingresses) {
      const before = taken.get(ingress);
      if (before !== undefined && !isInDoubt(before)) continue;
      edits.push({ before, after: takeNow(ingress) });
      if (pace.isDue()) yield;
    }
    const here = new Set(ingresses);
    for (const [ingress, before] of taken) if (!here.has(ingress)) edits.push({ before, after: undefined });
    return edits;
  }

  /** Looks at what changed, and what is looked at each time. */
  function takeEdited(
    changed: readonly Edit<IngressObject>[],
    takeNow: (ingress: IngressObject) => Taken,
  ): Edit<Taken>[] {
    const anew = new Set(unsettled);
    const edits: Edit<Taken>[] = changed.map(({ before, after }) => {
      if (before !== undefined) anew.delete(before);
      return { before: before && taken.get(before), after: after && takeNow(after) };
    });
    for (const ingress of anew) edits.push({ before: taken.get(ingress), after: takeNow(ingress) });
    return edits;
  }

  /** Brings the lists to what was taken. */
  function list(ingresses: readonly IngressObject[], edits: readonly Edit<Taken>[]): void {
    if (edits.length > EDITED_MAX) {
      const all = ingresses.map((ingress) => taken.get(ingress)!);
      entries = all.flatMap(({ entry }) => entry ?? []);
      telling = all.filter(isTelling);
      return;
    }
    const byAge = (a: WithIngress, b: WithIngress) => compareAge(a.ingress, b.ingress);
    const ofEntries = edits.map(({ before, after }) => ({ before: before?.entry, after: after?.entry }));
    const ofTelling = edits.map(({ before, after }) => ({
      before: before && isTelling(before) ? before : undefined,
      after: after && isTelling(after) ? after : undefined,
    }));
    entries = withEdits(entries, ofEntries, byAge);
    telling = withEdits(telling, ofTelling, byAge);
  }

  /** Remembers what was made of Ingresses, and forgets those that are not there any more, or not in this version. */
  function settle(edits: readonly Edit<Taken>[]): Pick<Served, 'added' | 'removed'> {
    const added: IngressEntry[] = [];
    const removed: IngressEntry[] = [];
    const keys = new Set<string>();
    for (const { after } of edits) if (after !== undefined) keys.add(objectKey(after.ingress));
    for (const { before, after } of edits) {
      if (before !== undefined && before.ingress !== after?.ingress) {
        taken.delete(before.ingress);
        unsettled.delete(before.ingress);
        const key = objectKey(before.ingress);
        if (before.entry !== undefined && !keys.has(key)) accepted.delete(key);
      }
      if (after !== undefined) {
        taken.set(after.ingress, after);
        if (after.isUnsettled) unsettled.add(after.ingress);
        else unsettled.delete(after.ingress);
      }
      if (before?.entry === after?.entry) continue;
      if (before?.entry !== undefined) removed.push(before.entry);
      if (after?.entry !== undefined) added.push(after.entry);
    }
    return { added, removed };
  }

  return {
    *take(snapshot, settings, found) {
      const { ingresses, classes, namespaces, forbiddenKinds } = snapshot;
      const { services, secrets, configMaps, keySets } = snapshot;
      const readByNow = [settings, classes, namespaces, forbiddenKinds];
      const lookedUpInNow = [services, secrets, configMaps, keySets];
      const isReadTheSame = isSameItems(readBy, readByNow);
      const areShelvesTheSame = isSameItems(lookedUpIn, lookedUpInNow);
      readBy = readByNow;
      lookedUpIn = lookedUpInNow;
      if (isForgetful) accepted.clear();
      const ownership = createOwnership(snapshot, options);
      const takeNow = (ingress: IngressObject) => takeOne(ingress, snapshot, settings, ownership);
      const isInDoubt = ({ entry, isUnsettled }: Taken): boolean =>
        !isReadTheSame ||
        isUnsettled ||
        (!areShelvesTheSame && !isFresh(entry?.annotations.dependencies ?? [], snapshot));
      const changed = isReadTheSame && areShelvesTheSame ? editsBetween(last, ingresses) : undefined;
      last = ingresses;
      const edits =
        changed === undefined ? yield* takeAll(ingresses, isInDoubt, takeNow) : takeEdited(changed, takeNow);
      const { added, removed } = settle(edits);
      list(ingresses, edits);
      for (const { findings } of telling) for (const finding of findings) found.push(finding);
      return { entries, added, removed };
    },
  };
}

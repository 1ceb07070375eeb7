import type { Feature } from '../../features/kit/feature.ts';
import { isSameItems, Remembered } from '../../lib/remembered.ts';
import { Pace, type Steps } from '../../lib/steps.ts';
import type { Finding } from '../../model/finding.ts';
import { objectKey, type IngressObject } from '../store/objects.ts';
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
  /** Oldest first. */
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
  /** What is served of it: its newest version, or one accepted before; undefined: nothing. */
  readonly entry: IngressEntry | undefined;
  readonly findings: readonly Finding[];
  /** It is looked at anew each time. */
  readonly isUnsettled: boolean;
  /** Place among the Ingresses of the last snapshot that had it. */
  at: number;
}

const NO_FINDINGS: readonly Finding[] = [];

export function createServedIngresses(
  options: TranslateOptions,
  features: readonly Feature[],
): ServedIngresses {
  const read = new Remembered<IngressObject, IngressEntry>(new WeakMap(), isSameItems);
  const shared = new SharedAnnotations<ParsedAnnotations>();
  const taken = new Map<IngressObject, Taken>();
  /** The version of each Ingress that is served, by `namespace/name`. */
  const accepted = new Map<string, IngressEntry>();
  let last: readonly IngressObject[] = [];
  let lastTaken: readonly Taken[] = [];
  let readBy: readonly unknown[] = [];
  let lookedUpIn: readonly unknown[] = [];

  function takeOne(
    ingress: IngressObject,
    snapshot: ClusterSnapshot,
    settings: AnnotationSettings,
    ownership: ReturnType<typeof createOwnership>,
    at: number,
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
      return { entry: undefined, findings, isUnsettled: false, at };
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
    if (entry === newest) return { entry, findings: entry.findings, isUnsettled: false, at };
    return { entry, findings, isUnsettled: true, at };
  }

  return {
    *take(snapshot, settings, found) {
      const pace = new Pace();
      const { ingresses, classes, namespaces, forbiddenKinds } = snapshot;
      const { services, secrets, configMaps, keySets } = snapshot;
      const readByNow = [settings, classes, namespaces, forbiddenKinds];
      const lookedUpInNow = [services, secrets, configMaps, keySets];
      const isReadTheSame = isSameItems(readBy, readByNow);
      const areShelvesTheSame = isSameItems(lookedUpIn, lookedUpInNow);
      readBy = readByNow;
      lookedUpIn = lookedUpInNow;
      const ownership = createOwnership(snapshot, options);
      const entries: IngressEntry[] = [];
      const added: IngressEntry[] = [];
      const removed: IngressEntry[] = [];
      const next: Taken[] = [];
      const takenKeys = new Set<string>();
      /** Where the next Ingress was, if all is as it was. */
      let expected = 0;
      for (let at = 0; at < ingresses.length; at++) {
        const ingress = ingresses[at]!;
        const before = last[expected] === ingress ? lastTaken[expected] : taken.get(ingress);
        expected = before === undefined ? expected + 1 : before.at + 1;
        let now = before;
        const isGood =
          now !== undefined &&
          isReadTheSame &&
          !now.isUnsettled &&
          (areShelvesTheSame || isFresh(now.entry?.annotations.dependencies ?? [], snapshot));
        if (now === undefined || !isGood) {
          now = takeOne(ingress, snapshot, settings, ownership, at);
          if (pace.isDue()) yield;
          taken.set(ingress, now);
          takenKeys.add(objectKey(ingress));
          if (before?.entry !== now.entry) {
            if (before?.entry !== undefined) removed.push(before.entry);
            if (now.entry !== undefined) added.push(now.entry);
          }
        }
        next.push(now);
        if (now.findings.length > 0) for (const finding of now.findings) found.push(finding);
        if (now.entry !== undefined) entries.push(now.entry);
      }
      for (let at = 0; at < next.length; at++) next[at]!.at = at;
      if (taken.size > ingresses.length) forgetOthers(ingresses, takenKeys, removed);
      last = ingresses;
      lastTaken = next;
      return { entries, added, removed };
    },
  };

  /** Drops what was made of Ingresses that are not there any more, or not in this version. */
  function forgetOthers(
    ingresses: readonly IngressObject[],
    takenKeys: ReadonlySet<string>,
    removed: IngressEntry[],
  ): void {
    for (const [ingress, { at, entry }] of taken) {
      if (ingresses[at] === ingress) continue;
      taken.delete(ingress);
      if (entry === undefined) continue;
      removed.push(entry);
      const key = objectKey(ingress);
      if (!takenKeys.has(key)) accepted.delete(key);
    }
  }
}

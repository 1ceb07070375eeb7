import type { Feature } from '../../features/kit/feature.ts';
import { LayeredMap } from '../../lib/layered-map.ts';
import { isSameItems, Remembered } from '../../lib/remembered.ts';
import { findingMessage, type Finding } from '../../model/finding.ts';
import type { ClusterSnapshot, ObjectRef } from '../store/object-store.ts';
import {
  compareAge,
  objectKey,
  type ConfigMapObject,
  type IngressObject,
  type SecretObject,
} from '../store/objects.ts';
import { createOwnership } from '../store/ownership.ts';
import { readObject } from '../store/read-object.ts';
import { readAnnotationSettings, type AnnotationSettings } from '../translate/annotation-settings.ts';
import { createEntry } from '../translate/entries.ts';
import { unknownClass } from '../translate/object-findings.ts';
import type { TranslateOptions, Translation } from '../translate/options.ts';
import { createTranslator } from '../translate/translate.ts';
import { findOverlaps } from './overlap.ts';
import { findInjected, findRefusals, refusalText, type AdmissionRefusal } from './refusals.ts';
import type { RelatedIngresses } from './related.ts';

/** Secrets and ConfigMaps that the store does not hold, since nothing that is served names them yet. */
export interface Unreferenced {
  readonly secrets: readonly ObjectRef[];
  readonly configMaps: readonly ObjectRef[];
}

/** Those of them that exist. */
export interface LookedUp {
  readonly secrets: readonly SecretObject[];
  readonly configMaps: readonly ConfigMapObject[];
}

export interface ReviewDeps {
  readonly options: TranslateOptions;
  readonly features: readonly Feature[];
  /** The present state; its Ingresses and endpoints do not count. */
  readonly present: () => ClusterSnapshot;
  readonly related: RelatedIngresses;
  /** Asks for objects in bounded time; rejects when it cannot be known whether they exist. */
  readonly lookUp: (wanted: Unreferenced) => Promise<LookedUp>;
  /** Milliseconds since 1970, with fractions. */
  readonly nowMs: () => number;
}

/** An Ingress as it is to be written. */
export interface ReviewRequest {
  readonly object: unknown;
  /** What it replaces, on an update. */
  readonly oldObject?: unknown;
}

/** What the webhook says of one Ingress. */
export interface Verdict {
  readonly isAllowed: boolean;
  /** Whether it is an Ingress that Serin serves; others are let pass. */
  readonly isOurs: boolean;
  /** Why not; empty when allowed. */
  readonly message: string;
  /** Findings that do not refuse it; kubectl prints them. */
  readonly warnings: readonly string[];
  /** What it took; of an Ingress of ours that was tested to the end. */
  readonly effort?: ReviewEffort;
}

export interface ReviewEffort {
  /** Ingresses that were translated together. */
  readonly ingresses: number;
  readonly checkMs: number;
  readonly translateMs: number;
  /** Size of the translated model. */
  readonly modelBytes: number;
}

/**
 * Judges Ingresses as they are written, in the order of docs/reference/routing.md §9. The work is that of what has a say in the Ingress.
 * Changes nothing; never throws on what a user wrote.
 */
export type Review = (request: ReviewRequest) => Promise<Verdict>;

const LET_PASS: Verdict = { isAllowed: true, isOurs: false, message: '', warnings: [] };
/** What a user sees of many warnings: the API server passes on some 4 KB, and cuts each behind 256 characters. */
const WARNINGS_MAX = 15;
const WARNING_LENGTH_MAX = 256;
const LOOK_UPS_MAX = 16;

export function createReview(deps: ReviewDeps): Review {
  const { features, related } = deps;
  // Streams have no say in what becomes of an Ingress.
  const { tcpServices: _tcp, udpServices: _udp, ...options } = deps.options;

  const createTrial = () => createTranslator(options, features, 'trial');
  let trial = createTrial();
  let configMap: ConfigMapObject | undefined;
  const settingsRead = new Remembered<'settings', AnnotationSettings>(new Map(), isSameItems);

  return async ({ object, oldObject }) => {
    const startedMs = deps.nowMs();
    if (isBeingDeleted(object)) return LET_PASS;
    const read = readObject('Ingress', object);
    if (!read.ok) return refuse(`${read.problem.field} ${read.problem.problem}`, false);
    const ingress = read.object as IngressObject;
    const now = presentNow();
    // One that is deleted leaves its last data in force (docs/reference/settings.md §1).
    configMap = (options.configMap && now.configMaps.get(objectKey(options.configMap))) ?? configMap;
    const settings = settingsRead.of('settings', [configMap], () =>
      readAnnotationSettings(configMap, features),
    );
    const entryOf = (one: IngressObject) => createEntry(one, options, features, settings, now);
    const entry = entryOf(ingress);
    const before = readBefore(oldObject);
    const entryBefore = before && entryOf(before);

    const injected = splitKnown(findInjected(entry), entryBefore && findInjected(entryBefore));
    if (injected.isNew !== undefined) return refuse(injected.isNew.message, false);
    const ownership = createOwnership(now, options);
    const owned = ownership(ingress);
    if (owned === 'not-ours') return LET_PASS;
    if (owned === 'unknown-class') return { ...LET_PASS, warnings: [findingMessage(unknownClass(ingress))] };
    const own = splitKnown(
      findRefusals(entry, settings, options),
      entryBefore && findRefusals(entryBefore, settings, options),
    );
    if (own.isNew !== undefined) return refuse(refusalText(own.isNew), true);

    const translateMs = deps.nowMs();
    const tried = await translateWith(ingress, now);
    const overlaps = overlapsOf(ingress, tried);
    const known =
      before !== undefined && overlaps.length > 0 ? overlapsOf(before, await translateWith(before, now)) : [];
    const overlap = splitKnown(overlaps, known);
    if (overlap.isNew !== undefined) return refuse(overlap.isNew.message, true);

    const { hosts, upstreams } = tried.translation.model;
    const kept = [...injected.known, ...own.known, ...overlap.known].map(
      ({ message }) => `${message}; it stays allowed, as it was written before`,
    );
    return {
      isAllowed: true,
      isOurs: true,
      message: '',
      warnings: toWarnings([...kept, ...tried.findings.map(findingMessage)]),
      effort: {
        ingresses: tried.others.length + 1,
        checkMs: translateMs - startedMs,
        translateMs: deps.nowMs() - translateMs,
        modelBytes: Buffer.byteLength(JSON.stringify([hosts, upstreams])),
      },
    };
  };

  /** The present state with shelves of their own: those of the store follow what changes, and a translator would take them for unchanged. */
  function presentNow(): ClusterSnapshot {
    const now = deps.present();
    return {
      ...now,
      classes: LayeredMap.of(now.classes),
      services: LayeredMap.of(now.services),
      secrets: LayeredMap.of(now.secrets),
      configMaps: LayeredMap.of(now.configMaps),
      namespaces: LayeredMap.of(now.namespaces),
      keySets: LayeredMap.of(now.keySets),
    };
  }

  function tryOut(snapshot: ClusterSnapshot): Translation {
    try {
      return trial.translate(snapshot, deps.nowMs());
    } catch (error) {
      // Whatever it was in the middle of is nothing for the next.
      trial = createTrial();
      throw error;
    }
  }

  /** Translates an Ingress together with those that have a say in it, and keeps what was found about it. */
  async function translateWith(ingress: IngressObject, now: ClusterSnapshot): Promise<Tried> {
    const others = related.of(ingress);
    const ingresses = [...others, ingress].toSorted(compareAge);
    let snapshot: ClusterSnapshot = { ...now, ingresses };
    let translation = tryOut(snapshot);
    let unknown: readonly ObjectRef[] = [];
    const wanted = findUnreferenced(translation, now);
    if (wanted.secrets.length + wanted.configMaps.length > 0) {
      try {
        const { secrets, configMaps } = await deps.lookUp(wanted);
        snapshot = {
          ...snapshot,
          secrets: new Map([...now.secrets, ...secrets.map((one) => [objectKey(one), one] as const)]),
          configMaps: new Map([
            ...now.configMaps,
            ...configMaps.map((one) => [objectKey(one), one] as const),
          ]),
        };
        translation = tryOut(snapshot);
      } catch {
        unknown = [...wanted.secrets, ...wanted.configMaps];
      }
    }
    const findings = translation.findings.filter(
      (finding) => isAbout(finding, ingress) && !unknown.some((ref) => isNamedIn(finding, ref)),
    );
    const served = new Set(translation.served.map(objectKey));
    return { translation, findings, others: others.filter((other) => served.has(objectKey(other))) };
  }

  function overlapsOf(ingress: IngressObject, { translation, others }: Tried): readonly AdmissionRefusal[] {
    return findOverlaps({ ingress, others, model: translation.model, prefix: options.annotationsPrefix });
  }
}

interface Tried {
  readonly translation: Translation;
  /** About the Ingress itself. */
  readonly findings: readonly Finding[];
  /** The other Ingresses that are served. */
  readonly others: readonly IngressObject[];
}

function refuse(message: string, isOurs: boolean): Verdict {
  return { isAllowed: false, isOurs, message, warnings: [] };
}

function isBeingDeleted(raw: unknown): boolean {
  const { metadata } = (raw ?? {}) as { metadata?: { deletionTimestamp?: unknown } };
  return metadata?.deletionTimestamp !== undefined;
}

function readBefore(raw: unknown): IngressObject | undefined {
  if (raw === undefined || raw === null) return undefined;
  const read = readObject('Ingress', raw);
  return read.ok ? (read.object as IngressObject) : undefined;
}

/** The first refusal that the version before did not have, and those that it had. */
function splitKnown(
  refusals: readonly AdmissionRefusal[],
  before: readonly AdmissionRefusal[] = [],
): { readonly isNew?: AdmissionRefusal; readonly known: readonly AdmissionRefusal[] } {
  const keys = new Set(before.map(({ key }) => key));
  return {
    isNew: refusals.find(({ key }) => !keys.has(key)),
    known: refusals.filter(({ key }) => keys.has(key)),
  };
}

function findUnreferenced({ references }: Translation, now: ClusterSnapshot): Unreferenced {
  const missing = (refs: readonly ObjectRef[], shelf: ReadonlyMap<string, unknown>) =>
    refs.filter((ref) => !shelf.has(objectKey(ref))).slice(0, LOOK_UPS_MAX);
  return {
    secrets: missing(references.secrets, now.secrets),
    configMaps: missing(references.configMaps, now.configMaps),
  };
}

function isAbout({ source }: Finding, { namespace, name }: IngressObject): boolean {
  return source.kind === 'Ingress' && source.namespace === namespace && source.name === name;
}

function isNamedIn({ value }: Finding, { namespace, name }: ObjectRef): boolean {
  return value === name || value === `${namespace}/${name}`;
}

function toWarnings(messages: readonly string[]): readonly string[] {
  const cut = [...new Set(messages)].map((text) =>
    text.length <= WARNING_LENGTH_MAX ? text : `${text.slice(0, WARNING_LENGTH_MAX - 3)}...`,
  );
  if (cut.length <= WARNINGS_MAX) return cut;
  return [...cut.slice(0, WARNINGS_MAX - 1), `and ${cut.length - WARNINGS_MAX + 1} more`];
}

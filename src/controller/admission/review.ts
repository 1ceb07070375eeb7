import type { Feature } from '../../features/kit/feature.ts';
import { findingMessage } from '../../model/finding.ts';
import type { ClusterSnapshot } from '../store/object-store.ts';
import { objectKey, type IngressObject } from '../store/objects.ts';
import { createOwnership } from '../store/ownership.ts';
import { readObject } from '../store/read-object.ts';
import { readAnnotationSettings } from '../translate/annotation-settings.ts';
import { createEntry, type IngressEntry } from '../translate/entries.ts';
import type { TranslateOptions } from '../translate/options.ts';

export interface ReviewDeps {
  readonly options: TranslateOptions;
  readonly features: readonly Feature[];
  readonly snapshot: () => ClusterSnapshot;
}

/** What the webhook says of one Ingress. */
export interface Verdict {
  readonly isAllowed: boolean;
  /** Why not; empty when allowed. */
  readonly message: string;
  /** Findings that do not refuse it; kubectl prints them. */
  readonly warnings: readonly string[];
}

/** Judges Ingresses as they are written, in the order of routing.md §9. Pure over the snapshot; never throws. */
export type Review = (raw: unknown) => Verdict;

const ALLOWED: Verdict = { isAllowed: true, message: '', warnings: [] };
const DEFAULT_PREFIX = 'nginx.ingress.kubernetes.io';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const PLAIN_PATH = /^[A-Za-z0-9._\-/]*$/;

export function createReview({ options, features, snapshot }: ReviewDeps): Review {
  return (raw) => {
    if (
      (raw as { metadata?: { deletionTimestamp?: unknown } } | null)?.metadata?.deletionTimestamp !==
      undefined
    ) {
      return ALLOWED;
    }
    const read = readObject('Ingress', raw);
    if (!read.ok) return refuse(`${read.problem.field} ${read.problem.problem}`);
    const ingress = read.object as IngressObject;
    const now = snapshot();
    const configMap = options.configMap && now.configMaps.get(objectKey(options.configMap));
    const settings = readAnnotationSettings(configMap, features);
    const ownership = createOwnership(now, options);
    const entry = createEntry(ingress, options, features, settings, now);
    const refusals = entry.refusals.map(({ field, value, problem }) => `${field}: "${value}" ${problem}`);
    if (entry.refusals.some(({ problem }) => problem.startsWith('looks like injected')))
      return refuse(refusals[0]!);
    if (ownership(ingress) === 'not-ours') return ALLOWED;
    if (options.isCatchAllDisabled && ingress.defaultBackend !== undefined) {
      return refuse('spec.defaultBackend is forbidden by --disable-catch-all');
    }
    if (ingress.uid !== '' && !UUID.test(ingress.uid))
      return refuse(`metadata.uid: "${ingress.uid}" is not a UUID`);
    const isStrict = settings.text('strict-validate-path-type') !== 'false';
    const odd = isStrict ? findOddPath(ingress) : undefined;
    if (odd !== undefined) return refuse(odd);
    const foreign = options.annotationsPrefix === DEFAULT_PREFIX ? undefined : findForeign(ingress);
    if (foreign !== undefined) return refuse(foreign);
    const snippet = [...ingress.annotations.keys()].find((key) => key.endsWith('-snippet'));
    if (snippet !== undefined) return refuse(`metadata.annotations[${snippet}]: snippets are not supported`);
    if (refusals[0] !== undefined) return refuse(refusals[0]);
    const overlap = findOverlap(
      entry,
      now,
      (other) => ownership(other) === 'ours',
      options.annotationsPrefix,
    );
    if (overlap !== undefined) return refuse(overlap);
    return { isAllowed: true, message: '', warnings: entry.findings.map(findingMessage) };
  };
}

function refuse(message: string): Verdict {
  return { isAllowed: false, message, warnings: [] };
}

/** Exact and Prefix paths may have plain characters only (strict-validate-path-type, default on). */
function findOddPath(ingress: IngressObject): string | undefined {
  for (const { paths } of ingress.rules) {
    for (const { path, pathType, field } of paths) {
      if (pathType === 'ImplementationSpecific' || PLAIN_PATH.test(path)) continue;
      return `${field}.path: "${path}" cannot be used with pathType ${pathType}; use ImplementationSpecific`;
    }
  }
  return undefined;
}

function findForeign(ingress: IngressObject): string | undefined {
  const key = [...ingress.annotations.keys()].find((name) => name.startsWith(`${DEFAULT_PREFIX}/`));
  return key === undefined
    ? undefined
    : `metadata.annotations[${key}]: another annotation prefix is configured`;
}

/** A host and path that another Ingress serves already, unless exactly one of the two carries a canary annotation. */
function findOverlap(
  entry: IngressEntry,
  snapshot: ClusterSnapshot,
  isOurs: (ingress: IngressObject) => boolean,
  prefix: string,
): string | undefined {
  const { ingress } = entry;
  const hasCanary = (one: IngressObject) => one.annotations.has(`${prefix}/canary`);
  const wanted = new Set<string>();
  for (const { host, paths } of ingress.rules)
    for (const { path } of paths) wanted.add(`${host} ${path || '/'}`);
  if (wanted.size === 0) return undefined;
  for (const other of snapshot.ingresses) {
    if (objectKey(other) === objectKey(ingress)) continue;
    for (const { host, paths } of other.rules) {
      for (const { path } of paths) {
        if (!wanted.has(`${host} ${path || '/'}`)) continue;
        if (hasCanary(ingress) !== hasCanary(other) || !isOurs(other)) continue;
        const { namespace, name } = other;
        return `host "${host}" and path "${path || '/'}" is already defined in ingress ${namespace}/${name}`;
      }
    }
  }
  return undefined;
}

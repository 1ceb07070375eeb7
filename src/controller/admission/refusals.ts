import { withInstead } from '../../features/kit/instead.ts';
import { parseGoBool } from '../../lib/nginx-values.ts';
import { shorten } from '../../model/finding.ts';
import type { IngressObject } from '../store/objects.ts';
import type { AnnotationSettings } from '../translate/annotation-settings.ts';
import type { IngressEntry } from '../translate/entries.ts';
import type { TranslateOptions } from '../translate/options.ts';

/** One reason not to let an Ingress in. */
export interface AdmissionRefusal {
  readonly message: string;
  /** What is refused, wherever it stands in the object: equal in an older version that had it too. */
  readonly key: string;
  /** Under which the way to the same end stands, where there may be one. */
  readonly refused?: string;
}

/** What a refusal tells whoever wrote the Ingress. */
export function refusalText({ message, refused }: AdmissionRefusal): string {
  return refused === undefined ? message : withInstead(refused, message);
}

const DEFAULT_PREFIX = 'nginx.ingress.kubernetes.io';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const PLAIN_PATH = /^[A-Za-z0-9._\-/]*$/;
const INJECTED = 'looks like injected configuration';

/** Text that looks like injected configuration: refused whoever's Ingress it is. */
export function findInjected({ refusals }: IngressEntry): readonly AdmissionRefusal[] {
  return refusals.filter(({ problem }) => problem === INJECTED).map(toRefusal);
}

/** All that an Ingress of ours is refused for by itself, in the order of docs/reference/routing.md §9. */
export function findRefusals(
  entry: IngressEntry,
  settings: AnnotationSettings,
  options: TranslateOptions,
): readonly AdmissionRefusal[] {
  const { ingress } = entry;
  const found: AdmissionRefusal[] = [];
  if (options.isCatchAllDisabled && ingress.defaultBackend !== undefined) {
    found.push({ message: 'spec.defaultBackend is forbidden by --disable-catch-all', key: 'defaultBackend' });
  }
  if (ingress.uid !== '' && !UUID.test(ingress.uid)) {
    found.push({ message: `metadata.uid: "${shorten(ingress.uid)}" is not a UUID`, key: 'uid' });
  }
  if (parseGoBool(settings.text('strict-validate-path-type') ?? '') !== false) addOddPaths(ingress, found);
  const isPrefixForeign = options.annotationsPrefix !== DEFAULT_PREFIX;
  const areSnippetsAllowed = parseGoBool(settings.text('allow-snippet-annotations') ?? '') === true;
  for (const [name, value] of ingress.annotations) {
    const field = `metadata.annotations[${name}]`;
    if (isPrefixForeign && name.startsWith(`${DEFAULT_PREFIX}/`)) {
      found.push({ message: `${field}: another annotation prefix is configured`, key: `prefix ${name}` });
    }
    if (!areSnippetsAllowed && name.endsWith('-snippet')) {
      const bare = name.slice(name.indexOf('/') + 1);
      const message = `${field}: snippets are not supported`;
      found.push({ message, key: `snippet ${name} ${value}`, refused: bare });
    }
  }
  for (const refusal of entry.refusals) if (refusal.problem !== INJECTED) found.push(toRefusal(refusal));
  return found;
}

function toRefusal({ field, value, problem }: IngressEntry['refusals'][number]): AdmissionRefusal {
  return {
    message: `${field}: "${shorten(value)}" ${shorten(problem)}`,
    key: `${field.replaceAll(/\[\d+\]/g, '[]')} ${value} ${problem}`,
  };
}

/** Exact and Prefix paths may have plain characters only (strict-validate-path-type, default on). */
function addOddPaths(ingress: IngressObject, found: AdmissionRefusal[]): void {
  for (const { host, paths } of ingress.rules) {
    for (const { path, pathType, field } of paths) {
      if (pathType === 'ImplementationSpecific' || PLAIN_PATH.test(path)) continue;
      found.push({
        message: `${field}.path: "${shorten(path)}" cannot be used with pathType ${pathType}; use ImplementationSpecific`,
        key: `path ${pathType} ${host}${path}`,
      });
    }
  }
}

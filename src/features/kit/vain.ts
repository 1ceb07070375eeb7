import { isDeepStrictEqual } from 'node:util';
import type { AnnotationSpecs, Feature, Vain, ValuesOf } from './feature.ts';
import type { Place } from './place.ts';
import { voidRedirects } from './redirect-group.ts';

/** An annotation that has no effect where it stands. */
export interface VainAnnotation {
  readonly name: string;
  readonly text: string;
  readonly problem: string;
  readonly consequence: string;
  readonly isProtection: boolean;
  readonly isOfPlainHosts: boolean;
}

/** Annotations of a feature that are there and could be read, by canonical name: the name and text as written. */
export type Written = ReadonlyMap<string, { readonly name: string; readonly text: string }>;

/** Those of the annotations that have no effect in their place, each with the first reason there is. */
export function findVain<S extends AnnotationSpecs>(
  feature: Feature<S>,
  values: ValuesOf<S>,
  written: Written,
  place: Place,
): readonly VainAnnotation[] {
  const found: VainAnnotation[] = [];
  for (const [key, { name, text }] of written) {
    const { fallback, isProtection = false } = feature.annotations[key]!;
    const isFallback = isDeepStrictEqual(values[key], fallback);
    const isOff = (feature.isOffOnDefaultBackend ?? feature.scope === 'host') && place.isDefaultBackendOnly;
    const vain = isOff
      ? OFF
      : feature.vain?.find(
          ({ of, holds, isFallbackTold }) =>
            of.includes(key) && (isFallbackTold === true || !isFallback) && holds(values, place),
        );
    if (vain === undefined || (isOff && isFallback)) continue;
    found.push({
      name,
      text,
      problem: vain.problem,
      consequence: vain.consequence,
      isProtection: isProtection && vain.severity !== 'warning',
      isOfPlainHosts: vain.isOfPlainHosts === true,
    });
  }
  return found;
}

const OFF: Pick<Vain<AnnotationSpecs>, 'problem' | 'consequence' | 'severity' | 'isOfPlainHosts'> = {
  problem: 'does not count for a default backend without rules',
  consequence: 'it is ignored',
};

/** Whether every request that comes to the routes is redirected, before anything but CORS. */
export function isRedirected(place: Place): boolean {
  // Of a default backend these do not count.
  if (place.isDefaultBackendOnly || voidRedirects(place) !== undefined) return false;
  return place.text('temporal-redirect') !== undefined || place.text('permanent-redirect') !== undefined;
}

/** Whether a path has characters that mean something in a regular expression; a dot alone is no sign of one. */
export function looksLikeRegex(path: string): boolean {
  return /[*+?()[\]{}|^$\\]/.test(path);
}

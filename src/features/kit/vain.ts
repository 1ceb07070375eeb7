import { isDeepStrictEqual } from 'node:util';
import type { AnnotationSpecs, Feature, ValuesOf } from './feature.ts';

/** Where annotations stand: what of their Ingress decides whether they have an effect. */
export interface Place {
  /** Text of an annotation by its name without prefix; undefined: absent or blank. */
  text(name: string): string | undefined;
  /** Whether an annotation is there with nothing in it. */
  isBlank(name: string): boolean;
  /** ConfigMap text by key. */
  setting(key: string): string | undefined;
  /** Of its rules, in lower case; `_` for a rule without a host. */
  readonly hosts: readonly string[];
  readonly paths: readonly PlacePath[];
  /** It is a canary of others. */
  readonly isCanary: boolean;
  /** It has no rules, only a default backend. */
  readonly isDefaultBackendOnly: boolean;
}

export interface PlacePath {
  readonly path: string;
  readonly isExact: boolean;
}

/** What makes annotations of a feature vain: well-formed, and without effect where they stand. */
export interface Vain<S extends AnnotationSpecs> {
  readonly of: readonly (keyof S & string)[];
  /** Behind the name of the annotation: `counts only together with enable-cors`. */
  readonly problem: string;
  readonly consequence: string;
  readonly holds: (values: ValuesOf<S>, place: Place) => boolean;
  /** Told even of a value that is in force without being written. */
  readonly isFallbackTold?: boolean;
  /** Holds on hosts without a certificate only; the host's name follows the problem. */
  readonly isOfPlainHosts?: boolean;
  /** By default an error where the annotation is a protection. */
  readonly severity?: 'warning';
}

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
  // Of a default backend these do not count, and a blank one makes the other void.
  if (place.isDefaultBackendOnly) return false;
  if (place.isBlank('temporal-redirect') || place.isBlank('permanent-redirect')) return false;
  const temporal = place.text('temporal-redirect');
  return temporal === undefined
    ? place.text('permanent-redirect') !== undefined
    : temporal.startsWith('http');
}

/** Whether a path has characters that mean something in a regular expression; a dot alone is no sign of one. */
export function looksLikeRegex(path: string): boolean {
  return /[*+?()[\]{}|^$\\]/.test(path);
}

import type { IngressObject } from '../store/objects.ts';
import type { AnnotationSettings } from './annotation-settings.ts';
import type { Refusal } from './inspection.ts';
import { findVainOfIngress, type FeatureReading, type VainOfIngress } from './vain-annotations.ts';
import type { Place } from '../../features/kit/place.ts';

/** What it has to know of what annotations say. */
interface Parsed {
  readonly written: ReadonlyMap<string, string>;
  readonly canary?: unknown;
  readonly isDenied: boolean;
  readonly refusals: readonly Refusal[];
  readonly vain: VainOfIngress;
  readonly findings: readonly unknown[];
  readonly dependencies: readonly unknown[];
  readonly addressed: readonly unknown[];
}

/** What the same annotations say on whatever Ingress of a namespace they stand, unless they are vain where it is. */
interface Shared<P> {
  readonly parsed: P;
  readonly readings: readonly FeatureReading[];
}

/** The place of the Ingress that is asked about; `written` is its text by name without prefix. */
type PlaceOf = (written: ReadonlyMap<string, string>) => Place;

/** Tenants may write as many as they like: the oldest go when there are more. */
const SHARED_MAX = 1_024;

/**
 * Annotations that thousands of Ingresses have in common, parsed once: their policies are then one object for all. It belongs to one
 * translator, whose flags stay the same.
 */
export class SharedAnnotations<P extends Parsed> {
  readonly #known = new Map<string, Shared<P>>();
  #settings: AnnotationSettings | undefined;

  /** Undefined: they have to be parsed. */
  get(key: string, settings: AnnotationSettings, placeOf: PlaceOf): P | undefined {
    if (settings !== this.#settings) this.#known.clear();
    this.#settings = settings;
    const known = this.#known.get(key);
    if (known === undefined) return undefined;
    const { parsed, readings } = known;
    return readings.length === 0 || isNothing(findVainOfIngress(readings, placeOf(parsed.written)))
      ? parsed
      : undefined;
  }

  set(key: string, parsed: P, readings: readonly FeatureReading[]): void {
    const { findings, refusals, dependencies, addressed, isDenied, vain, canary } = parsed;
    const isSaidOfThisOne = findings.length + refusals.length + dependencies.length + addressed.length > 0;
    if (isSaidOfThisOne || isDenied || canary !== undefined || !isNothing(vain)) return;
    if (this.#known.size >= SHARED_MAX) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(key, { parsed, readings });
  }
}

/** Equal for Ingresses of one namespace with the same annotations. */
export function keyOfAnnotations({
  namespace,
  annotations,
}: Pick<IngressObject, 'namespace' | 'annotations'>): string {
  return JSON.stringify([namespace, ...annotations]);
}

function isNothing({ own, onPlainHosts, onCanary }: VainOfIngress): boolean {
  return own.length + onPlainHosts.length + onCanary.length === 0;
}

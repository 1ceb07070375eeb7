import type { AnnotationSpec, Feature } from '../../features/kit/feature.ts';
import { nearestName } from '../../lib/nearest-name.ts';
import { KNOWN_ANNOTATIONS } from '../translate/known-annotations.ts';
import { insteadOf } from './instead.ts';

/**
 * `honoured`: as in ingress-nginx; `differs`: honoured, but not quite so; `inert`: taken, with nothing to set; `refused`: not
 * honoured; `unknown`: no annotation or key of ingress-nginx; `vain`: without effect where it stands; `unusable`: its value is.
 */
export type Status = 'honoured' | 'differs' | 'inert' | 'vain' | 'unusable' | 'refused' | 'unknown';

export interface Judgement {
  readonly status: Status;
  /** How it differs, why it is refused and what to do instead, or the name that is nearest; empty where there is nothing to say. */
  readonly note: string;
}

/** Creates the judge of annotations by name. */
export function createAnnotationJudge(
  features: readonly Feature[],
): (name: string, value: string) => Judgement {
  const specs = new Map<string, AnnotationSpec<unknown>>();
  for (const { annotations } of features) {
    for (const [name, spec] of Object.entries(annotations) as [string, AnnotationSpec<unknown>][]) {
      for (const one of [name, ...(spec.aliases ?? [])]) specs.set(one, spec);
    }
  }
  return (name, value) => {
    const spec = specs.get(name);
    if (spec !== undefined) {
      if (spec.difference !== undefined) return { status: 'differs', note: spec.difference };
      return spec.isInert === true ? { status: 'inert', note: spec.doc } : { status: 'honoured', note: '' };
    }
    const known = KNOWN_ANNOTATIONS.get(name);
    if (known === undefined) {
      const nearest = nearestName(name, [...specs.keys(), ...KNOWN_ANNOTATIONS.keys()]);
      return { status: 'unknown', note: nearest === undefined ? '' : `did you mean ${nearest}?` };
    }
    if (known.off === value.trim()) return { status: 'inert', note: 'it asks for what is so without it' };
    if (known.isInert === true) return { status: 'inert', note: known.consequence };
    const instead = insteadOf(name);
    return {
      status: 'refused',
      note: instead === undefined ? known.consequence : `${known.consequence}; instead: ${instead}`,
    };
  };
}

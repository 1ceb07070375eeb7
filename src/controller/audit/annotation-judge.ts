import type { AnnotationSpec, Feature } from '../../features/kit/feature.ts';
import { KNOWN_ANNOTATIONS } from '../translate/known-annotations.ts';
import { judgeRefused, judgeUnknown, type Judgement } from './judgement.ts';

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
  const names = [...specs.keys(), ...KNOWN_ANNOTATIONS.keys()];
  return (name, value) => {
    const spec = specs.get(name);
    if (spec !== undefined) {
      if (spec.difference !== undefined) return { status: 'differs', note: spec.difference };
      return spec.isInert === true ? { status: 'inert', note: spec.doc } : { status: 'honoured', note: '' };
    }
    const known = KNOWN_ANNOTATIONS.get(name);
    if (known === undefined) return judgeUnknown(name, names);
    if (known.off === value.trim()) return { status: 'inert', note: 'it asks for what is so without it' };
    if (known.isInert === true) return { status: 'inert', note: known.consequence };
    return judgeRefused(name, known.consequence);
  };
}

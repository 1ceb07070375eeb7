import { nearestName } from '../../lib/nearest-name.ts';
import { withInstead } from '../../features/kit/instead.ts';

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

/** Of a name that is known and not honoured: what happens, and the way to the same end where there is one. */
export function judgeRefused(name: string, consequence: string): Judgement {
  return { status: 'refused', note: withInstead(name, consequence) };
}

/** Of a name that nothing knows, with the nearest one that something does. */
export function judgeUnknown(name: string, names: readonly string[]): Judgement {
  const nearest = nearestName(name, names);
  return { status: 'unknown', note: nearest === undefined ? '' : `did you mean ${nearest}?` };
}

import type { FindingReason, FindingText } from '../../model/finding.ts';
import { withInstead } from './instead.ts';
import type { TranslateContext } from './feature.ts';

export interface DenialText extends Omit<FindingText, 'consequence'> {
  /** Under which the way to the same end stands (instead.ts). */
  readonly refused?: string;
}

/** Closes the routes of the Ingress, which then answer 503, and says why. There is no policy then: always undefined. */
export function denyRoutes(
  { findings, source, deny }: TranslateContext,
  reason: FindingReason,
  { refused, ...what }: DenialText,
): undefined {
  const consequence = 'the routes of the Ingress answer 503';
  findings.error(source, reason, {
    ...what,
    consequence: refused === undefined ? consequence : withInstead(refused, consequence),
  });
  deny();
  return undefined;
}

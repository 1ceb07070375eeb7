import type { FindingReason, FindingText } from '../../model/finding.ts';
import type { TranslateContext } from './feature.ts';

/** Closes the routes of the Ingress, which then answer 503, and says why. There is no policy then: always undefined. */
export function denyRoutes(
  { findings, source, deny }: TranslateContext,
  reason: FindingReason,
  what: Omit<FindingText, 'consequence'>,
): undefined {
  findings.error(source, reason, { ...what, consequence: 'the routes of the Ingress answer 503' });
  deny();
  return undefined;
}

import { createFindings, type Finding } from '../../model/finding.ts';
import { objectKey, type IngressObject } from '../store/objects.ts';
import type { IngressEntry } from './entries.ts';

/** Which version of each Ingress is served, by `namespace/name`: the memory behind the DROP class (docs/reference/annotations.md §0.3). */
export type AcceptedEntries = ReadonlyMap<string, IngressEntry>;

export interface Acceptance {
  /** What is served of the Ingress; undefined: nothing. */
  readonly entry?: IngressEntry;
  /** Only when the newest version is not taken in. */
  readonly findings: readonly Finding[];
}

/**
 * Takes the newest version of an Ingress in, or keeps the one accepted before when the newest is refused. `readAgain` reads
 * that one under the settings of now; where they refuse it too, it goes on as it was accepted.
 */
export function acceptEntry(
  entry: IngressEntry,
  accepted: AcceptedEntries,
  readAgain: (ingress: IngressObject) => IngressEntry,
): Acceptance {
  if (entry.refusals.length === 0) return { entry, findings: [] };
  const before = accepted.get(objectKey(entry.ingress));
  // A new object of the same name has no history.
  const isSameObject = before !== undefined && before.ingress.uid === entry.ingress.uid;
  const findings = createFindings();
  const consequence = isSameObject
    ? 'the Ingress is not taken in; the version accepted before is served'
    : 'the Ingress is not taken in; nothing of it is served';
  for (const { field, value, problem } of entry.refusals) {
    findings.error(entry.source, 'RefusedIngress', { field, value, problem, consequence });
  }
  const list = [...entry.findings, ...findings.list()];
  if (!isSameObject) return { findings: list };
  const again = readAgain(before.ingress);
  return { entry: again.refusals.length === 0 ? again : before, findings: list };
}

import type { Audit } from '../controller/audit/audit.ts';
import type { PlaceOf } from './audit-sarif.ts';
import { summarise } from './audit-summary.ts';

/** The report for programs. */
export function renderJson({ objects, findings, notes }: Audit, placeOf: PlaceOf): string {
  return JSON.stringify(
    {
      summary: summarise({ objects, findings, notes }),
      objects: objects.map((object) => ({ ...object, place: placeOf(object) ?? null })),
      findings,
      notes,
    },
    null,
    2,
  );
}

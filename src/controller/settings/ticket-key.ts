import { redactBytes } from '../../lib/redacted-bytes.ts';
import type { ApplyKey } from './draft.ts';

/** What nginx takes. */
const LENGTHS: ReadonlySet<number> = new Set([48, 80]);

/** The key of session tickets, so that replicas take each other's; nothing is quoted of it. */
export const ticketKey: ApplyKey = (draft, value) => {
  if (value === '') return undefined;
  const bytes = /^[A-Za-z0-9+/\s]+={0,2}$/.test(value) ? Buffer.from(value, 'base64') : undefined;
  if (bytes !== undefined && LENGTHS.has(bytes.length)) {
    draft.ticketKey = redactBytes(bytes);
    return undefined;
  }
  return {
    isSecret: true,
    problem: 'is not 48 or 80 bytes in base64',
    consequence: 'tickets have a key of this replica’s own',
  };
};

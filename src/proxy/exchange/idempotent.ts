/** What would be done twice by sending it twice (docs/reference/annotations.md §3.3). */
const NON_IDEMPOTENT: ReadonlySet<string> = new Set(['POST', 'LOCK', 'PATCH']);

/** Whether a request may be sent twice without being done twice. */
export function isIdempotent(method: string): boolean {
  return !NON_IDEMPOTENT.has(method);
}

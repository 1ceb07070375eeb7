/** Texts that are kept as one; those that come later stay as they are. */
const KEPT_MAX = 4_096;

const kept = new Map<string, string>();

/** The one text that stands for all that are equal to it, where there are few of them: paths of fields, words of the API. */
export function interned(text: string): string {
  const known = kept.get(text);
  if (known !== undefined) return known;
  if (kept.size < KEPT_MAX) kept.set(text, text);
  return text;
}

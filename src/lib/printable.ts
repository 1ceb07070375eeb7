/* C0 and C1 controls, DEL, line and paragraph separators, and what turns the direction of writing. */
// oxlint-disable-next-line no-control-regex -- control characters are what is escaped here
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * Text with control characters as `\u001b` and the like: on one line, and without effect on a terminal. What is within JSON
 * stays valid JSON with the same meaning.
 */
export function escapeControls(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

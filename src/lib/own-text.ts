/*
 * Where the characters of a text lie. A text that was cut out of a larger one keeps all of that; one that was added up is a tree of its parts, which
 * is gone through whenever it is put into another one.
 */

/** The same text, one byte per character, in memory of its own and in one piece. */
export function ownText(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

/** The text itself, in one piece from now on. */
export function flatText<Text extends string>(text: Text): Text {
  text.charCodeAt(0);
  return text;
}

export interface LiteralPrefix {
  /** Lower-case text that every match begins with, whatever the case. */
  readonly text: string;
  /** Whether that is all the expression asks for. */
  readonly isWhole: boolean;
}

const NONE: LiteralPrefix = { text: '', isWhole: false };

/** What every match of a start-anchored, case-insensitive JavaScript regex begins with; ASCII characters only. */
export function literalPrefixOf(source: string): LiteralPrefix {
  if (hasAlternatives(source)) return NONE;
  let text = '';
  let at = 0;
  while (at < source.length) {
    const char = source[at]!;
    const isEscaped = char === '\\';
    const literal = isEscaped ? source[at + 1] : char;
    const isLiteral =
      literal !== undefined &&
      literal > '\u001f' &&
      literal < '\u007f' &&
      !(isEscaped ? /[A-Za-z0-9]/ : /[\\^$.*+?()[\]{}|]/).test(literal);
    if (!isLiteral) break;
    const end = at + (isEscaped ? 2 : 1);
    const next = source[end];
    // A quantifier can make the character before it optional.
    if (next !== undefined && '*+?{'.includes(next)) break;
    text += literal;
    at = end;
  }
  return { text: text.toLowerCase(), isWhole: at === source.length };
}

/** Whether `|` divides the whole expression: `^` then holds for its first alternative only. */
function hasAlternatives(source: string): boolean {
  let depth = 0;
  let isInClass = false;
  for (let at = 0; at < source.length; at++) {
    const char = source[at];
    if (char === '\\') at++;
    else if (isInClass) isInClass = char !== ']';
    else if (char === '[') isInClass = true;
    else if (char === '(') depth++;
    else if (char === ')') depth--;
    else if (char === '|' && depth === 0) return true;
  }
  return false;
}

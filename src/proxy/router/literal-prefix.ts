export interface LiteralPrefix {
  /** Lower-case text that every match begins with, whatever the case. */
  readonly text: string;
  /** Whether that is all the expression asks for. */
  readonly isWhole: boolean;
}

const NONE: LiteralPrefix = { text: '', isWhole: false };

/** A letter in both cases. */
const EITHER_CASE = /^\[([A-Z])([a-z])\]/;

/** What every match of a start-anchored JavaScript regex begins with; ASCII characters only. */
export function literalPrefixOf(source: string): LiteralPrefix {
  if (hasAlternatives(source)) return NONE;
  let text = '';
  let at = 0;
  let isCaseIgnored = true;
  while (at < source.length) {
    const either = EITHER_CASE.exec(source.slice(at, at + 4));
    if (either !== null && either[1]!.toLowerCase() === either[2]) {
      if (isRepeated(source, at + 4)) break;
      text += either[2];
      at += 4;
      continue;
    }
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
    if (isRepeated(source, end)) break;
    text += literal;
    if (/[A-Za-z]/.test(literal)) isCaseIgnored = false;
    at = end;
  }
  return { text: text.toLowerCase(), isWhole: at === source.length && isCaseIgnored };
}

/** A quantifier can make the character before it optional. */
function isRepeated(source: string, end: number): boolean {
  return end < source.length && '*+?{'.includes(source[end]!);
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

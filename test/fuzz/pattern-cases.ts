type Random = () => number;

/** Letters that patterns and texts of the fuzz share, so that they meet. */
const LETTERS = ['a', 'b', 'A', '/', 'x'];

/** A PCRE pattern that nests, repeats and alternates; look-arounds and back-references among it, if asked for. */
export function generatePattern(random: Random, isLinear: boolean): string {
  return sequence(random, 3, isLinear);
}

function sequence(random: Random, depth: number, isLinear: boolean): string {
  let text = '';
  const items = 1 + below(random, 4);
  for (let i = 0; i < items; i++) text += item(random, depth, isLinear);
  return random() < 0.25 ? `${text}|${atom(random)}${item(random, depth, isLinear)}` : text;
}

function item(random: Random, depth: number, isLinear: boolean): string {
  const kind = random();
  if (kind < 0.08) return pick(random, ['$', '\\b', '^', '\\B']);
  if (kind < 0.16 && !isLinear) return `(?${pick(random, ['=', '!'])}${sequence(random, 0, true)})`;
  if (kind < 0.2) return `(?<${pick(random, ['=', '!'])}${atom(random)})`;
  const open = pick(random, ['(', '(?:', '(?-i:']);
  const repeated =
    kind < 0.5 && depth > 0 ? `${open}${sequence(random, depth - 1, isLinear)})` : atom(random);
  return repeated + quantifier(random);
}

function atom(random: Random): string {
  return pick(random, [...LETTERS, ...LETTERS, '.', '[ab]', '[^a]', '[^/]', '[A-X]', '\\w', '\\n', '\\d']);
}

function quantifier(random: Random): string {
  const text = pick(random, ['', '', '', '*', '+', '?', '{2}', '{1,3}', '{0,2}', '{18}', '{0,20}', '{2,}']);
  return text === '' || random() < 0.75 ? text : `${text}?`;
}

/** A text of up to `length` of those letters, some with line feeds. */
export function generateText(random: Random, length: number): string {
  let text = '';
  for (let left = below(random, length + 1); left > 0; left--) text += pick(random, LETTERS);
  return random() < 0.15 ? `${text}\n` : text;
}

/** A pattern made to backtrack: loops in loops, loops in a row, alternatives that overlap. */
export function generateHostilePattern(random: Random): string {
  const inner = pick(random, ['a', '[a-z]', '.', '(?:a|aa)', '(a|ab?)', '[^/]', '(?:a?b?)', '(?:a|[ab])']);
  const loop = (text: string): string => text + pick(random, ['*', '+', '*?', '+?', '{1,16}']);
  const shapes = [
    () => `(${loop(inner)})+`,
    () => `(?:${loop(inner)}${loop(pick(random, ['a', 'b', '.', '[ab]']))})+`,
    () => loop(inner).repeat(2 + below(random, 6)),
    () => `(?:${inner}|${pick(random, ['a', 'aa', 'b', '.'])})*`,
    () => `(.*)${pick(random, ['/', 'a', 'b'])}`.repeat(2 + below(random, 4)),
    () => `${inner}?`.repeat(10 + below(random, 6)) + 'a'.repeat(10),
  ];
  const start = pick(random, ['/', '', '/(?:']);
  const middle = pick(random, shapes)() + (random() < 0.5 ? pick(random, shapes)() : '');
  return `${start}${middle}${start.endsWith('(?:') ? ')*' : ''}${pick(random, ['$', '!', '#$', 'x$', '\\d'])}`;
}

/** Long texts that patterns of that kind nearly match. */
export function pumpedTexts(length: number): string[] {
  const fill = (unit: string): string =>
    `/${unit.repeat(Math.ceil(length / unit.length)).slice(0, length - 2)}?`;
  return [fill('a'), fill('ab'), fill('/')];
}

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[below(random, items.length)]!;
}

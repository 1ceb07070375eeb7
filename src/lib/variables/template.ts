import type { Captures, VariableSource } from './source.ts';
import { variableReader } from './variables.ts';

/** Fills in a text with variables; what has no value is empty. */
export type Template = (source: VariableSource) => string;

export type TemplatePart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'variable'; readonly name: string }
  | { readonly kind: 'capture'; readonly number: number };

const VARIABLE = /\$(?:\{(\w+)\}|([1-9])|(\w+))/g;

/** Cuts a text up as nginx does: `$1` to `$9` are captures, whatever follows the digit; a `$` before anything else is text. */
export function parseTemplate(text: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let from = 0;
  for (const match of text.matchAll(VARIABLE)) {
    if (match.index > from) parts.push({ kind: 'text', text: text.slice(from, match.index) });
    const [whole, braced, digit, plain] = match;
    const number = digit ?? (braced !== undefined && /^[1-9]$/.test(braced) ? braced : undefined);
    if (number === undefined) parts.push({ kind: 'variable', name: (braced ?? plain)! });
    else parts.push({ kind: 'capture', number: Number(number) });
    from = match.index + whole.length;
  }
  if (from < text.length) parts.push({ kind: 'text', text: text.slice(from) });
  return parts;
}

/** Names in a text that are no variable and, by `isGroup`, no group of a path either; each once. */
export function unknownNames(text: string, isGroup: (name: string) => boolean = () => false): string[] {
  const names = parseTemplate(text)
    .filter((part) => part.kind === 'variable')
    .map(({ name }) => name);
  return [...new Set(names)].filter((name) => variableReader(name) === undefined && !isGroup(name));
}

/** Whether there is anything to fill in. */
export function hasVariables(text: string): boolean {
  return text.includes('$') && parseTemplate(text).some(({ kind }) => kind !== 'text');
}

/** Compiles a text once. Captures are those of `captures`, else of what is filled in from. Never throws: an unknown name is empty. */
export function compileTemplate(text: string, captures?: Captures): Template {
  const parts = parseTemplate(text);
  if (parts.every(({ kind }) => kind === 'text')) return () => text;
  const readers = parts.map((part) => readerOf(part, captures));
  if (readers.length === 1) return readers[0]!;
  return (source) => {
    let out = '';
    for (const read of readers) out += read(source);
    return out;
  };
}

/** The same for a header field: what would end its line, from a decoded path, is percent-encoded. */
export function compileFieldTemplate(text: string, captures?: Captures): Template {
  const expand = compileTemplate(text, captures);
  return hasVariables(text) ? (source) => toFieldText(expand(source)) : expand;
}

// oxlint-disable-next-line no-control-regex -- what would end a line is what is looked for
const LINE_END = /[\r\n\0]/;
// oxlint-disable-next-line no-control-regex -- likewise
const LINE_ENDS = /[\r\n\0]/g;

function toFieldText(text: string): string {
  if (!LINE_END.test(text)) return text;
  return text.replace(LINE_ENDS, (end) => (end === '\r' ? '%0D' : end === '\n' ? '%0A' : '%00'));
}

function readerOf(part: TemplatePart, captures: Captures | undefined): Template {
  switch (part.kind) {
    case 'text':
      return () => part.text;
    case 'capture':
      if (captures === undefined) return (source) => source.capture(part.number);
      return () => captures.capture(part.number);
    case 'variable': {
      const { name } = part;
      const read = variableReader(name);
      if (read !== undefined) return (source) => read(source) ?? '';
      if (captures === undefined) return (source) => source.group(name) ?? '';
      return () => captures.group(name) ?? '';
    }
  }
}

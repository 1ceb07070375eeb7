import { toByteText } from '../lib/byte-text.ts';

const VARIABLE = /\$(?:\{(\w+)\}|(\w+))/g;

/** The variables that a template of a log names, each once. */
export function variablesIn(format: string): string[] {
  return [...new Set(Array.from(format.matchAll(VARIABLE), nameOf))];
}

/** Compiles a template of a log once; `readerOf` gives what writes a variable. Bytes as latin1. */
export function compileLine<R>(
  format: string,
  readerOf: (name: string) => (record: R) => string,
): (record: R) => string {
  const literals: string[] = [];
  const readers: ((record: R) => string)[] = [];
  let from = 0;
  for (const match of format.matchAll(VARIABLE)) {
    literals.push(toByteText(format.slice(from, match.index)));
    readers.push(readerOf(nameOf(match)));
    from = match.index + match[0].length;
  }
  const rest = toByteText(format.slice(from));
  const count = readers.length;
  return (record) => {
    let line = '';
    for (let i = 0; i < count; i++) line += literals[i]! + readers[i]!(record);
    return line + rest;
  };
}

function nameOf(match: RegExpExecArray): string {
  return match[1] ?? match[2]!;
}

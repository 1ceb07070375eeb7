import type { PieceWriter } from './pieces.ts';

/** A metric with a line for each of many objects: kept as the objects are, and written when it is asked for. */
export interface RowFamily {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  /** Label text and value of each line. */
  rows(): Iterable<readonly [labels: string, value: number]>;
}

/** Writes a metric with lines, and nothing of one without. */
export function* writeRows(out: PieceWriter, { name, type, help, rows }: RowFamily): Generator<Uint8Array> {
  let isHeadDue = true;
  for (const [labels, value] of rows()) {
    if (isHeadDue) out.text(headText(name, type, help));
    isHeadDue = false;
    out.text(`${name}{${labels}} ${value}\n`);
    if (out.step()) yield out.take();
  }
}

export function headText(name: string, type: 'gauge' | 'counter' | 'histogram', help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

/** `name="value"` of each, separated by commas. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  let text = '';
  for (const name in labels) text += `${text === '' ? '' : ','}${name}="${escapeLabel(labels[name]!)}"`;
  return text;
}

function escapeLabel(value: string): string {
  if (!/[\\"\n]/.test(value)) return value;
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

import { PieceWriter, type Pieces } from '../observe/pieces.ts';

/** A JSON value as text with a line feed, in two-space indentation; a list, or what gives items one by one, item by item. */
export function* jsonPieces(value: unknown): Generator<Uint8Array> & Pieces {
  const out = new PieceWriter();
  if (!isList(value)) {
    out.text(`${JSON.stringify(value, null, 2)}\n`);
    yield out.take();
    return;
  }
  let isEmpty = true;
  for (const item of value) {
    const text = JSON.stringify(item, null, 2).replaceAll('\n', '\n  ');
    out.text(`${isEmpty ? '[' : ','}\n  ${text}`);
    isEmpty = false;
    if (out.step()) yield out.take();
  }
  out.text(isEmpty ? '[]\n' : '\n]\n');
  yield out.take();
}

function isList(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

import { PieceWriter, type Pieces } from '../observe/pieces.ts';

/** A JSON value as text with a line feed, in two-space indentation; a list item by item. */
export function* jsonPieces(value: unknown): Generator<Uint8Array> & Pieces {
  const out = new PieceWriter();
  if (!Array.isArray(value) || value.length === 0) {
    out.text(`${JSON.stringify(value, null, 2)}\n`);
    yield out.take();
    return;
  }
  for (const [index, item] of value.entries()) {
    const text = JSON.stringify(item, null, 2).replaceAll('\n', '\n  ');
    out.text(`${index === 0 ? '[' : ','}\n  ${text}`);
    if (out.step()) yield out.take();
  }
  out.text('\n]\n');
  yield out.take();
}

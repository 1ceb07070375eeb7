/** Pieces up to this are put together while they wait. */
const JOINED_BYTES = 2048;

/** So many pieces may wait as they came. */
const FEW = 16;

/** Keeps bytes behind those that wait already. Many crumbs are put together: a piece costs many times what an octet of it does. */
export function keepBytes(pieces: Buffer[], bytes: Buffer): void {
  const last = pieces.length - 1;
  const piece = pieces[last]!;
  if (last < FEW || piece.length + bytes.length > JOINED_BYTES) {
    pieces.push(Buffer.from(bytes));
    return;
  }
  let room = piece.buffer;
  if (room.byteLength !== JOINED_BYTES) {
    // Not of the pool that small buffers share: what waits would keep all of the pool alive.
    room = new ArrayBuffer(JOINED_BYTES);
    piece.copy(Buffer.from(room));
  }
  const joined = Buffer.from(room, 0, piece.length + bytes.length);
  bytes.copy(joined, piece.length);
  pieces[last] = joined;
}

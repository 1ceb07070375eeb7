import type { Writable } from 'node:stream';

export interface SendOptions {
  /** Ends the sending, of whatever length; the sink is then destroyed. */
  readonly signal: AbortSignal;
  /** Lets the event loop do what else there is. */
  readonly turn: () => Promise<void>;
}

/**
 * Sends a long text as fast as the sink takes it and the event loop allows: the next piece is asked for when the last one was taken, and after a turn of
 * the loop. Never rejects; a sink that fails gets no more.
 */
export async function sendPieces(
  pieces: Iterable<Uint8Array>,
  sink: Writable,
  { signal, turn }: SendOptions,
): Promise<void> {
  const ended = new Promise<false>((resolve) => {
    sink.once('close', () => resolve(false));
    sink.once('error', () => resolve(false));
    signal.addEventListener('abort', () => resolve(false), { once: true });
  });
  for (const piece of pieces) {
    const isTaken = piece.length === 0 || (await Promise.race([taken(sink, piece), ended]));
    if (!isTaken || signal.aborted || sink.destroyed) {
      sink.destroy();
      return;
    }
    await turn();
  }
  sink.end();
}

/** Resolves when the sink needs the bytes no more: true when it took them. */
function taken(sink: Writable, piece: Uint8Array): Promise<boolean> {
  return new Promise((resolve) =>
    sink.write(piece, (error) => resolve(error === undefined || error === null)),
  );
}

/* oxlint-disable no-underscore-dangle -- `_write` and `_writev` are the documented hooks of a Writable */
import { Socket } from 'node:net';

type Settle = (error?: Error | null) => void;

/** Of the write that is under way on a socket: there is never more than one. */
class Outcome {
  settle: Settle = ignore;
  /** One for all writes. */
  readonly settled: Settle;

  constructor(socket: Socket, onFailed: (socket: Socket, error: Error) => void) {
    this.settled = (error) => {
      if (error == null) this.settle();
      else onFailed(socket, error);
    };
  }
}

const OUTCOME = Symbol('outcome');
type OutlivingSocket = Socket & { [OUTCOME]: Outcome };

/**
 * Has a write that failed told to `onFailed` in place of ending the socket, so that what was received before can still be read
 * (RFC 9112 §9.5). The socket sends nothing any more then.
 */
export function outliveWriteFailures(socket: Socket, onFailed: (socket: Socket, error: Error) => void): void {
  (socket as OutlivingSocket)[OUTCOME] = new Outcome(socket, onFailed);
  // The same functions for all sockets, which compiled code can call without asking.
  socket._write = write;
  socket._writev = writev;
}

function write(this: Socket, chunk: unknown, encoding: BufferEncoding, callback: Settle): void {
  const outcome = (this as OutlivingSocket)[OUTCOME];
  outcome.settle = callback;
  Socket.prototype._write.call(this, chunk, encoding, outcome.settled);
}

function writev(
  this: Socket,
  chunks: { chunk: unknown; encoding: BufferEncoding }[],
  callback: Settle,
): void {
  const outcome = (this as OutlivingSocket)[OUTCOME];
  outcome.settle = callback;
  Socket.prototype._writev!.call(this, chunks, outcome.settled);
}

function ignore(): void {}

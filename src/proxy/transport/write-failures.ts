/* oxlint-disable no-underscore-dangle -- `_write` and `_writev` are the documented hooks of a Writable */
import type { Socket } from 'node:net';

type Settle = (error?: Error | null) => void;

/**
 * Has a write that failed told to `onFailed` in place of ending the socket, so that what was received before can still be read
 * (RFC 9112 §9.5). The socket sends nothing any more then.
 */
export function outliveWriteFailures(socket: Socket, onFailed: (socket: Socket, error: Error) => void): void {
  const write = socket._write;
  const writev = socket._writev!;
  let settle: Settle = ignore;
  // One for all writes: there is never more than one under way.
  const settled: Settle = (error) => {
    if (error == null) settle();
    else onFailed(socket, error);
  };
  socket._write = function (chunk, encoding, callback): void {
    settle = callback;
    write.call(this, chunk, encoding, settled);
  };
  socket._writev = function (chunks, callback): void {
    settle = callback;
    writev.call(this, chunks, settled);
  };
}

function ignore(): void {}

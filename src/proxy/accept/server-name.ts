import type { Socket } from 'node:net';
import { parseClientHello } from './client-hello.ts';

/**
 * Tells the server name of the ClientHello that a connection begins with (undefined: it has none, or is none) once it is there, however
 * it is cut into packets, and puts all that was read back into the socket. Destroys the socket when it ends before. How long that may
 * take is the caller's matter.
 */
export function readServerName(socket: Socket, done: (serverName: string | undefined) => void): void {
  let bytes: Buffer | undefined;
  const onReadable = (): void => {
    const chunk = socket.read() as Buffer | null;
    if (chunk === null) return;
    bytes = bytes === undefined ? chunk : Buffer.concat([bytes, chunk]);
    const hello = parseClientHello(bytes);
    if (hello.kind === 'incomplete') return;
    socket.off('readable', onReadable);
    socket.off('end', onEnd);
    socket.unshift(bytes);
    done(hello.kind === 'hello' ? hello.serverName : undefined);
  };
  const onEnd = (): void => {
    socket.destroy();
  };
  socket.on('readable', onReadable);
  socket.on('end', onEnd);
  // What was put back before may be the whole hello.
  onReadable();
}

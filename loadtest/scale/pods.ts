import { createServer, type Server } from 'node:net';
import { POD_PORT } from './objects.ts';

/** One server for every simulated Pod: the body of its answer is the address that it was reached by. */
export interface Pods {
  close(): Promise<void>;
}

const HEAD_END = '\r\n\r\n';

/** Rejects where the port cannot be had. */
export async function startPods(): Promise<Pods> {
  const sockets = new Set<{ destroy(): void }>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    const body = socket.localAddress ?? '';
    const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}${HEAD_END}${body}`;
    let rest = '';
    socket.on('data', (bytes) => {
      const heads = (rest + bytes.toString('latin1')).split(HEAD_END);
      rest = heads.pop()!;
      if (heads.length > 0) socket.write(answer.repeat(heads.length));
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: POD_PORT, host: '0.0.0.0' }, resolve);
  });
  return {
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

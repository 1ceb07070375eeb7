// Backends of the changes run: N HTTP servers on ports of their own, printed as JSON, each echoing WebSocket messages.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';

const ports: number[] = [];
for (let i = 0; i < Number(process.argv[2]); i++) {
  const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
    request.resume();
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 512 });
    response.end('x'.repeat(512));
  });
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (webSocket) =>
      webSocket.on('message', (data) => webSocket.send(data)),
    ),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ports.push((server.address() as AddressInfo).port);
}
console.log(JSON.stringify(ports));

/*
 * A raw upstream for profiles: answers every head that ends with a blank line at once.
 *   node loadtest/dev-upstream.ts <port> [body bytes]
 */
import { createServer } from 'node:net';

const [port = '9301', bodyBytes = '512'] = process.argv.slice(2);
const body = Buffer.alloc(Number(bodyBytes), 'x');
const head = `HTTP/1.1 200 OK\r\nServer: up\r\nDate: Mon, 23 Nov 2026 12:00:00 GMT\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n`;
const response = Buffer.concat([Buffer.from(head), body]);

createServer({ noDelay: true }, (socket) => {
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      text = text.slice(end + 4);
      socket.write(response);
    }
  });
}).listen(Number(port), '127.0.0.1');

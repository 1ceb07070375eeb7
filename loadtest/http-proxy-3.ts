// http-proxy-3 as its users run it, with what ingress-nginx's users have besides: request id, forwarded headers, an access log.
import { randomBytes } from 'node:crypto';
import { createWriteStream, mkdirSync } from 'node:fs';
import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createProxyServer } from 'http-proxy-3';
import type { PeerInput } from './peer-input.ts';

const input = JSON.parse(process.argv[2] ?? '{}') as PeerInput;
mkdirSync(input.folder, { recursive: true });
const log = createWriteStream(`${input.folder}/access.log`, { flags: 'a' });
const agent = new Agent({ keepAlive: true, maxSockets: 320 });
const proxy = createProxyServer({ target: `http://127.0.0.1:${input.upstreamPort}`, agent, xfwd: true });
proxy.on('error', (_error, _request, response) => {
  if ('writeHead' in response) response.writeHead(502).end();
});

function serve(request: IncomingMessage, response: ServerResponse): void {
  const startedAt = performance.now();
  request.headers['x-request-id'] ??= randomBytes(16).toString('hex');
  request.headers['x-real-ip'] = request.socket.remoteAddress ?? '';
  response.on('finish', () => {
    const took = ((performance.now() - startedAt) / 1000).toFixed(3);
    log.write(
      `${request.socket.remoteAddress} - - [${new Date().toISOString()}] "${request.method} ${request.url} HTTP/1.1" ` +
        `${response.statusCode} - "-" "-" ${took} ${String(request.headers['x-request-id'])}\n`,
    );
  });
  proxy.web(request, response);
}

createServer({ keepAliveTimeout: 75_000 }, serve)
  .on('upgrade', (request, socket, head) =>
    proxy.ws(request, socket, head, { target: `http://127.0.0.1:${input.webSocketPort}` }),
  )
  .listen(input.httpPort, '127.0.0.1');
const tlsServer = createTlsServer(
  { cert: input.certificate, key: input.key, keepAliveTimeout: 75_000 },
  serve,
);
tlsServer.addContext('rsa.test', { cert: input.rsaCertificate, key: input.rsaKey });
tlsServer.listen(input.httpsPort, '127.0.0.1');

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createStreams } from 'node:net';
import { text } from 'node:stream/consumers';

/** What ingress-nginx's controller starts as nginx: it takes any configuration, and sends every request to the application's endpoints. */
const PID_FILE = '/tmp/nginx/nginx.pid';
const BACKEND = 'shop-web-80';
const LEAVING_MS = 5_000;

const words = process.argv.slice(2);
if (words.includes('-s')) {
  if (words.includes('quit')) process.kill(Number(readFileSync(PID_FILE, 'utf8')), 'SIGQUIT');
} else if (!words.includes('-t')) serve();

function serve(): void {
  mkdirSync('/tmp/nginx', { recursive: true });
  writeFileSync(PID_FILE, String(process.pid));
  const agent = new Agent({ keepAlive: true });
  let endpoints: { address: string; port: string }[] = [];
  let turn = 0;
  let isLeaving = false;
  let isInitialized = false;

  const internal = createServer((incoming, response) => {
    void text(incoming).then((body) => {
      if (incoming.url === '/configuration/backends') {
        const backends = JSON.parse(body) as { name: string; endpoints?: typeof endpoints }[];
        endpoints = backends.find(({ name }) => name === BACKEND)?.endpoints ?? [];
        isInitialized = true;
      }
      const isReady = incoming.url !== '/is-dynamic-lb-initialized' || isInitialized;
      response.writeHead(incoming.method === 'POST' ? 201 : isReady ? 200 : 500).end();
    });
  });
  internal.listen(10246, '127.0.0.1');
  createStreams((socket) => socket.resume()).listen(10247, '127.0.0.1');

  function forward(incoming: IncomingMessage, response: ServerResponse): void {
    const endpoint = endpoints[turn++ % endpoints.length];
    if (endpoint === undefined) return void response.writeHead(503).end();
    const { method, url: path, headers } = incoming;
    const sent = request({ host: endpoint.address, port: endpoint.port, method, path, headers, agent });
    sent.on('error', () => response.writeHead(502).end());
    sent.on('response', (answer) => {
      response.writeHead(answer.statusCode!, isLeaving ? { Connection: 'close' } : {});
      answer.pipe(response);
    });
    incoming.pipe(sent);
  }

  const server = createServer(forward).listen(80);
  process.on('SIGQUIT', () => {
    isLeaving = true;
    // nginx closes what is idle at once, and loses the requests that are on their way; that is no subject here.
    server.closeIdleConnections = () => undefined;
    server.close(() => process.exit());
    setTimeout(() => process.exit(), LEAVING_MS);
  });
}

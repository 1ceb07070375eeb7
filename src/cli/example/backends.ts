import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';

/** One example pod: a name and the loopback port it answers on. */
export interface ExamplePod {
  readonly name: string;
  readonly port: number;
}

/** The example's applications, running in this process. */
export interface ExampleBackends {
  readonly web: readonly ExamplePod[];
  readonly webCanary: readonly ExamplePod[];
  readonly dashboard: readonly ExamplePod[];
  close(): Promise<void>;
}

/** PEM pair of a server. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

const ADDRESS = '127.0.0.1';

/** Starts `web` (3 pods), `web-canary` (2 pods) and the dashboard (1 pod, HTTPS with `dashboardKeys`) on loopback. */
export async function startExampleBackends(dashboardKeys: KeyPair): Promise<ExampleBackends> {
  const servers: Server[] = [];
  const listen = async (server: Server, name: string): Promise<ExamplePod> => {
    servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, ADDRESS, resolve);
    });
    return { name, port: (server.address() as AddressInfo).port };
  };
  const webPods = (app: string, suffixes: readonly string[]) =>
    Promise.all(
      suffixes.map((suffix) => listen(createHttpServer(webApp(`${app}-${suffix}`)), `${app}-${suffix}`)),
    );

  const web = await webPods('web', ['6d5f9c7b8-2kqzx', '6d5f9c7b8-8vhtn', '6d5f9c7b8-wr4lm']);
  const webCanary = await webPods('web-canary', ['7c9d6b5f4-4xjcp', '7c9d6b5f4-n2sdq']);
  const dashboardName = 'kubernetes-dashboard-5bd89d55c8-fm7kd';
  const dashboardServer = createHttpsServer(
    { cert: dashboardKeys.certificate, key: dashboardKeys.key },
    dashboardApp(dashboardName),
  );
  echoWebSockets(dashboardServer);
  const dashboard = [await listen(dashboardServer, dashboardName)];
  return {
    web,
    webCanary,
    dashboard,
    close: async () => {
      await Promise.all(
        servers.map(
          (server) =>
            new Promise<void>((resolve) => {
              server.close(() => resolve());
              server.closeAllConnections();
            }),
        ),
      );
    },
  };
}

function webApp(pod: string): RequestListener {
  return (request, response) => {
    const body = `<!doctype html>
<html>
<head><title>web</title></head>
<body>
<pre>
HOSTNAME=${pod}
REQUEST=${escapeHtml(`${request.method} ${request.url}`)}
HOST=${escapeHtml(request.headers.host ?? '')}
X_FORWARDED_FOR=${escapeHtml(String(request.headers['x-forwarded-for'] ?? ''))}
X_REQUEST_ID=${escapeHtml(String(request.headers['x-request-id'] ?? ''))}
</pre>
</body>
</html>
`;
    request.resume();
    response.writeHead(200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
    });
    response.end(body);
  };
}

const DASHBOARD_PAGE = `<!doctype html>
<html>
<head>
<title>Dashboard</title>
<link rel="stylesheet" href="assets/style.css">
<script defer src="assets/app.js"></script>
</head>
<body>
<h1>Dashboard</h1>
<p id="pod">HOSTNAME=@POD@</p>
<p id="socket">connecting</p>
</body>
</html>
`;

const DASHBOARD_SCRIPT = `const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
const socket = new WebSocket(scheme + '//' + location.host + '/dashboard/api/echo');
socket.onopen = () => socket.send('hello from the browser');
socket.onmessage = (event) => { document.getElementById('socket').textContent = 'socket: ' + event.data; };
`;

function dashboardApp(pod: string): RequestListener {
  const assets: Readonly<Record<string, readonly [type: string, body: string]>> = {
    '/': ['text/html; charset=utf-8', DASHBOARD_PAGE.replace('@POD@', pod)],
    '/assets/app.js': ['text/javascript', DASHBOARD_SCRIPT],
    '/assets/style.css': ['text/css', 'body { font-family: sans-serif; margin: 2rem }\n'],
    '/api/v1/overview': ['application/json', `${JSON.stringify({ pod, status: 'ok' })}\n`],
  };
  return (request, response) => {
    request.resume();
    const path = (request.url ?? '/').split('?', 1)[0]!;
    const [type, body] = Object.hasOwn(assets, path) ? assets[path]! : ['text/plain', `no ${path} here\n`];
    const status = Object.hasOwn(assets, path) ? 200 : 404;
    response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  };
}

/** Sends every message back on WebSockets at /api/echo; refuses the others with 404. */
function echoWebSockets(server: Server): void {
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket: Duplex, head: Buffer) => {
    if ((request.url ?? '').split('?', 1)[0] !== '/api/echo') {
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('message', (data, isBinary) => webSocket.send(data, { binary: isBinary }));
    });
  });
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>]/g, (character) => ENTITIES[character]!);
}

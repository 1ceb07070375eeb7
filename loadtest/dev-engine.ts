/*
 * The engine by itself, for profiles: one route, no controller, no worker thread.
 *   node loadtest/dev-engine.ts <listen port> <upstream port> [log file]
 * Prints CPU per request every second under load, and a total on SIGTERM.
 */
import { createServer } from 'node:net';
import { createFixedRouter } from '../test/protocol/engine/fixed-router.ts';
import { createServeContext, serveConnection } from '../src/proxy/serve.ts';
import { connectionInfoOf, silentMetrics } from '../test/protocol/engine/sinks.ts';

const [listenPort = '9300', upstreamPort = '9301'] = process.argv.slice(2);
let requests = 0;
const router = createFixedRouter({ endpoints: [{ address: '127.0.0.1', port: Number(upstreamPort) }] });
const context = createServeContext({
  router: () => router,
  accessLog: {
    write() {
      requests++;
    },
    flush: async () => {},
    reopen() {},
  },
  metrics: silentMetrics(),
  now: () => performance.timeOrigin + performance.now(),
  random: Math.random,
  report: (fault) => console.error(fault),
});
createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  serveConnection(socket, connectionInfoOf(socket), context);
}).listen(Number(listenPort), '127.0.0.1');

let last = process.cpuUsage();
let lastRequests = 0;
setInterval(() => {
  const now = process.cpuUsage();
  const cpu = now.user + now.system - last.user - last.system;
  const served = requests - lastRequests;
  if (served > 100) {
    const user = now.user - last.user;
    console.log(
      `${served} requests/s, ${(cpu / served).toFixed(2)} µs each (${(user / served).toFixed(2)} user)`,
    );
  }
  last = now;
  lastRequests = requests;
}, 1000);
process.on('SIGTERM', () => process.exit(0));

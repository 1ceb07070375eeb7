// One load: autocannon with the options given as JSON in the first argument; prints what it counted as JSON.
import autocannon from 'autocannon';
import { targetOf, type Spread } from './targets.ts';

interface LoadOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Record<string, string>;
  readonly bodyBytes?: number;
  readonly servername?: string;
  readonly spread?: Spread;
}

/** Requests a connection goes round; each connection has others. */
const REQUESTS_PER_CONNECTION = 200;

const options = JSON.parse(process.argv[2] ?? '{}') as LoadOptions;
let connected = 0;

/** Gives a connection its own part of the spread, so that together they reach 12,800 routes. */
function spreadOver(client: autocannon.Client, spread: Spread): void {
  const from = connected++ * REQUESTS_PER_CONNECTION;
  client.setRequests(
    Array.from({ length: REQUESTS_PER_CONNECTION }, (_, index) => {
      const { host, path } = targetOf(spread, from + index);
      return { method: 'GET' as const, path, headers: { ...options.headers, Host: host } };
    }),
  );
}

const { spread } = options;
const result = await autocannon({
  url: options.url,
  connections: options.connections,
  duration: options.seconds,
  method: options.method ?? 'GET',
  headers: options.headers ?? {},
  ...(options.bodyBytes === undefined ? {} : { body: Buffer.alloc(options.bodyBytes, 'b') }),
  ...(options.servername === undefined ? {} : { servername: options.servername }),
  ...(spread === undefined ? {} : { setupClient: (client: autocannon.Client) => spreadOver(client, spread) }),
});
console.log(
  JSON.stringify({
    requests: result['2xx'],
    other: result.non2xx + result.errors + result.timeouts,
    seconds: result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
  }),
);

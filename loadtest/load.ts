// One load: autocannon with the options given as JSON in the first argument; prints what it counted as JSON.
import autocannon from 'autocannon';

interface LoadOptions {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Record<string, string>;
  readonly bodyBytes?: number;
  readonly servername?: string;
}

const options = JSON.parse(process.argv[2] ?? '{}') as LoadOptions;
const result = await autocannon({
  url: options.url,
  connections: options.connections,
  duration: options.seconds,
  method: options.method ?? 'GET',
  headers: options.headers ?? {},
  ...(options.bodyBytes === undefined ? {} : { body: Buffer.alloc(options.bodyBytes, 'b') }),
  ...(options.servername === undefined ? {} : { servername: options.servername }),
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

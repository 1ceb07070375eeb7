// A steady load with latencies that are the proxy's: a fixed rate, each request on a connection that is free. Prints JSON.
//   node loadtest/steady.ts '{"url":"http://127.0.0.1:8080/","host":"a.test","rate":500,"connections":25,"seconds":30}'
import { Agent, request } from 'undici';
import { percentile } from './percentile.ts';

interface SteadyOptions {
  readonly url: string;
  readonly host: string;
  readonly rate: number;
  readonly connections: number;
  readonly seconds: number;
}

const options = JSON.parse(process.argv[2] ?? '{}') as SteadyOptions;
const agent = new Agent({
  connections: options.connections,
  pipelining: 1,
  connect: { rejectUnauthorized: false, servername: options.host },
});
const latenciesMs: number[] = [];
const errors = new Map<string, number>();
const inFlight = new Set<Promise<void>>();
let sent = 0;

async function send(): Promise<void> {
  const beganMs = performance.now();
  try {
    const { statusCode, body } = await request(options.url, {
      dispatcher: agent,
      headers: { host: options.host },
    });
    await body.dump();
    if (statusCode !== 200) errors.set(`status ${statusCode}`, (errors.get(`status ${statusCode}`) ?? 0) + 1);
  } catch (error) {
    const text = (error as Error).message;
    errors.set(text, (errors.get(text) ?? 0) + 1);
  }
  latenciesMs.push(performance.now() - beganMs);
}

// Connections are made, and handshakes done, before the clock starts: the latencies are those of requests. Failures count.
await Promise.all(Array.from({ length: options.connections }, send));
latenciesMs.length = 0;
const startedMs = performance.now();
await new Promise<void>((resolve) => {
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs >= options.seconds * 1_000) {
      clearInterval(timer);
      return resolve();
    }
    for (const due = Math.floor((elapsedMs * options.rate) / 1_000); sent < due; sent++) {
      const one = send();
      inFlight.add(one);
      void one.finally(() => inFlight.delete(one));
    }
  }, 2);
});
await Promise.all(inFlight);
await agent.close();
latenciesMs.sort((a, b) => a - b);
const at = (share: number) => percentile(latenciesMs, share);
const failed = [...errors.values()].reduce((sum, count) => sum + count, 0);
console.log(
  JSON.stringify({
    sent,
    failed,
    errors: Object.fromEntries(errors),
    p50: at(0.5),
    p99: at(0.99),
    p999: at(0.999),
    worst: at(1),
  }),
);

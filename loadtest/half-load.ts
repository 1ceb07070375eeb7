/*
 * A fixed rate, far below what any proxy can take, so that latencies are the proxy's and not its queue's; raw sockets, because a
 * client library would take most of the core. Prints what it counted as JSON.
 *   node loadtest/half-load.ts '{"url":"http://127.0.0.1:8080/512","headers":{"Host":"a.test"},"rate":20000,"connections":64,"seconds":4}'
 */
import { connect } from 'node:net';
import { percentile } from './percentile.ts';

interface HalfLoadOptions {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly rate: number;
  readonly connections: number;
  readonly seconds: number;
}

const options = JSON.parse(process.argv[2] ?? '{}') as HalfLoadOptions;
const { port, pathname } = new URL(options.url);
const lines = Object.entries(options.headers).map(([name, value]) => `${name}: ${value}\r\n`);
const head = `GET ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n`;
const OK = 'HTTP/1.1 200';
const READ_BYTES = 16_384;
const TICK_MS = 1;

const latenciesMs: number[] = [];
let other = 0;
let isEnding = false;

/** One connection, one request at a time. */
class Client {
  #sentAtMs = 0;
  #seen = '';
  readonly #socket;

  constructor(free: Client[]) {
    this.#socket = connect({
      port: Number(port),
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: Buffer.alloc(READ_BYTES),
        callback: (length, buffer) => {
          this.#seen += Buffer.from(buffer.buffer, 0, length).toString('latin1');
          const headEnd = this.#seen.indexOf('\r\n\r\n');
          if (headEnd < 0) return true;
          const bodyLength = Number(/\r\ncontent-length: (\d+)/i.exec(this.#seen)?.[1] ?? Number.NaN);
          if (this.#seen.length < headEnd + 4 + bodyLength) return true;
          if (this.#seen.startsWith(OK)) latenciesMs.push(performance.now() - this.#sentAtMs);
          else other++;
          this.#seen = '';
          free.push(this);
          return true;
        },
      },
    });
    this.#socket.once('connect', () => free.push(this));
    this.#socket.on('error', () => {});
    this.#socket.once('close', () => {
      if (!isEnding) other++;
    });
  }

  send(): void {
    this.#sentAtMs = performance.now();
    this.#socket.write(head, 'latin1');
  }

  end(): void {
    this.#socket.destroy();
  }
}

const free: Client[] = [];
const clients = Array.from({ length: options.connections }, () => new Client(free));
const startedMs = performance.now();
let sent = 0;
await new Promise<void>((resolve) => {
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs >= options.seconds * 1_000) {
      clearInterval(timer);
      resolve();
      return;
    }
    // What finds no free connection is left out: the rate is then lower, and the report shows it.
    for (const due = Math.floor((elapsedMs * options.rate) / 1_000); sent < due; sent++) free.shift()?.send();
  }, TICK_MS);
});
const seconds = (performance.now() - startedMs) / 1_000;
isEnding = true;
for (const client of clients) client.end();
latenciesMs.sort((a, b) => a - b);
const at = (share: number) => percentile(latenciesMs, share, 2);
console.log(JSON.stringify({ requests: latenciesMs.length, other, seconds, p50: at(0.5), p99: at(0.99) }));

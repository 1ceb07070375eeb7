/*
 * A load over HTTP/2: h2load with the options given as JSON in the first argument; prints what it counted as JSON.
 *   node loadtest/h2load.ts '{"url":"https://127.0.0.1:8443/512","servername":"load.test","connections":16,"streams":20,"seconds":4}'
 * With `page`, each connection asks for these sizes once, all at the same time, as a browser does for the assets of a page, and is followed by
 * another one.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { percentile } from './percentile.ts';

interface Http2LoadOptions {
  readonly url: string;
  readonly servername: string;
  readonly connections: number;
  readonly streams: number;
  readonly seconds: number;
  readonly page?: readonly number[];
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly bodyBytes?: number;
}

const options = JSON.parse(process.argv[2] ?? '{}') as Http2LoadOptions;
const { connections, page, seconds, streams, headers = {}, bodyBytes = 0 } = options;
const folder = mkdtempSync(join(tmpdir(), 'serin-h2load-'));
const log = join(folder, 'log');
const body = join(folder, 'body');
writeFileSync(body, Buffer.alloc(bodyBytes, 'b'));
// The name in the URL is what it says in SNI, and as authority.
const url = new URL(options.url);
const address = url.host;
url.hostname = options.servername;
const latenciesMs: number[] = [];
let requests = 0;
let other = 0;

function load(...more: string[]): void {
  const args = ['-t', '1', '-m', String(streams), '-c', String(connections), '--log-file', log];
  for (const [name, value] of Object.entries(headers))
    if (name !== 'Host') args.push('-H', `${name}: ${value}`);
  if (options.method === 'POST') args.push('-d', body);
  const output = execFileSync('h2load', [...args, `--connect-to=${address}`, ...more], {
    stdio: ['ignore', 'pipe', 'inherit'],
  }).toString();
  const failed = /(\d+) failed, (\d+) errored, (\d+) timeout/.exec(output)?.slice(1) ?? [];
  other += failed.reduce((sum, count) => sum + Number(count), 0);
  requests += Number(/status codes: (\d+) 2xx/.exec(output)?.[1] ?? 0);
  for (const line of readFileSync(log, 'latin1').split('\n')) {
    if (line !== '') latenciesMs.push(Number(line.split('\t')[2]) / 1_000);
  }
}

const startedMs = performance.now();
const tookSeconds = (): number => (performance.now() - startedMs) / 1_000;
try {
  if (page === undefined) {
    load('-D', String(seconds), url.href);
  } else {
    const list = join(folder, 'page');
    writeFileSync(list, page.map((bytes) => new URL(`/${bytes}`, url).href).join('\n'));
    while (tookSeconds() < seconds) load('-n', String(connections * page.length), '-i', list);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
latenciesMs.sort((a, b) => a - b);
const at = (share: number) => percentile(latenciesMs, share, 2);
console.log(JSON.stringify({ requests, other, seconds: tookSeconds(), p50: at(0.5), p99: at(0.99) }));

/*
 * A load over HTTP/2: h2load with the options given as JSON in the first argument; prints what it counted as JSON.
 *   node loadtest/h2load.ts '{"url":"https://127.0.0.1:8443/512","servername":"load.test","connections":16,"streams":20,"seconds":4}'
 * With `page`, each connection asks for these sizes once, all at the same time, as a browser does for the assets of a page.
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
}

/** Pages a second: connections that are opened one after another. */
const PAGES_PER_SECOND = 40;

const options = JSON.parse(process.argv[2] ?? '{}') as Http2LoadOptions;
const { page, seconds, streams } = options;
const folder = mkdtempSync(join(tmpdir(), 'serin-h2load-'));
try {
  const log = join(folder, 'log');
  // The name in the URL is what it says in SNI, and as authority.
  const url = new URL(options.url);
  const address = url.host;
  url.hostname = options.servername;
  const args = ['-t', '1', '-m', String(streams), '--log-file', log, `--connect-to=${address}`];
  if (page === undefined) {
    args.push('-D', String(seconds), '-c', String(options.connections), url.href);
  } else {
    const list = join(folder, 'page');
    writeFileSync(list, page.map((bytes) => new URL(`/${bytes}`, url).href).join('\n'));
    const pages = PAGES_PER_SECOND * seconds;
    args.push('-n', String(pages * page.length), '-c', String(pages), '-r', String(PAGES_PER_SECOND));
    args.push('-i', list);
  }
  const output = execFileSync('h2load', args, { stdio: ['ignore', 'pipe', 'inherit'] }).toString();
  const finished = /finished in ([\d.]+)(m?)s/.exec(output);
  const tookSeconds = Number(finished?.[1]) / (finished?.[2] === 'm' ? 1_000 : 1);
  const failed = /(\d+) failed, (\d+) errored, (\d+) timeout/.exec(output)?.slice(1) ?? [];
  const succeeded = Number(/status codes: (\d+) 2xx/.exec(output)?.[1] ?? 0);
  const latenciesMs = readFileSync(log, 'latin1')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Number(line.split('\t')[2]) / 1_000)
    .toSorted((a, b) => a - b);
  const at = (share: number) => percentile(latenciesMs, share, 2);
  console.log(
    JSON.stringify({
      requests: succeeded,
      other: failed.reduce((sum, count) => sum + Number(count), 0),
      seconds: tookSeconds,
      p50: at(0.5),
      p99: at(0.99),
    }),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

import { readFileSync } from 'node:fs';
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';
import { HTTP2_CAUSES, HTTP2_SIDES } from './http2-causes.ts';
import { METRIC_PREFIX } from './metrics-text.ts';
import type { MetricsTotals } from './metrics-totals.ts';

/** Registers ingress-nginx's metrics of the data plane process, read when they are scraped. */
export function registerProcessMetrics(
  registry: Registry,
  totals: MetricsTotals,
  constantLabels: Readonly<Record<string, string>>,
): void {
  const registers: never[] = [];
  const names = Object.keys(constantLabels);
  const prefix = `${METRIC_PREFIX}nginx_process_`;
  const gauge = (name: string, help: string, read: () => number | undefined): void => {
    registry.registerMetric(
      new Gauge({
        name: prefix + name,
        help,
        labelNames: names,
        registers,
        collect() {
          const value = read();
          if (value !== undefined) this.set(constantLabels, value);
        },
      }),
    );
  };
  // A counter is read from elsewhere each time: it begins anew and is given all at once.
  const counter = (name: string, help: string, read: () => number | undefined): void => {
    registry.registerMetric(
      new Counter({
        name,
        help,
        labelNames: names,
        registers,
        collect() {
          const value = read();
          this.reset();
          if (value !== undefined) this.inc(constantLabels, value);
        },
      }),
    );
  };
  registry.registerMetric(
    new Gauge({
      name: `${prefix}connections`,
      help: 'current number of client connections with state {active, reading, writing, waiting}',
      labelNames: [...names, 'state'],
      registers,
      collect() {
        const { active, reading, writing, waiting } = totals.connections();
        for (const [state, value] of Object.entries({ active, reading, writing, waiting })) {
          this.set({ ...constantLabels, state }, value);
        }
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: `${prefix}connections_total`,
      help: 'total number of connections with state {accepted, handled}',
      labelNames: [...names, 'state'],
      registers,
      collect() {
        const { accepted } = totals.connections();
        this.reset();
        for (const state of ['accepted', 'handled']) this.inc({ ...constantLabels, state }, accepted);
      },
    }),
  );
  counter(`${prefix}requests_total`, 'total number of client requests', () => totals.connections().requests);
  counter(`${prefix}cpu_seconds_total`, 'Cpu usage in seconds', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  counter(`${prefix}read_bytes_total`, 'number of bytes read', () =>
    procValue('/proc/self/io', /^rchar: (\d+)$/m),
  );
  counter(`${prefix}write_bytes_total`, 'number of bytes written', () =>
    procValue('/proc/self/io', /^wchar: (\d+)$/m),
  );
  counter(
    'serin_refused_heads_total',
    'number of heads that were not written, because a text for one of their lines held a line break or no bytes',
    () => totals.connections().refusedHeads,
  );
  counter(
    'serin_bare_line_feed_heads_total',
    'number of heads of upstreams with lines that end without a carriage return',
    () => totals.connections().bareLineFeeds,
  );
  counter(
    'serin_dropped_log_lines_total',
    'number of lines of access logs that nobody took in time, or that could not be written',
    () => totals.connections().droppedLogLines,
  );
  registry.registerMetric(
    new Counter({
      name: 'serin_mirrored_requests_total',
      help: 'number of copies of requests (mirror-target), by what became of them {answered, failed, dropped}',
      labelNames: [...names, 'outcome'],
      registers,
      collect() {
        const { copiesAnswered, copiesFailed, copiesDropped } = totals.connections();
        this.reset();
        this.inc({ ...constantLabels, outcome: 'answered' }, copiesAnswered);
        this.inc({ ...constantLabels, outcome: 'failed' }, copiesFailed);
        this.inc({ ...constantLabels, outcome: 'dropped' }, copiesDropped);
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: 'serin_client_requests_total',
      help: 'number of requests by the protocol that they came in by {HTTP/1, HTTP/2}',
      labelNames: [...names, 'protocol'],
      registers,
      collect() {
        const { requests, http2Requests } = totals.connections();
        this.reset();
        this.inc({ ...constantLabels, protocol: 'HTTP/1' }, requests - http2Requests);
        this.inc({ ...constantLabels, protocol: 'HTTP/2' }, http2Requests);
      },
    }),
  );
  registry.registerMetric(
    new Counter({
      name: 'serin_http2_ended_total',
      help: 'number of HTTP/2 connections, and of streams of clients that were too slow, that were ended for what the client or the upstream did {client, upstream}',
      labelNames: [...names, 'side', 'cause'],
      registers,
      collect() {
        const { http2Ended } = totals.connections();
        this.reset();
        for (const [of, side] of HTTP2_SIDES.entries()) {
          for (const [i, cause] of HTTP2_CAUSES.entries()) {
            this.inc({ ...constantLabels, side, cause }, http2Ended[of * HTTP2_CAUSES.length + i]!);
          }
        }
      },
    }),
  );
  gauge('num_procs', 'number of processes', () => totals.workerCount + 1);
  const startedAtSeconds = Math.floor(Date.now() / 1000 - process.uptime());
  gauge('oldest_start_time_seconds', 'start time in seconds since 1970/01/01', () => startedAtSeconds);
  gauge('resident_memory_bytes', 'number of bytes of memory in use', () => process.memoryUsage.rss());
  gauge('virtual_memory_bytes', 'number of bytes of memory in use', () => {
    const kilobytes = procValue('/proc/self/status', /^VmSize:\s+(\d+) kB$/m);
    return kilobytes === undefined ? undefined : kilobytes * 1024;
  });
}

/** A number from /proc; undefined where there is none. */
function procValue(path: string, pattern: RegExp): number | undefined {
  try {
    const found = pattern.exec(readFileSync(path, 'latin1'));
    return found === null ? undefined : Number(found[1]);
  } catch {
    return undefined;
  }
}

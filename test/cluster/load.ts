import { Agent, request } from 'undici';

export interface LoadResult {
  readonly sent: number;
  /** Status or error of every request that was not answered 200, at most 20 of them. */
  readonly failures: readonly string[];
  readonly failed: number;
  readonly worstMs: number;
}

/** A steady load of GETs until it is stopped: bounded in rate, and by `maxSeconds` in time. */
export interface SteadyLoad {
  stop(): Promise<LoadResult>;
}

/** Sends `rate` requests a second over `connections` kept-alive connections. */
export function startLoad(
  url: string,
  host: string,
  { rate = 300, connections = 20, maxSeconds = 400, method = 'GET' as 'GET' | 'POST' } = {},
): SteadyLoad {
  const agent = new Agent({ connections, pipelining: 1, keepAliveTimeout: 60_000, headersTimeout: 30_000 });
  const failures: string[] = [];
  const inFlight = new Set<Promise<void>>();
  let sent = 0;
  let failed = 0;
  let worstMs = 0;
  const startedMs = performance.now();

  const fail = (what: string) => {
    failed++;
    if (failures.length < 20) failures.push(`${new Date().toISOString()}: ${what}`);
  };
  async function send(): Promise<void> {
    const beganMs = performance.now();
    try {
      const { statusCode, body } = await request(url, { dispatcher: agent, method, headers: { host } });
      await body.text();
      if (statusCode !== 200) fail(`status ${statusCode}`);
    } catch (error) {
      fail(String(error));
    }
    worstMs = Math.max(worstMs, performance.now() - beganMs);
  }
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startedMs;
    if (elapsedMs > maxSeconds * 1_000) {
      clearInterval(timer);
      return;
    }
    const due = Math.floor((elapsedMs * rate) / 1_000) - sent;
    for (let i = 0; i < due; i++) {
      sent++;
      const one = send();
      inFlight.add(one);
      void one.finally(() => inFlight.delete(one));
    }
  }, 5);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight);
      await agent.close();
      return { sent, failed, failures, worstMs: Math.round(worstMs) };
    },
  };
}

/** Median and 99th percentile of measurements. */
export function percentiles(values: readonly number[]): { readonly median: number; readonly p99: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { median: at(0.5), p99: at(0.99) };
}

/** One measurement of one peer under one scenario. */
export interface Sample {
  readonly requests: number;
  readonly other: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of CPU of the proxy per request, user and system, all its threads. */
  readonly cpuPerRequest: number;
}

export interface RunFacts {
  readonly machine: string;
  readonly seconds: number;
  readonly rounds: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The report: one table per scenario, medians with their spread, and Serin's ratio to each peer. */
export function renderReport(
  samples: ReadonlyMap<string, ReadonlyMap<string, readonly Sample[]>>,
  facts: RunFacts,
): string {
  const lines = [
    '# Load test results',
    '',
    `${facts.machine}. ${facts.rounds} rounds of ${facts.seconds} s each, interleaved, after one warm-up round; the proxy on one core, load`,
    '(autocannon) and upstream on the other. Medians, with minimum and maximum. Repeat with `npm run loadtest`.',
    '',
  ];
  for (const [scenario, byPeer] of samples) {
    const own = byPeer.get('Serin');
    const ownCpu = own === undefined ? undefined : median(own.map((sample) => sample.cpuPerRequest));
    lines.push(
      `## ${scenario}`,
      '',
      '| proxy | µs CPU per request | requests/s | p50 ms | p99 ms | failed | Serin / it |',
      '| --- | --- | --- | --- | --- | --- | --- |',
    );
    for (const [peer, list] of byPeer) {
      const cpu = list.map((sample) => sample.cpuPerRequest);
      const rate = list.map((sample) => sample.requests / sample.seconds);
      const ratio = ownCpu === undefined ? '' : (ownCpu / median(cpu)).toFixed(2);
      const failed = list.reduce((sum, sample) => sum + sample.other, 0);
      lines.push(
        `| ${peer} | ${spread(cpu, 1)} | ${spread(rate, 0)} | ${median(list.map(({ p50 }) => p50))} | ` +
          `${median(list.map(({ p99 }) => p99))} | ${failed} | ${ratio} |`,
      );
    }
    lines.push('');
  }
  return lines.join('\n');
}

function spread(values: readonly number[], digits: number): string {
  const text = (value: number) => value.toFixed(digits);
  return `${text(median(values))} (${text(Math.min(...values))}-${text(Math.max(...values))})`;
}

/** One measurement of one peer under one scenario. */
export interface Sample {
  readonly requests: number;
  readonly other: number;
  readonly seconds: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of CPU of the proxy per request (handshake, message), user and system, all its threads. */
  readonly cpuPerRequest: number;
}

/** By scenario, then by peer: one sample a round. */
export type Samples = ReadonlyMap<string, ReadonlyMap<string, readonly Sample[]>>;

export interface RunFacts {
  /** What a scenario counts: request, handshake or message. */
  readonly units: ReadonlyMap<string, string>;
  /** The scenario that a scenario is measured against. */
  readonly against: ReadonlyMap<string, string>;
  readonly machine: string;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly rounds: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The report: one table per scenario, medians with their spread, and Serin's ratio to each peer. */
export function renderReport(samples: Samples, facts: RunFacts): string {
  const lines = [
    '# Load test results',
    '',
    `${facts.machine}. ${facts.rounds} rounds of ${facts.seconds} s each, interleaved, after a warm-up of ${facts.warmUpSeconds} s; the proxy on one core,`,
    'load and upstream on the other. Medians, with minimum and maximum; ratios are of the same round. Repeat with `npm run loadtest`.',
    '',
    '![CPU per request, as bars](results.svg)',
    '',
  ];
  for (const [scenario, byPeer] of samples) {
    const own = byPeer.get('Serin');
    const unit = facts.units.get(scenario) ?? 'request';
    lines.push(
      `## ${scenario}`,
      '',
      `| proxy | µs CPU per ${unit} | ${unit}s/s | p50 ms | p99 ms | failed | Serin / it |`,
      '| --- | --- | --- | --- | --- | --- | --- |',
    );
    for (const [peer, list] of byPeer) {
      const cpu = list.map((sample) => sample.cpuPerRequest);
      const rate = list.map((sample) => sample.requests / sample.seconds);
      const ratio = own === undefined ? '' : spread(ratios(own, list), 2);
      const failed = list.reduce((sum, sample) => sum + sample.other, 0);
      lines.push(
        `| ${peer} | ${spread(cpu, 1)} | ${spread(rate, 0)} | ${median(list.map(({ p50 }) => p50))} | ` +
          `${median(list.map(({ p99 }) => p99))} | ${failed} | ${ratio} |`,
      );
    }
    lines.push('', ...comparedLines(samples, scenario, facts.against.get(scenario)));
  }
  return lines.join('\n');
}

/** What each peer's figure is of its own figure in the scenario that this one is measured against. */
function comparedLines(samples: Samples, scenario: string, against: string | undefined): string[] {
  if (against === undefined) return [];
  const parts = [...(samples.get(scenario)?.keys() ?? [])].flatMap((peer) => {
    const base = cpuOf(samples, against, peer);
    const own = cpuOf(samples, scenario, peer);
    return base === undefined || own === undefined ? [] : [`${peer} ${(own / base).toFixed(2)}`];
  });
  return parts.length === 0 ? [] : [`Of its own figure for "${against}": ${parts.join(', ')}.`, ''];
}

function cpuOf(samples: Samples, scenario: string, peer: string): number | undefined {
  const list = samples.get(scenario)?.get(peer);
  return list === undefined ? undefined : median(list.map((sample) => sample.cpuPerRequest));
}

/** The compact table for the README: median CPU microseconds of each peer, and Serin's ratio to two of them. */
export function renderFigures(samples: Samples): string {
  const lines = [
    '| scenario | Serin µs | nginx | HAProxy | http-proxy-3 | Serin / nginx | Serin / http-proxy-3 |',
    '| --- | --- | --- | --- | --- | --- | --- |',
  ];
  for (const scenario of samples.keys()) {
    const cpu = (peer: string) => cpuOf(samples, scenario, peer);
    const ratio = (peer: string) => {
      const [own, theirs] = ['Serin', peer].map((name) => samples.get(scenario)?.get(name));
      return own === undefined || theirs === undefined ? '' : median(ratios(own, theirs)).toFixed(2);
    };
    const micros = ['Serin', 'nginx', 'HAProxy', 'http-proxy-3'].map((peer) => cpu(peer)?.toFixed(1) ?? '');
    lines.push(`| ${[scenario, ...micros, ratio('nginx'), ratio('http-proxy-3')].join(' | ')} |`);
  }
  return `${lines.join('\n')}\n`;
}

/** Round by round: what the machine does meanwhile comes and goes more slowly than that. */
function ratios(own: readonly Sample[], theirs: readonly Sample[]): number[] {
  return own.map(({ cpuPerRequest }, round) => cpuPerRequest / theirs[round]!.cpuPerRequest);
}

function spread(values: readonly number[], digits: number): string {
  const text = (value: number) => value.toFixed(digits);
  return `${text(median(values))} (${text(Math.min(...values))}-${text(Math.max(...values))})`;
}

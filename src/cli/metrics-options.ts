import { DEFAULT_METRICS_OPTIONS, type MetricsOptions } from '../observe/metrics-layout.ts';
import type { UndefinedHosts } from '../table/settings.ts';
import { parseGoFloat } from '../lib/go-values.ts';
import { UsageError, type FlagReader } from './args.ts';

/** Each one is a line of every series, and a cell of shared memory. */
const MAX_BUCKETS = 64;

/** What the flags say about traffic metrics. Throws UsageError where the bounds of a histogram are none. */
export function metricsOptionsOf(flags: FlagReader): MetricsOptions {
  return {
    timeBuckets: boundsOf(flags, 'time-buckets', DEFAULT_METRICS_OPTIONS.timeBuckets),
    lengthBuckets: boundsOf(flags, 'length-buckets', DEFAULT_METRICS_OPTIONS.lengthBuckets),
    sizeBuckets: boundsOf(flags, 'size-buckets', DEFAULT_METRICS_OPTIONS.sizeBuckets),
    isHostCounted: flags.boolean('metrics-per-host'),
    areStatusClassesReported: flags.boolean('report-status-classes'),
  };
}

/** How requests of hosts that nobody configured are counted. */
export function undefinedHostsOf(flags: FlagReader): UndefinedHosts {
  if (!flags.boolean('metrics-per-host')) return 'nameless';
  return flags.boolean('metrics-per-undefined-host') ? 'counted' : 'uncounted';
}

/** None given are the defaults, as Prometheus' client has it. */
function boundsOf(flags: FlagReader, name: string, fallback: readonly number[]): readonly number[] {
  const texts = flags.list(name);
  const refuse = (problem: string): never => {
    throw new UsageError(`--${name}: ${problem}`, 2);
  };
  if (texts.length > MAX_BUCKETS) refuse(`${texts.length} bounds; there may be ${MAX_BUCKETS}`);
  const bounds = texts.map((text) => parseGoFloat(text) ?? refuse(`"${text}" is not a number`));
  for (const [index, bound] of bounds.entries()) {
    if (!Number.isFinite(bound))
      refuse(`"${texts[index]}" is no bound: the last bucket has no end by itself`);
    if (index > 0 && bound <= bounds[index - 1]!) {
      refuse(`"${texts[index]}" stands behind "${texts[index - 1]}": bounds ascend`);
    }
  }
  return bounds.length === 0 ? fallback : bounds;
}

import { HISTOGRAMS, SERIES_LABELS, SUMS } from './metrics-layout.ts';
import type { MetricsLayout } from './metrics-layout.ts';
import type { SeriesTotal } from './metrics-totals.ts';

export const METRIC_PREFIX = 'nginx_ingress_controller_';

/**
 * Prometheus text of the traffic series. Written by hand: a scrape has some ninety lines per series, and an object for each of them
 * would hold up the thread that also applies changes.
 */
export function writeSeries(
  layout: MetricsLayout,
  series: readonly SeriesTotal[],
  constantLabels: Readonly<Record<string, string>>,
): string {
  if (series.length === 0) return '';
  const labelTexts = series.map(({ labels }) => labelText(constantLabels, labels));
  const parts = [head('requests', 'counter', 'The total number of client requests')];
  for (const [i, { cells }] of series.entries()) {
    parts.push(`${METRIC_PREFIX}requests{${labelTexts[i]}} ${cells[0]}\n`);
  }
  for (const [index, { name, help }] of HISTOGRAMS.entries()) {
    const bounds = layout.bounds[index]!;
    const first = layout.firstBuckets[index]!;
    const stride = layout.strides[index]!;
    const suffixes = [...bounds.map((bound) => `,le="${toGoFloat(bound)}"} `), ',le="+Inf"} '];
    const end = first + suffixes.length * stride;
    let isEmpty = true;
    for (let i = 0; i < series.length; i++) {
      const { cells } = series[i]!;
      let total = 0;
      for (let at = first; at < end; at += stride) total += cells[at]!;
      // A series that never went upstream has no upstream times at all.
      if (total === 0) continue;
      if (isEmpty) parts.push(head(name, 'histogram', help));
      isEmpty = false;
      const labels = labelTexts[i]!;
      const line = `${METRIC_PREFIX}${name}_bucket{${labels}`;
      let below = 0;
      for (let bucket = 0; bucket < suffixes.length; bucket++) {
        below += cells[first + bucket * stride]!;
        parts.push(line, suffixes[bucket]!, String(below), '\n');
      }
      parts.push(`${METRIC_PREFIX}${name}_sum{${labels}} ${cells[SUMS + index]}\n`);
      parts.push(`${METRIC_PREFIX}${name}_count{${labels}} ${total}\n`);
    }
  }
  return parts.join('');
}

function head(name: string, type: 'counter' | 'histogram', help: string): string {
  return `# HELP ${METRIC_PREFIX}${name} ${help}\n# TYPE ${METRIC_PREFIX}${name} ${type}\n`;
}

function labelText(constantLabels: Readonly<Record<string, string>>, labels: readonly string[]): string {
  const pairs = Object.entries(constantLabels);
  for (const [i, value] of labels.entries()) pairs.push([SERIES_LABELS[i]!, value]);
  pairs.sort(([a], [b]) => (a < b ? -1 : 1));
  return pairs.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(',');
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/** A bound as Go writes it, which is what dashboards name it by: `0.005`, `100000`, `1e+06`. */
export function toGoFloat(value: number): string {
  const [mantissa, power] = value.toExponential().split('e') as [string, string];
  const exponent = Number(power);
  if (value === 0 || (exponent >= -4 && exponent < 6)) return String(value);
  return `${mantissa}e${power[0]}${power.slice(1).padStart(2, '0')}`;
}

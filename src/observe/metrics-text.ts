import { HISTOGRAMS, SERIES_LABELS } from './metrics-layout.ts';
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
    const offset = layout.offsets[index]!;
    const suffixes = [...bounds.map((bound) => `,le="${toGoFloat(bound)}"} `), ',le="+Inf"} '];
    const text = [head(name, 'histogram', help)];
    for (const [i, { cells }] of series.entries()) {
      const labels = labelTexts[i]!;
      let total = 0;
      let lines = '';
      for (const [bucket, suffix] of suffixes.entries()) {
        total += cells[offset + bucket]!;
        lines += `${METRIC_PREFIX}${name}_bucket{${labels}${suffix}${total}\n`;
      }
      // A series that never went upstream has no upstream times at all.
      if (total === 0) continue;
      const sum = cells[offset + suffixes.length]!;
      text.push(
        `${lines}${METRIC_PREFIX}${name}_sum{${labels}} ${sum}\n${METRIC_PREFIX}${name}_count{${labels}} ${total}\n`,
      );
    }
    if (text.length > 1) parts.push(...text);
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

import { HISTOGRAMS, type MetricsLayout, SUMS } from './metrics-layout.ts';
import type { MetricsTotals, Series } from './metrics-totals.ts';
import type { PieceWriter } from './pieces.ts';
import { headText } from './row-family.ts';

export const METRIC_PREFIX = 'nginx_ingress_controller_';

/** A metric of the traffic, with what its lines have in common. */
interface TrafficFamily {
  readonly head: string;
  /** Name of its first line, up to the labels. */
  readonly prefix: string;
  /** Cells of a slot that it needs: the buckets in order, and the sum; of a counter the one. */
  readonly cells: readonly number[];
  /** What follows the labels of each bucket; none of a counter. */
  readonly suffixes: readonly Uint8Array[];
  readonly sumPrefix: string;
  readonly countPrefix: string;
}

/** Room for suffix, number and line feed of one line. */
const LINE_SLACK = 64;

/**
 * Writes the traffic series, metric by metric as the format asks for. By hand, and into bytes: a scrape has some ninety lines per series, which
 * differ in a few bytes each, and the thread that writes them applies changes too.
 */
export class TrafficText {
  readonly #totals: MetricsTotals;
  readonly #families: readonly TrafficFamily[];
  readonly #sums: Float64Array;

  /** Without the metrics of these names (without the prefix). */
  constructor(totals: MetricsTotals, excluded: ReadonlySet<string>) {
    this.#totals = totals;
    this.#families = familiesOf(totals.layout, excluded);
    this.#sums = new Float64Array(totals.layout.slotCells);
  }

  *write(out: PieceWriter, isReported: (series: Series) => boolean): Generator<Uint8Array> {
    const { series } = this.#totals;
    for (const family of this.#families) {
      let isHeadDue = true;
      for (let i = 0; i < series.length; i++) {
        const one = series[i]!;
        if (isReported(one) && this.#sum(one, family) > 0) {
          if (isHeadDue) out.text(family.head);
          isHeadDue = false;
          this.#writeSeries(out, one, family);
        }
        if (out.step()) yield out.take();
      }
    }
  }

  /** Sums what a metric needs of a series; answers how often it was observed. */
  #sum(series: Series, { cells, suffixes }: TrafficFamily): number {
    const sums = this.#sums;
    this.#totals.sum(series, cells, sums);
    if (suffixes.length === 0) return sums[0]!;
    let total = 0;
    for (let bucket = 0; bucket < suffixes.length; bucket++) total += sums[bucket]!;
    return total;
  }

  #writeSeries(out: PieceWriter, { text, textBytes }: Series, family: TrafficFamily): void {
    const { prefix, suffixes } = family;
    const sums = this.#sums;
    if (suffixes.length === 0) {
      out.text(`${prefix}${text}} `);
      out.reserve(LINE_SLACK);
      out.countLine(sums[0]!);
      return;
    }
    out.reserve(suffixes.length * (prefix.length + textBytes + LINE_SLACK));
    const start = out.length;
    out.text(prefix + text);
    const end = out.length;
    let below = 0;
    for (let bucket = 0; bucket < suffixes.length; bucket++) {
      if (bucket > 0) out.again(start, end);
      out.few(suffixes[bucket]!);
      below += sums[bucket]!;
      out.countLine(below);
    }
    out.text(
      `${family.sumPrefix}${text}} ${sums[suffixes.length]}\n${family.countPrefix}${text}} ${below}\n`,
    );
  }
}

function familiesOf(layout: MetricsLayout, excluded: ReadonlySet<string>): TrafficFamily[] {
  const families: TrafficFamily[] = [];
  if (!excluded.has('requests')) {
    const name = `${METRIC_PREFIX}requests`;
    families.push({
      head: headText(name, 'counter', 'The total number of client requests'),
      prefix: `${name}{`,
      cells: [0],
      suffixes: [],
      sumPrefix: '',
      countPrefix: '',
    });
  }
  for (const [index, histogram] of HISTOGRAMS.entries()) {
    if (excluded.has(histogram.name)) continue;
    const name = METRIC_PREFIX + histogram.name;
    const bounds = [...layout.bounds[index]!.map(toGoFloat), '+Inf'];
    const buckets = bounds.map((_, bucket) => layout.firstBuckets[index]! + bucket * layout.strides[index]!);
    families.push({
      head: headText(name, 'histogram', histogram.help),
      prefix: `${name}_bucket{`,
      cells: [...buckets, SUMS + index],
      suffixes: bounds.map((bound) => Buffer.from(`,le="${bound}"} `)),
      sumPrefix: `${name}_sum{`,
      countPrefix: `${name}_count{`,
    });
  }
  return families;
}

/** A bound as Go writes it, which is what dashboards name it by: `0.005`, `100000`, `1e+06`. */
export function toGoFloat(value: number): string {
  const [mantissa, power] = value.toExponential().split('e') as [string, string];
  const exponent = Number(power);
  if (value === 0 || (exponent >= -4 && exponent < 6)) return String(value);
  return `${mantissa}e${power[0]}${power.slice(1).padStart(2, '0')}`;
}

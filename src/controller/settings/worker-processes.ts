import { parseGoInt } from '../../lib/nginx-values.ts';
import type { Findings } from '../../model/finding.ts';
import type { SourceRef } from '../../model/source.ts';

/** The key is read at start alone. */
export const WORKER_KEY = 'worker-processes';

/** Each is a thread with tens of MB. */
const WORKERS_MAX = 256;

/** How many workers there are, and why. */
export interface WorkerCount {
  readonly running: number;
  /** What `auto` stands for. */
  readonly auto: number;
  /** `--workers` was given, and counts before the ConfigMap. */
  readonly isFlagged: boolean;
}

/** Chooses the number of workers at start: what the flag says, else the text of the ConfigMap, else `auto`. */
export function countWorkers(flagged: number, text: string | undefined, auto: number): WorkerCount {
  if (flagged > 0) return { running: flagged, auto, isFlagged: true };
  return { running: wantedWorkers(text, auto) ?? auto, auto, isFlagged: false };
}

/** Undefined: the text is no number of workers. */
function wantedWorkers(text = '', auto: number): number | undefined {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === 'auto') return auto;
  const count = parseGoInt(trimmed);
  return count !== undefined && count >= 1 && count <= WORKERS_MAX ? count : undefined;
}

/** Tells of what cannot be read, and of what is not in force; `count` is undefined where nothing runs. */
export function reportWorkers(
  text: string | undefined,
  count: WorkerCount | undefined,
  source: SourceRef,
  findings: Findings,
): void {
  const field = `data.${WORKER_KEY}`;
  const value = text ?? '';
  const wanted = wantedWorkers(text, count?.auto ?? 1);
  if (wanted === undefined) {
    const problem = `is neither auto nor a whole number from 1 to ${WORKERS_MAX}`;
    const consequence = 'it counts as auto, at the next start';
    findings.warn(source, 'InvalidSetting', { field, value, problem, consequence });
    return;
  }
  if (count === undefined || wanted === count.running || (count.isFlagged && value === '')) return;
  const there = count.running === 1 ? 'there is 1 worker' : `there are ${count.running} workers`;
  findings.warn(
    source,
    'SettingNotInForce',
    count.isFlagged
      ? { field, value, problem: 'stands behind --workers', consequence: there }
      : {
          field,
          value,
          problem: `asks for ${wanted}, and ${there}`,
          consequence: 'it takes effect at the next start',
        },
  );
}

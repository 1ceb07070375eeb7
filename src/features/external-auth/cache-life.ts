import { parseNginxTimeMs, splitList } from '../../lib/nginx-values.ts';
import type { Parser } from '../kit/feature.ts';
import type { Answer } from '../kit/subrequest.ts';

/** How long answers of some statuses are good. */
export interface CacheDuration {
  readonly statuses: readonly number[];
  readonly ms: number;
}

export const DEFAULT_DURATIONS: readonly CacheDuration[] = [{ statuses: [200, 202, 401], ms: 300_000 }];

/** Statuses that a duration without any is for, as nginx has it. */
const USUAL_STATUSES: readonly number[] = [200, 301, 302];

const ITEM = /^(?:\d{3} +)*\d{1,9}(?:ms|[smhdwMy])$/;

/** Comma list of `[statuses] duration`: `200 202 10m, 401 1m`. */
export const cacheDurations: Parser<readonly CacheDuration[]> = (raw) => {
  const durations: CacheDuration[] = [];
  for (const item of splitList(raw)) {
    const words = item.split(/ +/);
    const ms = ITEM.test(item) ? parseNginxTimeMs(words.pop()!) : undefined;
    if (ms === undefined)
      return { ok: false, problem: `has the item "${item}", which is no [statuses] duration` };
    durations.push({ statuses: words.length === 0 ? USUAL_STATUSES : words.map(Number), ms });
  }
  return { ok: true, value: durations };
};

/** Headers of an answer that decide how long it is good. */
export const LIFE_HEADERS: readonly string[] = [
  'x-accel-expires',
  'cache-control',
  'expires',
  'date',
  'set-cookie',
];

/**
 * How long an answer is good, in milliseconds; 0: not at all. Only statuses that have a duration are kept; what the answer itself says
 * comes before that, as in nginx, and what sets a cookie is for one client alone.
 */
export function lifeOf(answer: Answer, durations: readonly CacheDuration[]): number {
  const duration = durations.find(({ statuses }) => statuses.includes(answer.status));
  if (duration === undefined || answer.header('set-cookie') !== undefined) return 0;
  return ownLifeOf(answer) ?? duration.ms;
}

/** What the answer itself says; undefined: nothing. */
function ownLifeOf(answer: Answer): number | undefined {
  const accel = answer.header('x-accel-expires');
  if (accel !== undefined) return /^\d{1,9}$/.test(accel) ? Number(accel) * 1_000 : 0;
  const control = answer.headers('cache-control').join(',').toLowerCase();
  if (/\b(?:no-cache|no-store|private)\b/.test(control)) return 0;
  const age = /\bs-maxage=(\d{1,9})/.exec(control) ?? /\bmax-age=(\d{1,9})/.exec(control);
  if (age !== null) return Number(age[1]) * 1_000;
  const expires = answer.header('expires');
  if (expires === undefined) return undefined;
  const ms = Date.parse(expires) - Date.parse(answer.header('date') ?? '');
  return ms > 0 ? ms : 0;
}

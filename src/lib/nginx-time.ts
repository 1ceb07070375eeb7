/* How nginx writes times. */

const CACHED_TIMES = 4096;
const times: string[] = [];

/** Milliseconds as seconds with three digits: `0.007`. */
export function toSeconds(durationMs: number): string {
  const ms = durationMs > 0 ? Math.round(durationMs) : 0;
  if (ms >= CACHED_TIMES) return (ms / 1000).toFixed(3);
  return (times[ms] ??= (ms / 1000).toFixed(3));
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number): string => String(value).padStart(2, '0');

let localSecond = -1;
let localText = '';
let isoSecond = -1;
let isoText = '';

/** `$time_local`: `23/Nov/2026:13:41:48 +0000`, in the time zone of the process; made once a second. */
export function toLocalTime(atMs: number): string {
  const second = Math.floor(atMs / 1000);
  if (second !== localSecond) {
    const date = new Date(second * 1000);
    const day = `${two(date.getDate())}/${MONTHS[date.getMonth()]}/${date.getFullYear()}`;
    localText = `${day}:${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())} ${zoneOf(date, '')}`;
    localSecond = second;
  }
  return localText;
}

/** `$time_iso8601`: `2026-11-23T13:41:48+00:00`; made once a second. */
export function toIsoTime(atMs: number): string {
  const second = Math.floor(atMs / 1000);
  if (second !== isoSecond) {
    const date = new Date(second * 1000);
    const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    isoText = `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}${zoneOf(date, ':')}`;
    isoSecond = second;
  }
  return isoText;
}

function zoneOf(date: Date, separator: string): string {
  const minutes = -date.getTimezoneOffset();
  const absolute = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(absolute / 60))}${separator}${two(absolute % 60)}`;
}

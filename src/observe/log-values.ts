/* How nginx writes values in a log line: escapes, times, numbers. Text holds one byte per character (latin1), as heads do. */

export type LogEscape = 'default' | 'json' | 'none';

// All but printable ASCII without `"` and `\`; for JSON all but what is below a blank, `"`, `\` and what is no byte.
const NEEDS_ESCAPE = /[^ !#-[\]-~]/;
const ESCAPED = /[^ !#-[\]-~]/g;
const NEEDS_JSON_ESCAPE = /[^ !#-[\]-\xff]/;
const JSON_ESCAPED = /[^ !#-[\]-\xff]/g;
const BEYOND_ASCII = /[\x80-\xff]/;
/** A character of several bytes as UTF-8 has it (RFC 3629 §4), or one byte that belongs to none. */
const UTF8_CHARACTER =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;
const JSON_SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
};

/** `"`, `\`, controls and bytes beyond ASCII as `\xHH`. */
export function escapeDefault(text: string): string {
  return NEEDS_ESCAPE.test(text) ? text.replace(ESCAPED, toHexEscape) : text;
}

/** As in a JSON string: UTF-8 stays, and a byte that is none is `\u00HH`, so that the line is UTF-8 as JSON must be (RFC 8259 §8.1). */
export function escapeJson(text: string): string {
  const escaped = NEEDS_JSON_ESCAPE.test(text) ? text.replace(JSON_ESCAPED, toJsonEscape) : text;
  return BEYOND_ASCII.test(escaped) ? escaped.replace(UTF8_CHARACTER, toJsonCharacter) : escaped;
}

function toJsonCharacter(bytes: string): string {
  return bytes.length > 1 ? bytes : toJsonEscape(bytes);
}

function toHexEscape(char: string): string {
  return `\\x${(char.charCodeAt(0) & 255).toString(16).toUpperCase().padStart(2, '0')}`;
}

function toJsonEscape(char: string): string {
  return JSON_SHORT[char] ?? `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** Text of ours (names, paths of Ingresses) as its UTF-8 bytes, one per character. */
export function toOctets(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

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

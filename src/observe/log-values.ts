/* How nginx escapes values in a log line. Text holds one byte per character (latin1), as heads do. */

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

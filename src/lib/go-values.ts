const INTEGER =
  /^([+-]?)(?:0[xX]((?:_?[0-9a-fA-F])+)|0[bB]((?:_?[01])+)|0[oO]?((?:_?[0-7])+)|(0|[1-9](?:_?[0-9])*))$/;
const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

/**
 * A whole number as Go's strconv.ParseInt takes it with base 0: `80`, `0x50`, `0o120`, `0120`, `0b101`, `1_000`. Undefined for
 * anything else, and for what does not fit 64 bits.
 */
export function parseGoInteger(text: string): number | undefined {
  const match = INTEGER.exec(text);
  if (match === null) return undefined;
  const [, sign, hex, binary, octal, decimal] = match;
  const digits = (part: string) => part.replaceAll('_', '');
  let value: bigint;
  if (hex !== undefined) value = BigInt(`0x${digits(hex)}`);
  else if (binary !== undefined) value = BigInt(`0b${digits(binary)}`);
  else if (octal !== undefined) value = BigInt(`0o${digits(octal)}`);
  else value = BigInt(digits(decimal!));
  if (sign === '-') value = -value;
  return value > INT64_MAX || value < INT64_MIN ? undefined : Number(value);
}

const DECIMAL = /^[+-]?(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?$/;
const HEXADECIMAL = /^([+-]?)0[xX]_?([0-9a-fA-F_]*)\.?([0-9a-fA-F_]*)[pP]([+-]?\d+)$/;

/** A number as Go's strconv.ParseFloat takes it; undefined for anything else, and for what is too large. */
export function parseGoFloat(text: string): number | undefined {
  const word = text.toLowerCase();
  if (/^[+-]?inf(?:inity)?$/.test(word)) return word.startsWith('-') ? -Infinity : Infinity;
  if (word === 'nan') return NaN;
  if (DECIMAL.test(text)) {
    const value = Number(text.replaceAll('_', ''));
    return Number.isFinite(value) ? value : undefined;
  }
  const match = HEXADECIMAL.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction = '', exponent] = match.map((part) => part?.replaceAll('_', ''));
  if (whole === '' && fraction === '') return undefined;
  const value = Number(`0x${whole}${fraction}`) * 2 ** (Number(exponent) - 4 * fraction.length);
  if (!Number.isFinite(value)) return undefined;
  return sign === '-' ? -value : value;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  // The micro sign and the Greek letter.
  '\u00b5s': 1e-6,
  '\u03bcs': 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};
const PART = '(\\d+\\.?\\d*|\\.\\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)';
const DURATION = new RegExp(`^[+-]?(?:0|(?:${PART})+)$`);
const DURATION_PART = new RegExp(PART, 'g');
/** The longest Go duration: 64 bits of nanoseconds. */
const DURATION_MAX_SECONDS = 2 ** 63 / 1e9;

/** Seconds of a duration as Go's time.ParseDuration takes it: `90s`, `1h2m`, `1.5h`, `100us`, `-1s`, `0`. */
export function parseGoDuration(text: string): number | undefined {
  if (!DURATION.test(text)) return undefined;
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(DURATION_PART))
    seconds += Number(amount) * UNIT_SECONDS[unit!]!;
  if (seconds > DURATION_MAX_SECONDS) return undefined;
  return seconds === 0 ? 0 : text.startsWith('-') ? -seconds : seconds;
}

/** The fields of one line as Go's encoding/csv takes them; undefined for a quote where none may be. */
export function parseGoCsv(text: string): string[] | undefined {
  const fields: string[] = [];
  let rest = text;
  while (true) {
    const match = /^(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/.exec(rest);
    if (match === null) return undefined;
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2]!);
    if (match[3] === '') return fields;
    rest = rest.slice(match[0].length);
  }
}

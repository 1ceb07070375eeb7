const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);

/** A boolean as Go's strconv.ParseBool takes it; undefined for anything else (`yes` and `on` included). */
export function parseGoBool(text: string): boolean | undefined {
  return TRUE.has(text) ? true : FALSE.has(text) ? false : undefined;
}

/** A whole number as Go's strconv.Atoi takes it: optional sign, digits, no spaces. */
export function parseGoInt(text: string): number | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Bytes of an nginx size: digits and an optional k, m or g of either case. */
export function parseNginxSize(text: string): number | undefined {
  const match = /^(\d+)([kmg]?)$/i.exec(text);
  if (match === null) return undefined;
  const bytes = Number(match[1]) * SIZE_UNITS[match[2]!.toLowerCase()]!;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

const TIME_UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  M: 2_592_000_000,
  y: 31_536_000_000,
};

/** Milliseconds of an nginx time such as `75`, `10m` or `1h 30m`; a number without a unit is seconds. */
export function parseNginxTimeMs(text: string): number | undefined {
  // Where the first number ends is never open: digits by the thousand are read once.
  if (!/^\d+(?:ms|[smhdwMy]|(?=\s|$))(?:\s*\d+(?:ms|[smhdwMy]))*$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|[smhdwMy])?/g)) {
    total += Number(amount) * TIME_UNITS_MS[unit ?? 's']!;
  }
  return Number.isSafeInteger(total) ? total : undefined;
}

/** Items of a comma list, trimmed, empty ones dropped. */
export function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

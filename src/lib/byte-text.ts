// oxlint-disable-next-line no-control-regex -- all of ASCII
const ASCII = /^[\u0000-\u007f]*$/;

/** Text as one character per UTF-8 byte: the form that heads, request paths and everything beside them have in the data plane. */
export function toByteText(text: string): string {
  return ASCII.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/** Plain data with every text in it, at any depth, as bytes, but for what is under a key of `kept`; itself where that changes nothing. */
export function toByteTexts<T>(value: T, kept: ReadonlySet<string>): T {
  return convert(value, kept) as T;
}

function convert(value: unknown, kept: ReadonlySet<string>): unknown {
  if (typeof value === 'string') return toByteText(value);
  if (typeof value !== 'object' || value === null) return value;
  let changed: Record<string, unknown> | unknown[] | undefined;
  for (const [key, before] of Object.entries(value)) {
    if (kept.has(key)) continue;
    const after = convert(before, kept);
    if (after === before) continue;
    changed ??= Array.isArray(value) ? value.slice() : { ...value };
    (changed as Record<string, unknown>)[key] = after;
  }
  return changed ?? value;
}

/** Longer values are read anew each time. */
const KEPT_CHARACTERS = 100;
const KEPT_VALUES = 64;

const ITEM = /^[ \t]*([^ \t;]+)[ \t]*(?:;[ \t]*q[ \t]*=[ \t]*([\d.]+)[ \t]*)?$/i;

/** Which of these content codings an Accept-Encoding wants most; of several that it wants equally, the first. `*` names none (as in nginx). */
export function preferredCoding<T extends string>(codings: readonly T[], value: string): T | undefined {
  let best: T | undefined;
  let bestQuality = 0;
  let bestIndex = codings.length;
  for (const item of value.split(',')) {
    const match = ITEM.exec(item);
    if (match === null) continue;
    const name = match[1]!.toLowerCase();
    const index = codings.findIndex((coding) => coding === name);
    if (index < 0) continue;
    const quality = match[2] === undefined ? 1 : qualityOf(match[2]);
    if (quality < bestQuality || quality === 0 || (quality === bestQuality && index > bestIndex)) continue;
    best = codings[index];
    bestQuality = quality;
    bestIndex = index;
  }
  return best;
}

/** What is no quality of RFC 9110 §12.4.2 wants nothing. */
function qualityOf(text: string): number {
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}

/** Remembers what the few values that clients send come to. */
export class CodingChoice<T extends string> {
  readonly #codings: readonly T[];
  readonly #kept = new Map<string, T | undefined>();

  constructor(codings: readonly T[]) {
    this.#codings = codings;
  }

  of(value: string): T | undefined {
    if (this.#kept.has(value)) return this.#kept.get(value);
    const coding = preferredCoding(this.#codings, value);
    if (value.length <= KEPT_CHARACTERS) {
      if (this.#kept.size >= KEPT_VALUES) this.#kept.clear();
      this.#kept.set(value, coding);
    }
    return coding;
  }
}

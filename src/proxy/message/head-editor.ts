import type { HeadEditor, ResponseEditor } from '../../features/kit/filter.ts';
import { isGuardedAlike } from './known-headers.ts';
import { checkHeader, headerLine, type HeadText, joinLines, parsedLines } from './head-text.ts';

/**
 * Edits header lines (each ended by CRLF) for filters; only heads that a filter looks at pass through here. They are taken apart when a
 * name is asked for that is among them: most of the time none is.
 */
export class LinesEditor implements HeadEditor {
  #names: string[] = [];
  #lowerNames: string[] = [];
  #values: string[] = [];
  #lines: HeadText;
  /** The lines in lower case behind a line end, once somebody asked for a name. */
  #lower: string | undefined = undefined;
  #isTakenApart = false;

  constructor(lines: HeadText) {
    this.#lines = lines;
  }

  get(lowerName: string): string | undefined {
    if (!this.#has(lowerName)) return undefined;
    let found: string | undefined;
    for (let i = 0; i < this.#lowerNames.length; i++) {
      if (this.#lowerNames[i] !== lowerName) continue;
      found = found === undefined ? this.#values[i] : `${found}, ${this.#values[i]}`;
    }
    return found;
  }

  set(name: string, value: string): void {
    const lowerName = name.toLowerCase();
    if (!this.#has(lowerName)) {
      this.append(name, value);
      return;
    }
    const first = this.#lowerNames.indexOf(lowerName);
    if (first < 0) {
      this.append(name, value);
      return;
    }
    checkHeader(name, value);
    this.#names[first] = name;
    this.#values[first] = value;
    this.#removeFrom(first + 1, lowerName);
  }

  append(name: string, value: string): void {
    if (this.#isTakenApart) {
      checkHeader(name, value);
      this.#push(name, value);
      return;
    }
    const line = headerLine(name, value);
    this.#lines = joinLines(this.#lines, line);
    if (this.#lower !== undefined) this.#lower += line.toLowerCase();
  }

  replace(lowerName: string, make: (value: string) => string): void {
    if (!this.#has(lowerName)) return;
    for (let i = 0; i < this.#names.length; i++) {
      if (this.#lowerNames[i] !== lowerName) continue;
      const value = make(this.#values[i]!);
      checkHeader(lowerName, value);
      this.#values[i] = value;
    }
  }

  remove(lowerName: string): void {
    if (this.#has(lowerName)) this.#removeFrom(0, lowerName);
  }

  /** The lines as they are now. */
  toLines(): HeadText {
    // An empty value may lack its blank.
    if (!this.#isTakenApart && this.#lines.includes(':\r\n')) this.#takeApart();
    if (!this.#isTakenApart) return this.#lines;
    let lines = '';
    for (let i = 0; i < this.#names.length; i++) lines += `${this.#names[i]}: ${this.#values[i]}\r\n`;
    return parsedLines(lines);
  }

  /** Whether the name may be among them; they are then taken apart. */
  #has(lowerName: string): boolean {
    if (this.#isTakenApart) return true;
    this.#lower ??= `\n${this.#lines.toLowerCase()}`;
    if (!this.#lower.includes(`\n${lowerName}:`)) return false;
    this.#takeApart();
    return true;
  }

  #takeApart(): void {
    this.#isTakenApart = true;
    const lines = this.#lines;
    let start = 0;
    for (let end = lines.indexOf('\r\n'); end >= 0; end = lines.indexOf('\r\n', start)) {
      const colon = lines.indexOf(':', start);
      this.#push(lines.slice(start, colon), lines.slice(colon + 1, end).trim());
      start = end + 2;
    }
  }

  #push(name: string, value: string): void {
    this.#names.push(name);
    this.#lowerNames.push(name.toLowerCase());
    this.#values.push(value);
  }

  /** Removes the lines whose lower-case names it is told to. */
  protected removeWhere(isOut: (lowerName: string) => boolean): void {
    if (!this.#isTakenApart) this.#takeApart();
    for (const lowerName of new Set(this.#lowerNames)) if (isOut(lowerName)) this.#removeFrom(0, lowerName);
  }

  #removeFrom(start: number, lowerName: string): void {
    for (let i = this.#lowerNames.length - 1; i >= start; i--) {
      if (this.#lowerNames[i] !== lowerName) continue;
      this.#names.splice(i, 1);
      this.#lowerNames.splice(i, 1);
      this.#values.splice(i, 1);
    }
  }
}

/**
 * Where clients may write `_` in names: what is set or removed takes with it what the client wrote that differs by `_` for `-` alone, as some
 * backends read both as one.
 */
export class UnderscoreLinesEditor extends LinesEditor {
  readonly #own = new Set<string>();

  override set(name: string, value: string): void {
    const lowerName = name.toLowerCase();
    this.#own.add(lowerName);
    this.#removeAlike(lowerName);
    super.set(name, value);
  }

  override append(name: string, value: string): void {
    this.#own.add(name.toLowerCase());
    super.append(name, value);
  }

  override remove(lowerName: string): void {
    this.#own.delete(lowerName);
    this.#removeAlike(lowerName);
    super.remove(lowerName);
  }

  #removeAlike(lowerName: string): void {
    // Of names that are guarded the client's lines are gone already, and those that are there are the proxy's.
    if (isGuardedAlike(lowerName)) return;
    const plain = lowerName.replaceAll('_', '-');
    this.removeWhere(
      (other) => other !== lowerName && !this.#own.has(other) && other.replaceAll('_', '-') === plain,
    );
  }
}

export class ResponseLinesEditor extends LinesEditor implements ResponseEditor {
  status: number;
  readonly isLocal: boolean;

  constructor(status: number, lines: HeadText, isLocal: boolean) {
    super(lines);
    this.status = status;
    this.isLocal = isLocal;
  }
}

import type { HeadEditor, ResponseEditor } from '../../features/kit/filter.ts';
import { checkHeader, type HeadText, parsedLines } from './head-text.ts';

/** Edits header lines (each ended by CRLF) for filters; only heads that a filter looks at pass through here. */
export class LinesEditor implements HeadEditor {
  #names: string[] = [];
  #lowerNames: string[] = [];
  #values: string[] = [];

  constructor(lines: HeadText) {
    let start = 0;
    for (let end = lines.indexOf('\r\n'); end >= 0; end = lines.indexOf('\r\n', start)) {
      const colon = lines.indexOf(':', start);
      this.#push(lines.slice(start, colon), lines.slice(colon + 1, end).trim());
      start = end + 2;
    }
  }

  get(lowerName: string): string | undefined {
    let found: string | undefined;
    for (let i = 0; i < this.#lowerNames.length; i++) {
      if (this.#lowerNames[i] !== lowerName) continue;
      found = found === undefined ? this.#values[i] : `${found}, ${this.#values[i]}`;
    }
    return found;
  }

  set(name: string, value: string): void {
    const lowerName = name.toLowerCase();
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
    checkHeader(name, value);
    this.#push(name, value);
  }

  replace(lowerName: string, make: (value: string) => string): void {
    for (let i = 0; i < this.#names.length; i++) {
      if (this.#lowerNames[i] !== lowerName) continue;
      const value = make(this.#values[i]!);
      checkHeader(lowerName, value);
      this.#values[i] = value;
    }
  }

  remove(lowerName: string): void {
    this.#removeFrom(0, lowerName);
  }

  /** The lines as they are now. */
  toLines(): HeadText {
    let lines = '';
    for (let i = 0; i < this.#names.length; i++) lines += `${this.#names[i]}: ${this.#values[i]}\r\n`;
    return parsedLines(lines);
  }

  #push(name: string, value: string): void {
    this.#names.push(name);
    this.#lowerNames.push(name.toLowerCase());
    this.#values.push(value);
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

export class ResponseLinesEditor extends LinesEditor implements ResponseEditor {
  status: number;
  readonly isLocal: boolean;

  constructor(status: number, lines: HeadText, isLocal: boolean) {
    super(lines);
    this.status = status;
    this.isLocal = isLocal;
  }
}

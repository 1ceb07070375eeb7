import type { Answer } from '../../features/kit/subrequest.ts';
import type { HeaderBlock } from '../message/heads.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';

const NONE: readonly string[] = [];

/** An answer as it is kept: what was wanted of its head and body, apart from the connection it came by. */
export class AnswerRecord implements Answer {
  readonly status: number;
  readonly failure: ProxyErrorCode | undefined;
  body = '';
  isBodyCut = false;
  /** Estimate of what it holds. */
  readonly headBytes: number;
  /** Names in Vary, in lower case; undefined: none. */
  readonly vary: readonly string[] | undefined;
  readonly #lines: ReadonlyMap<string, readonly string[]>;

  private constructor(
    status: number,
    failure: ProxyErrorCode | undefined,
    lines: ReadonlyMap<string, readonly string[]>,
    headBytes: number,
    vary: readonly string[] | undefined,
  ) {
    this.status = status;
    this.failure = failure;
    this.headBytes = headBytes;
    this.vary = vary;
    this.#lines = lines;
  }

  static failed(code: ProxyErrorCode): AnswerRecord {
    return new AnswerRecord(0, code, new Map(), 0, undefined);
  }

  static of(status: number, headers: HeaderBlock, kept: ReadonlySet<string>): AnswerRecord {
    const lines = new Map<string, string[]>();
    for (let i = 0; i < headers.count; i++) {
      const name = headers.lowerNameAt(i);
      if (!kept.has(name)) continue;
      const values = lines.get(name);
      if (values === undefined) lines.set(name, [headers.valueAt(i)]);
      else values.push(headers.valueAt(i));
    }
    const vary = headers.get('vary')?.toLowerCase();
    const names = vary?.split(',').flatMap((name) => name.trim() || []);
    return new AnswerRecord(status, undefined, lines, headers.text.length, names);
  }

  header(lowerName: string): string | undefined {
    return this.#lines.get(lowerName)?.[0];
  }

  headers(lowerName: string): readonly string[] {
    return this.#lines.get(lowerName) ?? NONE;
  }
}

import { percentEncode } from '../../lib/escape-path.ts';
import type { Captures } from '../../lib/variables/source.ts';

/* How nginx escapes captures that go into a query or a redirect (one character per byte). */

/** Captures with what a query must not hold percent-encoded, where the request's own path had anything encoded. */
export class EscapedCaptures implements Captures {
  readonly #captures: Captures;
  #isEscaped = false;

  constructor(captures: Captures) {
    this.#captures = captures;
  }

  /** Looks at the target of the request that is next. */
  begin(target: string): void {
    const end = target.indexOf('?');
    const path = end < 0 ? target : target.slice(0, end);
    this.#isEscaped = path.includes('%') || path.includes('+');
  }

  capture(number: number): string {
    return this.#escape(this.#captures.capture(number));
  }

  group(name: string): string | undefined {
    const text = this.#captures.group(name);
    return text === undefined ? undefined : this.#escape(text);
  }

  #escape(text: string): string {
    return this.#isEscaped ? text.replace(/[\0-\x20"#%&+<>?\\^`{|}\x7f-\xff]/g, percentEncode) : text;
  }
}

/**
 * Decodes what a Location may have as it is, up to the first `?`: encoded blanks, `%`, quotes and bytes beyond ASCII stay, `%2F` becomes
 * a slash.
 */
export function decodeLocation(text: string): string {
  let out = '';
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (character === '?') break;
    if (character !== '%' || !/^[0-9a-f]{2}$/i.test(text.slice(at + 1, at + 3))) continue;
    const code = Number.parseInt(text.slice(at + 1, at + 3), 16);
    if (code > 0x25 && code < 0x7f) {
      out += text.slice(from, at) + String.fromCharCode(code);
      from = at + 3;
    }
    at += 2;
    if (code === 0x3f) break;
  }
  return out + text.slice(from);
}

/** Encodes what would end a line or a request target: variables with parts of a decoded path may hold it. */
export function encodeLineBreakers(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control bytes are what must be encoded
  return text.replace(/[\0-\x20\x7f]/g, percentEncode);
}

import { toByteText } from '../../lib/byte-text.ts';
import type { Claims } from './token-verifier.ts';

/** Characters that have no place in a header; whoever signed the token, they are not sent. */
// oxlint-disable-next-line no-control-regex -- control characters are what is looked for
const CONTROL = /[\0-\x1f\x7f]/;
const LENGTH_MAX = 4_096;

/** A claim as the value of a header, as bytes: texts, numbers and truth values, and lists of them. Undefined: there is none that can be sent. */
export function claimText(claims: Claims, path: string): string | undefined {
  const value = Object.hasOwn(claims, path)
    ? claims[path]
    : path.split('.').reduce<unknown>(stepInto, claims);
  const text = Array.isArray(value) ? listText(value) : scalarText(value);
  if (text === undefined || text === '' || text.length > LENGTH_MAX || CONTROL.test(text)) return undefined;
  return toByteText(text);
}

function stepInto(within: unknown, name: string): unknown {
  if (within === null || typeof within !== 'object' || !Object.hasOwn(within, name)) return undefined;
  return (within as Record<string, unknown>)[name];
}

function scalarText(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}

/** Undefined where an item is no scalar or has the comma that separates them. */
function listText(items: readonly unknown[]): string | undefined {
  const texts = items.map(scalarText);
  return texts.some((text) => text === undefined || text.includes(',')) ? undefined : texts.join(',');
}

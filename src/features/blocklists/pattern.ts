import { toRegex } from '../../lib/pcre.ts';

export type Pattern =
  | { readonly ok: true; readonly matches: (value: string) => boolean }
  | { readonly ok: false; readonly problem: string };

/** An item as nginx's `map` reads it: text without regard to case, `~regex`, or `~*regex` without regard to case. */
export function toPattern(item: string): Pattern {
  if (!item.startsWith('~')) {
    const wanted = item.toLowerCase();
    return { ok: true, matches: (value) => value.toLowerCase() === wanted };
  }
  const isCaseIgnored = item.startsWith('~*');
  const regex = toRegex(item.slice(isCaseIgnored ? 2 : 1));
  if (!regex.ok) return regex;
  const pattern = new RegExp(regex.source, isCaseIgnored ? 'i' : '');
  return { ok: true, matches: (value) => pattern.test(value) };
}

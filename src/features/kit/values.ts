import { isNetwork } from '../../lib/cidr.ts';
import { parseGoBool, parseGoInt, parseNginxSize, splitList } from '../../lib/nginx-values.ts';
import type { Parser } from './feature.ts';

const refuse = (problem: string): { readonly ok: false; readonly problem: string } => ({
  ok: false,
  problem,
});

/** What `parse` takes, as far as it also `holds`. */
export function where<T>(parse: Parser<T>, holds: (value: T) => boolean, problem: string): Parser<T> {
  return (raw) => {
    const parsed = parse(raw);
    return parsed.ok && !holds(parsed.value) ? refuse(problem) : parsed;
  };
}

/** Go's strconv.ParseBool; `yes` and `on` are invalid (docs/reference/annotations.md §0.1). */
export const bool: Parser<boolean> = (raw) => {
  const value = parseGoBool(raw);
  return value === undefined ? refuse('is not a boolean') : { ok: true, value };
};

/** Go's strconv.Atoi. */
export const int: Parser<number> = (raw) => {
  const value = parseGoInt(raw);
  return value === undefined ? refuse('is not a whole number') : { ok: true, value };
};

/** `on` or `off`. */
export const onOff: Parser<boolean> = (raw) =>
  raw === 'on' || raw === 'off' ? { ok: true, value: raw === 'on' } : refuse('is neither on nor off');

/** Whole seconds, given as milliseconds. Less than 1 has no meaning for a timeout. */
export const seconds: Parser<number> = (raw) => {
  const value = parseGoInt(raw);
  return value === undefined || value < 0
    ? refuse('is not a whole number of seconds')
    : { ok: true, value: value * 1_000 };
};

/** nginx size in bytes; the suffix `b` passes ingress-nginx's validator but is applied by nobody. */
export const size: Parser<number> = (raw) => {
  const value = parseNginxSize(raw);
  if (value !== undefined) return { ok: true, value };
  return refuse(
    /^\d+b$/i.test(raw) ? 'has the unit b, which nginx does not apply' : 'is not a size such as 8k or 1m',
  );
};

/** One of the given words, as written or, with `isCaseIgnored`, in any case; the value is the word as listed. */
export function oneOf<const T extends string>(words: readonly T[], isCaseIgnored = false): Parser<T> {
  return (raw) => {
    const text = isCaseIgnored ? raw.toLowerCase() : raw;
    const value = words.find((word) => (isCaseIgnored ? word.toLowerCase() : word) === text);
    return value === undefined ? refuse(`is not one of ${words.join(', ')}`) : { ok: true, value };
  };
}

/** A character class of docs/reference/annotations.md §0.2; with `isSpaceTaken` spaces are no concern of it, and stay in the value. */
function ofClass(pattern: RegExp, what: string, isSpaceTaken = false): Parser<string> {
  return (raw) => {
    const judged = isSpaceTaken ? raw.replaceAll(' ', '') : raw;
    return pattern.test(judged) && !/[\r\n]/.test(judged)
      ? { ok: true, value: raw.trim() }
      : refuse(`has characters outside ${what}`);
  };
}

const BASIC = 'letters, digits and - . _ ~ / :';
export const basic = ofClass(/^[A-Za-z0-9\-._~/:]*$/, BASIC, true);
export const basicWithSpaces = ofClass(/^[A-Za-z0-9\-._~/: ]*$/, `${BASIC} space`);
export const url = ofClass(/^[A-Za-z0-9\-._~/:,?&=]*$/, `${BASIC} , ? & =`, true);
export const urlvar = ofClass(/^[A-Za-z0-9\-._~/:,?&=$]*$/, `${BASIC} , ? & = $`, true);
export const urlKeepingSpaces = ofClass(/^[A-Za-z0-9\-._~/:,?&=]*$/, `${BASIC} , ? & =`);
export const serverish = ofClass(
  /^[A-Za-z0-9\-._~/:^$[\](){}*+?|&=\\]*$/,
  `${BASIC} ^ $ [ ] ( ) { } * + ? | & = \\`,
);
export const pathcap = ofClass(/^\/?[A-Za-z0-9\-._~/:$]*$/, `${BASIC} $`);
export const pathcapStripped = ofClass(/^\/?[A-Za-z0-9\-._~/:$]*$/, `${BASIC} $`, true);
export const nginxvar = ofClass(/^[A-Za-z0-9\-_${}]*$/, 'letters, digits and - _ $ { }');
export const hdrlist = ofClass(/^[A-Za-z0-9\-_, ]*$/, 'letters, digits and - _ , space');
export const ciphers = ofClass(/^[A-Za-z0-9!:+\-_@=., ]*$/, 'cipher list characters');

/** Any text of one line: what an annotation may be whose characters are not judged (--enable-annotation-validation=false). */
export const plainText: Parser<string> = (raw) =>
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused here
  /[\0-\x08\x0a-\x1f\x7f]/.test(raw) ? refuse('has control characters') : { ok: true, value: raw.trim() };

/** Comma list, items trimmed, empty ones dropped, each parsed by `item`. */
export function listOf<T>(item: Parser<T>): Parser<readonly T[]> {
  return (raw) => {
    const values: T[] = [];
    for (const text of splitList(raw)) {
      const parsed = item(text);
      if (!parsed.ok) return refuse(`has the item "${text}", which ${parsed.problem}`);
      values.push(parsed.value);
    }
    return { ok: true, value: values };
  };
}

/** An IP address or a network in CIDR form. */
export const cidr: Parser<string> = (raw) =>
  isNetwork(raw) ? { ok: true, value: raw } : refuse('is no address and no network');

/** Comma list of networks; each must be one, so that a slip of the pen never widens a list. */
export const cidrs: Parser<readonly string[]> = (raw) => {
  const items = raw.split(',').map((item) => item.trim());
  const bad = items.find((item) => !cidr(item).ok);
  return bad === undefined
    ? { ok: true, value: items }
    : refuse(`has the item "${bad}", which is no address and no network`);
};

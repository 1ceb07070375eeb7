import { hash, KeyObject } from 'node:crypto';

/** A stable text of plain data: keys sorted, undefined members left out. Throws TypeError on what is not plain data. */
export function canonicalText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
    case 'boolean':
      return String(value);
    case 'undefined':
      return 'null';
    case 'object':
      break;
    default:
      throw new TypeError(`a ${typeof value} is not plain data`);
  }
  if (value === null) return 'null';
  // Its digest stands beside it (lib/redacted-bytes.ts).
  if (value instanceof KeyObject) return '"redacted"';
  // Its version stands beside it (table/geo.ts).
  if (value instanceof SharedArrayBuffer) return '"shared"';
  if (Array.isArray(value)) {
    let text = '[';
    for (let i = 0; i < value.length; i++) text += (i === 0 ? '' : ',') + canonicalText(value[i]);
    return `${text}]`;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`a ${(value as object).constructor.name} is not plain data`);
  }
  let text = '{';
  for (const key of Object.keys(value).toSorted()) {
    const member = (value as Record<string, unknown>)[key];
    if (member !== undefined)
      text += `${text === '{' ? '' : ','}${JSON.stringify(key)}:${canonicalText(member)}`;
  }
  return `${text}}`;
}

/** Digest of plain data, 27 characters: equal for equal data, whatever the order of keys; SHA-1, so not by chance for others. */
export function digestOf(value: unknown): string {
  return digestOfText(canonicalText(value));
}

/** Digest of a text, 27 characters. */
export function digestOfText(text: string): string {
  return hash('sha1', text, 'base64url');
}

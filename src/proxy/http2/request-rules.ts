import { parseContentLength } from '../message/connection-field.ts';
import { HEADER } from '../message/known-headers.ts';
import { isToken } from '../message/octets.ts';
import type { FieldList } from './field-list.ts';

const SEEN_CONTENT_LENGTH = 1 << HEADER['content-length'];
const TWICE = 12;

/** Declared length of a message; -1: none; -2: one that is none, or two of them. */
export function contentLengthOf(fields: FieldList): number {
  const { seen } = fields;
  if ((seen & SEEN_CONTENT_LENGTH) === 0) return -1;
  if ((seen & (SEEN_CONTENT_LENGTH << TWICE)) !== 0) return -2;
  const length = parseContentLength(fields.byId(HEADER['content-length'])!);
  return length < 0 ? -2 : length;
}

/** Whether it has the pseudo-header fields that a request must have, and none that it must not (RFC 9113 §8.3.1, §8.5, RFC 8441 §4). */
export function isWholeRequest(fields: FieldList): boolean {
  const { method, scheme, path, authority, protocol } = fields;
  if (method === undefined || (method !== 'GET' && !isToken(method))) return false;
  if (method === 'CONNECT') {
    if (authority === undefined || authority === '') return false;
    if (protocol === undefined) return scheme === undefined && path === undefined;
  } else if (protocol !== undefined) {
    return false;
  }
  if (scheme !== 'https' && scheme !== 'http' && !isScheme(scheme)) return false;
  if (protocol !== undefined && !isToken(protocol)) return false;
  return path !== undefined && path !== '';
}

/** RFC 3986 §3.1. */
function isScheme(text: string | undefined): boolean {
  return text !== undefined && /^[a-z][a-z0-9+.-]*$/i.test(text);
}

/** Status of a response; -1 when it has none that could be one (RFC 9113 §8.3.2). 101 is of HTTP/1.1 only (RFC 9113 §8.6). */
export function statusOf(fields: FieldList): number {
  const { status } = fields;
  if (status === undefined || !/^[1-5]\d\d$/.test(status) || status === '101') return -1;
  return Number(status);
}

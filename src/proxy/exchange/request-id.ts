import { randomFillSync } from 'node:crypto';
import { type HeadValue, parsedValue } from '../message/head-text.ts';

const ID_BYTES = 16;
const pool = Buffer.alloc(ID_BYTES * 256);
let hex = '';
let position = 0;

/** 32 random hex digits, as nginx's $request_id. */
export function nextRequestId(): HeadValue {
  if (position === hex.length) {
    randomFillSync(pool);
    hex = pool.toString('hex');
    position = 0;
  }
  const start = position;
  position = start + ID_BYTES * 2;
  return parsedValue(hex.slice(start, position));
}

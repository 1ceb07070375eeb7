import { hash as digest, timingSafeEqual } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { createRequire } from 'node:module';
import { compareSync } from 'bcryptjs';
import { verify } from 'unixcrypt';
import { readHash } from './hash-format.ts';

/** A hash by the salt of another; these libraries have no types for it. */
type Crypt = (password: string, salt: string) => string;

const require = createRequire(import.meta.url);
const md5 = require('apache-md5') as Crypt;
const des = require('unix-crypt-td-js') as Crypt;

/**
 * Whether a password, as bytes in latin1, is the one of a hash. Takes as long as the hash asks for: up to seconds. False for what is no
 * hash.
 */
export function verifyPassword(password: string, hash: string): boolean {
  const format = readHash(hash);
  if (!format.ok) return false;
  switch (format.scheme) {
    case 'plain':
      return areEqual(Buffer.from(password, 'latin1'), Buffer.from(hash.slice(7), 'latin1'));
    case 'sha':
      return areEqual(sha1(password), Buffer.from(hash.slice(5), 'base64'));
    case 'ssha': {
      const bytes = Buffer.from(hash.slice(6), 'base64');
      return areEqual(sha1(password + bytes.toString('latin1', 20)), bytes.subarray(0, 20));
    }
    case 'md5':
      return areEqual(Buffer.from(md5(password, hash)), Buffer.from(hash));
    case 'des':
      return areEqual(Buffer.from(des(password, hash.slice(0, 2))), Buffer.from(hash));
    case 'sha-crypt':
      return asUtf8(password, (text) => verify(text, hash));
    case 'bcrypt':
      return asUtf8(password, (text) => compareSync(text, hash));
  }
}

/** These libraries turn text into UTF-8 themselves, so that other bytes cannot be told to them. */
function asUtf8(password: string, check: (text: string) => boolean): boolean {
  const bytes = Buffer.from(password, 'latin1');
  return isUtf8(bytes) && check(bytes.toString('utf8'));
}

function sha1(latin1: string): Buffer {
  return digest('sha1', Buffer.from(latin1, 'latin1'), 'buffer');
}

/** In a time that tells nothing but the lengths, and of texts of different lengths not even where they differ. */
function areEqual(a: Buffer, b: Buffer): boolean {
  return timingSafeEqual(digest('sha256', a, 'buffer'), digest('sha256', b, 'buffer'));
}

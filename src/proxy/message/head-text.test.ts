import { describe, expect, test } from 'vitest';
import {
  headerLine,
  headerLineIfSafe,
  requestLine,
  requestTarget,
  statusLine,
  UnsafeText,
} from './head-text.ts';

/** CR, LF and NUL, and characters of which a latin1 head would keep the low byte alone. */
const UNSAFE = ['a\r\nb', 'a\rb', 'a\nb', 'a\0b', '\u010d\u010a', '\u2028', '\ud83d\ude00', '\x7f', '\x01'];

describe('a text that would be more than its part of a head is refused', () => {
  for (const text of UNSAFE) {
    test(JSON.stringify(text), () => {
      expect(() => headerLine('X-A', text)).toThrow(UnsafeText);
      expect(() => headerLine(text, 'v')).toThrow(UnsafeText);
      expect(headerLineIfSafe('X-A', text)).toBe('');
      expect(() => requestTarget('GET', `/${text}`)).toThrow(UnsafeText);
      expect(() => requestTarget(text, '/')).toThrow(UnsafeText);
      expect(() => statusLine(200, text)).toThrow(UnsafeText);
    });
  }

  test('a header without a name, a target with a blank or of nothing', () => {
    expect(() => headerLine('', 'v')).toThrow(UnsafeText);
    expect(() => headerLine('X A', 'v')).toThrow(UnsafeText);
    expect(() => requestTarget('GET', '/a b')).toThrow(UnsafeText);
    expect(() => requestTarget('GET', '/a\tb')).toThrow(UnsafeText);
    expect(() => requestTarget('GET', '')).toThrow(UnsafeText);
  });
});

test('bytes above ASCII, tabs and blanks are values', () => {
  expect(headerLine('X-A', 'a \t\u00c3\u00a9')).toBe('X-A: a \t\u00c3\u00a9\r\n');
  expect(headerLine('X-A', '')).toBe('X-A: \r\n');
  expect(requestLine('GET', requestTarget('GET', '/\u00c3\u00a9'), 0)).toBe('GET /\u00c3\u00a9 HTTP/1.0\r\n');
  expect(statusLine(404, 'Not Found')).toBe('HTTP/1.1 404 Not Found\r\n');
});

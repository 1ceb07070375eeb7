import { expect, test } from 'vitest';
import { parsedLines } from './head-text.ts';
import { LinesEditor, ResponseLinesEditor } from './head-editor.ts';

const LINES = parsedLines('X-A: 1\r\nx-b: 2\r\nX-A: 3\r\nEmpty:\r\n');

test('gets by lower-case name, occurrences joined', () => {
  const editor = new LinesEditor(LINES);
  expect(editor.get('x-a')).toBe('1, 3');
  expect(editor.get('empty')).toBe('');
  expect(editor.get('none')).toBeUndefined();
});

test('set replaces all occurrences where the first was, append adds, remove removes', () => {
  const editor = new LinesEditor(LINES);
  editor.set('X-a', '9');
  editor.append('X-B', '4');
  editor.remove('empty');
  editor.set('New', 'n');
  expect(editor.toLines()).toBe('X-a: 9\r\nx-b: 2\r\nX-B: 4\r\nNew: n\r\n');
});

test('a line break is refused', () => {
  const editor = new ResponseLinesEditor(200, LINES, true);
  for (const bad of ['a\r\nb', 'a\nb', 'a\0']) {
    expect(() => editor.set('X', bad)).toThrow(RangeError);
    expect(() => editor.append(bad, 'x')).toThrow(RangeError);
  }
  expect(editor.toLines()).toBe('X-A: 1\r\nx-b: 2\r\nX-A: 3\r\nEmpty: \r\n');
});

test('replaces each occurrence by what is made of it', () => {
  const editor = new LinesEditor(parsedLines('Set-Cookie: a=1\r\nX: y\r\nset-cookie: b=2\r\n'));
  editor.replace('set-cookie', (value) => `${value}; Secure`);
  expect(editor.toLines()).toBe('Set-Cookie: a=1; Secure\r\nX: y\r\nset-cookie: b=2; Secure\r\n');
  expect(() => editor.replace('x', () => 'a\r\nb: c')).toThrow('holds a line break');
});

test('a name that is only part of another, or of a value, is not that one', () => {
  const editor = new LinesEditor(parsedLines('X-User-Id: x-user: 1\r\nMy-X-User: 2\r\n'));
  expect(editor.get('x-user')).toBeUndefined();
  editor.set('X-User', 'ann');
  editor.append('x-user', 'bob');
  expect(editor.get('x-user')).toBe('ann, bob');
  editor.remove('x-user');
  expect(editor.toLines()).toBe('X-User-Id: x-user: 1\r\nMy-X-User: 2\r\n');
});

import { expect, test } from 'vitest';
import { parsedLines } from './head-text.ts';
import { LinesEditor, ResponseLinesEditor, UnderscoreLinesEditor } from './head-editor.ts';

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

test('what is set or removed takes the client look-alikes with it, and leaves what is its own', () => {
  const client =
    'X-Real-IP: 192.0.2.1\r\nX_User: root\r\nx-user: root\r\nX_Groups: root\r\nX-User_Id: 1\r\nX-Mail: m\r\n';
  const editor = new UnderscoreLinesEditor(parsedLines(client));
  editor.set('X-User', 'ann');
  editor.remove('x-groups');
  editor.set('X_Mail', 'a@b');
  editor.set('X_Real_IP', '192.0.2.9');
  expect(editor.toLines()).toBe(
    'X-Real-IP: 192.0.2.1\r\nX-User: ann\r\nX-User_Id: 1\r\nX_Mail: a@b\r\nX_Real_IP: 192.0.2.9\r\n',
  );
});

test('both spellings of a name may be set', () => {
  const editor = new UnderscoreLinesEditor(parsedLines('X_User: root\r\n'));
  editor.set('X-User', 'ann');
  editor.set('X_User', 'ann');
  expect(editor.toLines()).toBe('X-User: ann\r\nX_User: ann\r\n');
});

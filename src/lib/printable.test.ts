import { expect, test } from 'vitest';
import { escapeControls } from './printable.ts';

const cases: { name: string; text: string; want: string }[] = [
  { name: 'plain text stays', text: 'a "b" \\ é 漢', want: 'a "b" \\ é 漢' },
  { name: 'line ends', text: 'a\r\nb\u2028c\u0085d', want: 'a\\u000d\\u000ab\\u2028c\\u0085d' },
  { name: 'escape codes', text: '\u001b[31m\u009b1m\u007f', want: '\\u001b[31m\\u009b1m\\u007f' },
  { name: 'turned writing', text: '\u202eabc\u2066', want: '\\u202eabc\\u2066' },
];
for (const { name, text, want } of cases) {
  test(`escapes controls: ${name}`, () => expect(escapeControls(text)).toBe(want));
}

import { expect, test } from 'vitest';
import { flatText, ownText } from './own-text.ts';

test('texts are the same, whatever bytes they hold', () => {
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1');
  for (const text of ['', 'a', bytes, bytes.slice(3, 90), bytes + bytes]) {
    expect(ownText(text)).toBe(text);
    expect(flatText(text)).toBe(text);
  }
});

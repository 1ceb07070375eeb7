import { expect, test } from 'vitest';
import { BATON_BYTES, giveBaton, takeBaton } from './shared-baton.ts';

test('one has it, whoever else gives it back', () => {
  const memory = new SharedArrayBuffer(BATON_BYTES);
  const cell = new Int32Array(memory);
  takeBaton({ memory, holder: 1 });
  giveBaton({ memory, holder: 2 });
  expect(cell[0]).toBe(1);
  giveBaton({ memory, holder: 1 });
  takeBaton({ memory, holder: 2 });
  expect(cell[0]).toBe(2);
});

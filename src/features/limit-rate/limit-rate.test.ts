import { expect, test } from 'vitest';
import { translateWith } from '../kit/testing.ts';
import { limitRate } from './limit-rate.ts';

const cases: [
  name: string,
  annotations: Record<string, string>,
  settings: Record<string, string>,
  policy: object | undefined,
][] = [
  ['none', {}, {}, undefined],
  ['kilobytes a second', { 'limit-rate': '100' }, {}, { bytesPerSecond: 102_400, freeBytes: 0 }],
  [
    'some of it free',
    { 'limit-rate': '1', 'limit-rate-after': '64' },
    {},
    { bytesPerSecond: 1_024, freeBytes: 65_536 },
  ],
  [
    'the ConfigMap gives both',
    {},
    { 'limit-rate': '2', 'limit-rate-after': '3' },
    { bytesPerSecond: 2_048, freeBytes: 3_072 },
  ],
  ['0 lifts the ConfigMap’s', { 'limit-rate': '0' }, { 'limit-rate': '2' }, undefined],
  ['below 0 is no limit', { 'limit-rate': '-1' }, {}, undefined],
  [
    'what is free counts for the rate that an upstream says',
    { 'limit-rate-after': '1' },
    {},
    { bytesPerSecond: 0, freeBytes: 1_024 },
  ],
];
for (const [name, annotations, settings, policy] of cases) {
  test(name, () => expect(translateWith(limitRate, annotations, { settings }).policy).toEqual(policy));
}

test('a value that is no number is the default', () => {
  expect(translateWith(limitRate, { 'limit-rate': '10k' })).toMatchObject({
    policy: undefined,
    refused: ['limit-rate is not a whole number: default'],
  });
});

import { describe, expect, test } from 'vitest';
import { fakeContext, fakeRequest, translateWith } from '../kit/testing.ts';
import { canary } from './canary.ts';

function decide(
  annotations: Record<string, string>,
  headers: Record<string, string>,
  random = () => 0.5,
): boolean {
  const { policy } = translateWith(canary, { canary: 'true', ...annotations });
  return canary.createDecision!(policy!, fakeContext({ random }))(fakeRequest({ headers }));
}

const header = { 'canary-by-header': 'X-Canary' };
const always = { 'canary-weight': '100' };

describe('the canary decision', () => {
  const cases: [
    name: string,
    annotations: Record<string, string>,
    headers: Record<string, string>,
    want: boolean,
  ][] = [
    ['header always', header, { 'x-canary': 'always' }, true],
    ['header never, whatever the weight', { ...header, ...always }, { 'x-canary': 'never' }, false],
    ['another value falls through to the weight', { ...header, ...always }, { 'x-canary': 'Always' }, true],
    ['an empty value falls through', { ...header, ...always }, { 'x-canary': '' }, true],
    ['underscore and dash are one', { 'canary-by-header': 'x_canary' }, { 'x-canary': 'always' }, true],
    ['a value selects', { ...header, 'canary-by-header-value': 'beta' }, { 'x-canary': 'beta' }, true],
    [
      'a value is case-sensitive',
      { ...header, 'canary-by-header-value': 'beta' },
      { 'x-canary': 'Beta' },
      false,
    ],
    [
      'with a value `always` has no meaning',
      { ...header, 'canary-by-header-value': 'beta' },
      { 'x-canary': 'always' },
      false,
    ],
    [
      'with a value `never` falls through',
      { ...header, ...always, 'canary-by-header-value': 'beta' },
      { 'x-canary': 'never' },
      true,
    ],
    [
      'a pattern is searched',
      { ...header, 'canary-by-header-pattern': 'a+b' },
      { 'x-canary': 'xaaby' },
      true,
    ],
    [
      'a pattern that does not match falls through',
      { ...header, ...always, 'canary-by-header-pattern': '^a$' },
      { 'x-canary': 'b' },
      true,
    ],
    [
      'a pattern is case-sensitive',
      { ...header, 'canary-by-header-pattern': 'beta' },
      { 'x-canary': 'BETA' },
      false,
    ],
    [
      'a pattern may ask for any case, as PCRE does',
      { ...header, 'canary-by-header-pattern': '(?i)beta' },
      { 'x-canary': 'xBETA' },
      true,
    ],
    [
      'a pattern may have possessive loops, as PCRE does',
      { ...header, 'canary-by-header-pattern': '^b++$' },
      { 'x-canary': 'bbb' },
      true,
    ],
    [
      'a value may have a space in it',
      { ...header, 'canary-by-header-value': 'beta two' },
      { 'x-canary': 'beta two' },
      true,
    ],
    [
      'a broken pattern is the primary at once',
      { ...header, ...always, 'canary-by-header-pattern': '(' },
      { 'x-canary': 'b' },
      false,
    ],
    [
      'a broken pattern without the header goes on',
      { ...header, ...always, 'canary-by-header-pattern': '(' },
      {},
      true,
    ],
    [
      'a value wins over a pattern',
      { ...header, 'canary-by-header-value': 'v', 'canary-by-header-pattern': '.*' },
      { 'x-canary': 'x' },
      false,
    ],
    ['cookie always', { 'canary-by-cookie': 'choice' }, { cookie: 'choice=always' }, true],
    ['cookie never', { 'canary-by-cookie': 'choice', ...always }, { cookie: 'choice=never' }, false],
    [
      'the header comes before the cookie',
      { ...header, 'canary-by-cookie': 'choice' },
      { 'x-canary': 'never', cookie: 'choice=always' },
      false,
    ],
    ['weight 0 is never', {}, {}, false],
    ['weight of the total is always', always, {}, true],
    ['a negative weight is never', { 'canary-weight': '-5' }, {}, false],
    ['a total below 100 is 100', { 'canary-weight': '50', 'canary-weight-total': '50' }, {}, false],
  ];
  for (const [name, annotations, headers, want] of cases) {
    test(name, () => expect(decide(annotations, headers, () => 0.9)).toBe(want));
  }

  test('10,000 draws at weight 30 are within 3 sigma', () => {
    let seed = 42;
    const random = () => {
      seed = (seed * 1_664_525 + 1_013_904_223) % 4_294_967_296;
      return seed / 4_294_967_296;
    };
    const { policy } = translateWith(canary, { canary: 'true', 'canary-weight': '30' });
    const choose = canary.createDecision!(policy!, fakeContext({ random }));
    let chosen = 0;
    for (let i = 0; i < 10_000; i++) if (choose(fakeRequest())) chosen++;
    expect(Math.abs(chosen - 3_000)).toBeLessThan(138);
  });

  test('a total above 100 is the denominator', () => {
    const annotations = { 'canary-weight': '500', 'canary-weight-total': '1000' };
    expect(decide(annotations, {}, () => 0.499)).toBe(true);
    expect(decide(annotations, {}, () => 0.5)).toBe(false);
  });
});

test('other canary annotations without canary are a finding', () => {
  expect(translateWith(canary, { 'canary-weight': '10' })).toMatchObject({
    policy: undefined,
    messages: [
      'metadata.annotations[canary]: is not "true" while other canary annotations are set; this is an ordinary Ingress, and the canary annotations are ignored',
    ],
  });
});

test('a broken pattern is a finding', () => {
  const { messages } = translateWith(canary, { canary: 'true', ...header, 'canary-by-header-pattern': '(' });
  expect(messages).toHaveLength(1);
  expect(messages[0]).toMatch(
    /is not a usable regular expression: .*; requests with the header go to the primary$/,
  );
});

test('a header pattern that cannot be linear is a finding', () => {
  const { messages } = translateWith(canary, {
    canary: 'true',
    ...header,
    'canary-by-header-pattern': '(a+)\\1',
  });
  expect(messages).toHaveLength(1);
  expect(messages[0]).toContain('cannot be matched in linear time');
});

test('a header pattern of more than 2 KB sends the header to the primary', () => {
  const pattern = 'a'.repeat(3_000);
  const { messages } = translateWith(canary, {
    canary: 'true',
    ...header,
    'canary-by-header-pattern': pattern,
  });
  expect(messages[0]).toContain('more than 2048 characters; requests with the header go to the primary');
});

import { describe, expect, test } from 'vitest';
import { combineAccess, type Satisfy } from './access.ts';
import type { AccessDenial, AccessVerdict } from './filter.ts';
import { fakeRequest } from './testing.ts';

const FORBIDDEN: AccessDenial = { status: 403 };
const CHALLENGE: AccessDenial = { status: 401, headers: [['WWW-Authenticate', 'Basic realm=""']] };
const SIGN_IN: AccessDenial = { status: 302, countsAs: 401, headers: [['Location', 'https://in.test/']] };
const BROKEN: AccessDenial = { status: 500 };

const cases: [name: string, satisfy: Satisfy, verdicts: AccessVerdict[], answer: AccessVerdict][] = [
  ['all: every check allows', 'all', ['allow', 'allow'], undefined],
  ['all: nobody has anything to say', 'all', [undefined, undefined], undefined],
  ['all: the first that denies answers', 'all', ['allow', FORBIDDEN, CHALLENGE], FORBIDDEN],
  ['all: a check without an opinion does not let in', 'all', [undefined, CHALLENGE], CHALLENGE],
  ['any: one that allows is enough', 'any', [FORBIDDEN, 'allow', CHALLENGE], undefined],
  ['any: the first that allows is enough', 'any', ['allow', BROKEN], undefined],
  ['any: a 401 before a 403', 'any', [FORBIDDEN, CHALLENGE], CHALLENGE],
  ['any: a 401 before a 403 in any order', 'any', [CHALLENGE, FORBIDDEN], CHALLENGE],
  ['any: a 403 where there is no 401', 'any', [FORBIDDEN, undefined], FORBIDDEN],
  ['any: a check without an opinion lets nobody in', 'any', [undefined, CHALLENGE], CHALLENGE],
  ['any: nobody has anything to say', 'any', [undefined, undefined], undefined],
  ['any: a failure ends it at once', 'any', [FORBIDDEN, BROKEN, 'allow'], BROKEN],
  ['any: a redirect to sign in counts as a 401', 'any', [FORBIDDEN, SIGN_IN], SIGN_IN],
  ['any: a redirect to sign in does not come before who allows', 'any', [SIGN_IN, 'allow'], undefined],
];

for (const [name, satisfy, verdicts, answer] of cases) {
  for (const [kind, isLate] of [
    ['at once', () => false],
    ['late', () => true],
    ['one of them late', (index: number) => index === 1],
  ] as const) {
    test(`${name}, ${kind}`, async () => {
      const filters = verdicts.map((verdict, index) => ({
        checkAccess: () => (isLate(index) ? Promise.resolve(verdict) : verdict),
      }));
      expect(await combineAccess(filters, satisfy)!(fakeRequest())).toEqual(answer);
    });
  }
}

describe('the list of checks', () => {
  test('is nothing without checks', () => {
    expect(combineAccess([{ onRequest: () => undefined }], 'any')).toBeUndefined();
  });

  test('answers at once where all checks do', () => {
    const filters = [{ checkAccess: () => 'allow' as const }, { checkAccess: () => FORBIDDEN }];
    expect(combineAccess(filters, 'all')!(fakeRequest())).toBe(FORBIDDEN);
    expect(combineAccess(filters, 'any')!(fakeRequest())).toBeUndefined();
  });

  test('asks nobody after the answer is known', () => {
    const asked: number[] = [];
    const filters = [FORBIDDEN, 'allow' as const, CHALLENGE].map((verdict, index) => ({
      checkAccess: () => {
        asked.push(index);
        return verdict;
      },
    }));
    void combineAccess(filters, 'all')!(fakeRequest());
    void combineAccess(filters, 'any')!(fakeRequest());
    expect(asked).toEqual([0, 0, 1]);
  });

  test.each(['all', 'any'] as const)(
    'leads every 401 to where one signs in, and nothing else: %s',
    async (satisfy) => {
      const answers = [CHALLENGE, Promise.resolve(CHALLENGE), FORBIDDEN, BROKEN, 'allow' as const].map(
        (verdict) =>
          combineAccess([{ checkAccess: () => verdict }, { signIn: () => SIGN_IN }], satisfy)!(fakeRequest()),
      );
      expect(await Promise.all(answers)).toEqual([SIGN_IN, SIGN_IN, FORBIDDEN, BROKEN, undefined]);
    },
  );

  test('sends the challenges of all that ask who the client is', () => {
    const other: AccessDenial = { status: 401, headers: [['WWW-Authenticate', 'Bearer']] };
    const filters = [CHALLENGE, FORBIDDEN, other].map((verdict) => ({ checkAccess: () => verdict }));
    expect(combineAccess(filters, 'any')!(fakeRequest())).toEqual({
      status: 401,
      headers: [
        ['WWW-Authenticate', 'Basic realm=""'],
        ['WWW-Authenticate', 'Bearer'],
      ],
    });
  });

  test('passes on what a check throws', async () => {
    const fault = new Error('broken');
    const filters = [
      { checkAccess: () => Promise.reject(fault) },
      { checkAccess: (): AccessVerdict => 'allow' },
    ];
    await expect(combineAccess(filters, 'any')!(fakeRequest())).rejects.toBe(fault);
    await expect(combineAccess(filters, 'all')!(fakeRequest())).rejects.toBe(fault);
  });
});

import { expect, test } from 'vitest';
import { fakeRequest, filterOf, translateWith } from '../kit/testing.ts';
import { blocklists } from './blocklists.ts';

const cases: [key: string, list: string, headers: Record<string, string>, isRefused: boolean][] = [
  ['block-user-agents', 'evilbot', { 'user-agent': 'EvilBot' }, true],
  ['block-user-agents', 'evilbot', { 'user-agent': 'evilbot/2' }, false],
  ['block-user-agents', 'a, ~Bot', { 'user-agent': 'GoodBot/1' }, true],
  ['block-user-agents', '~Bot', { 'user-agent': 'goodbot' }, false],
  ['block-user-agents', '~*Bot', { 'user-agent': 'goodbot' }, true],
  ['block-user-agents', 'evilbot', {}, false],
  ['block-referers', '~*spam', { referer: 'http://SPAM.test/' }, true],
  ['block-referers', '~*spam', { referer: 'http://a.test/' }, false],
  ['block-referers', '~*spam', { 'user-agent': 'spam' }, false],
];
for (const [key, list, headers, isRefused] of cases) {
  test(`${key}: ${list} ${isRefused ? 'refuses' : 'lets in'} ${JSON.stringify(headers)}`, () => {
    const filter = filterOf(blocklists, {}, undefined, { settings: { [key]: list } });
    expect(filter?.onRequest?.(fakeRequest({ headers }))).toEqual(isRefused ? { status: 403 } : undefined);
  });
}

test('a pattern that cannot be read lets nobody in', () => {
  const { isDenied, messages } = translateWith(blocklists, {}, { settings: { 'block-user-agents': '~(' } });
  expect(isDenied).toBe(true);
  expect(messages[0]).toMatch(/^ConfigMap data\.block-user-agents: "~\(" is not a usable regular expression/);
});

test('without the keys there is no filter', () =>
  expect(translateWith(blocklists, {}).policy).toBeUndefined());

test('a pattern that cannot be linear is told, and counts', () => {
  const { policy, messages } = translateWith(blocklists, {}, { settings: { 'block-referers': '~(a+)\\1!' } });
  expect(policy?.referers).toEqual(['~(a+)\\1!']);
  expect(messages[0]).toMatch(/^ConfigMap data\.block-referers: .*cannot be matched in linear time/);
});

test('a pattern of more than 2 KB lets nobody in', () => {
  const { isDenied } = translateWith(
    blocklists,
    {},
    { settings: { 'block-referers': `~${'a'.repeat(3_000)}` } },
  );
  expect(isDenied).toBe(true);
});

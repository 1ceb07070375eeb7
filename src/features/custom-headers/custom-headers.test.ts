import { describe, expect, test } from 'vitest';
import { translateWith } from '../kit/testing.ts';
import { customHeaders } from './custom-headers.ts';

const ALLOWED = { 'global-allowed-response-headers': 'X-Frame-Options, X-B' };

function translate(data: Record<string, string> | undefined, settings: Record<string, string> = ALLOWED) {
  const configMaps: Record<string, Record<string, string>> = data === undefined
    ? {}
    : { 'other/headers': data };
  return translateWith(customHeaders, { 'custom-headers': 'other/headers' }, { settings, configMaps });
}

describe('custom-headers', () => {
  test('takes the headers of a ConfigMap of any namespace', () => {
    expect(translate({ 'X-Frame-Options': 'DENY', 'X-B': 'a $b "c"' })).toMatchObject({
      policy: {
        headers: [
          ['X-B', 'a $b "c"'],
          ['X-Frame-Options', 'DENY'],
        ],
      },
      isDenied: false,
      messages: [],
    });
  });

  test('is nothing where there is nothing', () => {
    expect(translateWith(customHeaders, {}).policy).toBeUndefined();
    expect(translate({})).toMatchObject({ policy: undefined, isDenied: false });
  });

  const refused: [name: string, result: ReturnType<typeof translate>, problem: string][] = [
    ['a ConfigMap that is not there', translate(undefined), 'is a ConfigMap that does not exist'],
    [
      'a name without namespace',
      translateWith(customHeaders, { 'custom-headers': 'x' }),
      'is not namespace/name',
    ],
    [
      'a header that is not listed',
      translate({ 'X-C': '1' }),
      'which global-allowed-response-headers does not list',
    ],
    ['a header in another case', translate({ 'x-b': '1' }), 'does not list'],
    ['no list', translate({ 'X-B': '1' }, {}), 'does not list'],
    ['a bad name', translate({ 'X B': '1' }), 'has the key "X B", which is no header name'],
    ['a bad value', translate({ 'X-B': 'a\r\nb: c' }), 'has a value for "X-B" that is no header value'],
    ['an empty value', translate({ 'X-B': '' }), 'has a value for "X-B" that is no header value'],
  ];
  for (const [name, { policy, isDenied, messages }, problem] of refused) {
    test(`${name} closes the routes`, () => {
      expect([policy, isDenied, messages]).toEqual([undefined, true, [expect.stringContaining(problem)]]);
    });
  }
});

import { expect, test } from 'vitest';
import { translateWith } from '../kit/testing.ts';
import { backendProtocol } from './backend-protocol.ts';

const translate = (text: string) => translateWith(backendProtocol, { 'backend-protocol': text });

for (const [text, protocol] of [
  ['HTTP', 'http'],
  ['https', 'https'],
  ['Auto_Http', 'auto'],
] as const) {
  test(`${text} is ${protocol}`, () =>
    expect(translate(text)).toMatchObject({ policy: { protocol }, isDenied: false, messages: [] }));
}

for (const text of ['GRPC', 'grpcs', 'FCGI']) {
  test(`${text} is not spoken: the route is closed, with a finding`, () => {
    const { isDenied, messages } = translate(text);
    expect(isDenied).toBe(true);
    expect(messages).toHaveLength(1);
  });
}

test('another word is HTTP', () => {
  expect(translate('AJP')).toMatchObject({ policy: { protocol: 'http' }, isDenied: false });
});

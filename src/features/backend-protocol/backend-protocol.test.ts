import { expect, test } from 'vitest';
import { translateWith } from '../kit/testing.ts';
import { backendProtocol } from './backend-protocol.ts';

const translate = (text: string) => translateWith(backendProtocol, { 'backend-protocol': text });

for (const [text, protocol] of [
  ['HTTP', 'http'],
  ['https', 'https'],
  ['Auto_Http', 'auto'],
  ['GRPC', 'grpc'],
  ['grpcs', 'grpcs'],
] as const) {
  test(`${text} is ${protocol}`, () =>
    expect(translate(text)).toMatchObject({ policy: { protocol }, isDenied: false, messages: [] }));
}

test('FCGI is not spoken: the route is closed, with a finding', () => {
  const { isDenied, messages } = translate('FCGI');
  expect(isDenied).toBe(true);
  expect(messages).toHaveLength(1);
});

for (const [text, bytes] of [
  ['0', undefined],
  ['x', undefined],
  ['32', 32_768],
  ['100000', 262_144],
] as const) {
  test(`grpc-buffer-size-kb ${text}`, () => {
    const annotations = { 'backend-protocol': 'GRPC' };
    const { policy } = translateWith(backendProtocol, annotations, {
      settings: { 'grpc-buffer-size-kb': text },
    });
    expect(policy?.maxResponseHeadBytes).toBe(bytes);
  });
}

test('another word is HTTP', () => {
  expect(translate('AJP')).toMatchObject({ policy: { protocol: 'http' }, isDenied: false });
});

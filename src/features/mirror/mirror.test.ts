import { describe, expect, test } from 'vitest';
import type { CopyTarget } from '../kit/copier.ts';
import { fakeContext, fakeHead, fakeRequest, translateWith } from '../kit/testing.ts';
import { mirror } from './mirror.ts';

const translate = (annotations: Record<string, string>) => translateWith(mirror, annotations);

describe('values', () => {
  const cases: [name: string, annotations: Record<string, string>, policy: object | undefined][] = [
    ['none', {}, undefined],
    [
      'a URL with the request’s own path',
      { 'mirror-target': 'https://copy.test$request_uri' },
      {
        upstreamId: 'copy.test:443',
        tlsName: 'copy.test',
        target: '$request_uri',
        host: 'copy.test',
        isBodySent: true,
      },
    ],
    [
      'in the clear, with a port and a path, without body, for another host',
      {
        'mirror-target': 'http://copy.test:8080/in/$host',
        'mirror-host': 'other.test',
        'mirror-request-body': 'off',
      },
      { upstreamId: 'copy.test:8080', target: '/in/$host', host: 'other.test', isBodySent: false },
    ],
    [
      'without a path: that of the request',
      { 'mirror-target': 'http://copy.test' },
      { upstreamId: 'copy.test:80', target: '$request_uri', host: 'copy.test', isBodySent: true },
    ],
    [
      'an address',
      { 'mirror-target': 'http://[2001:db8::1]:81/x' },
      { upstreamId: '[2001:db8::1]:81', target: '/x', host: '[2001:db8::1]', isBodySent: true },
    ],
  ];
  for (const [name, annotations, policy] of cases) {
    test(name, () => expect(translate(annotations)).toMatchObject({ policy, messages: [], refused: [] }));
  }

  const useless: [value: string, problem: string][] = [
    ['copy.test', 'is no http or https URL'],
    ['ftp://copy.test/', 'is no http or https URL'],
    ['http:///x', 'has "" where a host should be'],
    ['http://$host$request_uri', 'has "" where a host should be'],
    ['http://copy.test$host/', 'has a variable in its host, which has to be known beforehand'],
  ];
  for (const [value, problem] of useless) {
    test(`${value} mirrors nothing, and says so`, () => {
      expect(translate({ 'mirror-target': value })).toMatchObject({
        policy: undefined,
        isDenied: false,
        messages: [`metadata.annotations[mirror-target]: "${value}" ${problem}; requests are not mirrored`],
      });
    });
  }
});

test('a request is taken before its checks, and sent behind them with what the URL asks for', () => {
  const targets: CopyTarget[] = [];
  const done: string[] = [];
  const context = fakeContext({
    copier: (target) => {
      targets.push(target);
      return {
        take: ({ target: uri }) => {
          done.push(`take ${uri}`);
          return { send: () => void done.push(`send ${uri}`) };
        },
      };
    },
  });
  const { policy } = translate({
    'mirror-target': 'https://copy.test/in$request_uri',
    'mirror-host': '$host',
  });
  const filter = mirror.createFilter!(policy!, context)!;
  const [target] = targets;
  expect([target!.target(fakeRequest({ target: '/a?b' })), target!.host(fakeRequest())]).toEqual([
    '/in/a?b',
    'a.test',
  ]);
  expect(target).toMatchObject({
    upstreamId: 'copy.test:443',
    hasBody: true,
    tls: { serverName: 'copy.test', isSniSent: true, isVerified: false },
  });
  const request = fakeRequest({ target: '/a' });
  expect(filter.onRequest!(request)).toBeUndefined();
  expect(done).toEqual(['take /a']);
  filter.onUpstreamRequest!(fakeHead(), request);
  expect(done).toEqual(['take /a', 'send /a']);
});

test('a request for whose copy there is no room goes on', () => {
  const { policy } = translate({ 'mirror-target': 'http://copy.test' });
  const filter = mirror.createFilter!(policy!, fakeContext())!;
  const request = fakeRequest();
  expect(filter.onRequest!(request)).toBeUndefined();
  filter.onUpstreamRequest!(fakeHead(), request);
});

import { describe, expect, test } from 'vitest';
import type { Filter } from '../kit/filter.ts';
import { fakeContext, fakeRequest, translateWith } from '../kit/testing.ts';
import { errorPages, type ErrorPagesPolicy } from './error-pages.ts';

const translated = (annotations: Record<string, string>, settings: Record<string, string> = {}) =>
  translateWith(errorPages, annotations, { settings });
const PAGES = { id: 'pages.a.svc:80', name: 'custom-default-backend-a-pages' };
const DEFAULT = { id: 'upstream-default-backend', name: 'upstream-default-backend' };

describe('what a route asks for', () => {
  const cases: [
    name: string,
    annotations: Record<string, string>,
    settings: Record<string, string>,
    want: object | undefined,
  ][] = [
    ['nothing', {}, {}, undefined],
    ['a list', { 'custom-http-errors': '404, 503,' }, {}, { codes: [404, 503], areUpstreamsMeant: true }],
    [
      'its own list in place of that of all',
      { 'custom-http-errors': '404' },
      { 'custom-http-errors': '500' },
      { codes: [404], areUpstreamsMeant: true },
    ],
    [
      'the list of all, which knows other statuses',
      {},
      { 'custom-http-errors': '301,502' },
      { codes: [301, 502], areCodesOfAll: true, areUpstreamsMeant: true },
    ],
    [
      'a Service alone',
      { 'default-backend': 'pages' },
      {},
      { codes: [], areUpstreamsMeant: true, own: PAGES },
    ],
    [
      'both, for its own answers only',
      { 'custom-http-errors': '404', 'default-backend': 'pages', 'disable-proxy-intercept-errors': 'true' },
      {},
      { codes: [404], areUpstreamsMeant: false, own: PAGES },
    ],
    [
      'the exception of all',
      {},
      { 'custom-http-errors': '404', 'disable-proxy-intercept-errors': 'true' },
      { codes: [404], areCodesOfAll: true, areUpstreamsMeant: false },
    ],
  ];
  for (const [name, annotations, settings, want] of cases) {
    test(name, () => {
      const { policy, messages, refused } = translated(annotations, settings);
      expect(policy).toEqual(want);
      expect([...messages, ...refused]).toEqual([]);
    });
  }

  test('a Service that is missing is a finding, and the pages are those of all', () => {
    const { policy, messages } = translated({ 'custom-http-errors': '404', 'default-backend': 'missing' });
    expect(policy).toEqual({ codes: [404], areUpstreamsMeant: true });
    expect(messages).toEqual([
      'metadata.annotations[default-backend]: "missing" is not a Service with a port in namespace a; it is ignored until there is one',
    ]);
  });

  for (const [key, value] of [
    ['custom-http-errors', '302'],
    ['custom-http-errors', '404;500'],
    ['default-backend', 'Not_A_Name'],
  ] as const) {
    test(`${key}: ${value} refuses the Ingress`, () =>
      expect(translated({ [key]: value }).refused[0]).toMatch(/: drop$/));
  }
});

const filterOf = (policy: ErrorPagesPolicy, context = fakeContext()): Filter =>
  errorPages.createFilter!(policy, context)!;

describe('a page', () => {
  const request = fakeRequest({
    target: '/shop?item=1',
    clientAddress: '192.0.2.7',
    requestId: 'the-id',
    headers: { accept: 'text/html' },
  });
  const pages = filterOf({ codes: [404], areUpstreamsMeant: true, own: PAGES });

  test('comes from the own Service, else from that of all, and is told of the request', () => {
    expect(pages.onStatus!(404, false, request)).toEqual({
      upstreams: [PAGES, DEFAULT],
      target: '/?item=1',
      headers: [
        ['X-Code', '404'],
        ['X-Format', 'text/html'],
        ['X-Namespace', 'a'],
        ['X-Ingress-Name', 'web'],
        ['X-Service-Name', 'web'],
        ['X-Service-Port', '80'],
        ['X-Original-URI', '/shop?item=1'],
        ['X-Request-ID', 'the-id'],
        ['X-Forwarded-For', '192.0.2.7'],
      ],
    });
  });

  test('is for the statuses of the list', () => {
    expect(pages.onStatus!(500, true, request)).toBeUndefined();
    expect(filterOf({ codes: [], areUpstreamsMeant: true, own: PAGES }).onStatus).toBeUndefined();
  });

  test('is for Serin’s own answers alone where the upstream’s are excepted', () => {
    const own = filterOf({ codes: [404], areUpstreamsMeant: false });
    expect(own.onStatus!(404, false, request)).toBeUndefined();
    expect(own.onStatus!(404, true, request)?.upstreams).toEqual([DEFAULT]);
  });
});

describe('the list of all is given up where a place has an error page of its own', () => {
  const place = (ofHost: object, ofRoute: object, path = '/') =>
    fakeContext({ host: { policies: { ...ofHost } }, policies: { ...ofRoute }, path });
  const auth = { signIn: 'https://in.test', exempt: ['/open'] };
  const cases: [name: string, context: ReturnType<typeof fakeContext>, isGivenUp: boolean][] = [
    ['none', place({}, {}), false],
    ['a sign-in', place({}, { 'external-auth': auth }), true],
    ['authentication without one', place({}, { 'external-auth': { exempt: [] } }), false],
    ['a sign-in of a path that is exempt', place({}, { 'external-auth': auth }, '/open/x'), false],
    ['a page for who has no certificate', place({ 'auth-tls': { errorPage: '/no' } }, {}), true],
  ];
  for (const [name, context, isGivenUp] of cases) {
    test(name, () => {
      const codes = { codes: [503], areUpstreamsMeant: true };
      const ofAll = filterOf({ ...codes, areCodesOfAll: true }, context);
      expect(ofAll.onStatus === undefined).toBe(isGivenUp);
      expect(filterOf(codes, context).onStatus).toBeDefined();
    });
  }
});

test('a stand-in is told of a request that has no endpoints, and of no other', () => {
  const filter = filterOf({ codes: [], areUpstreamsMeant: true, own: PAGES });
  const request = fakeRequest({ headers: { 'x-format': 'forged', 'x-code': 'forged' } });
  const seen: Record<string, string> = { 'x-format': 'forged', 'x-code': 'forged' };
  const head = {
    get: (name: string) => seen[name],
    set: (name: string, value: string) => void (seen[name.toLowerCase()] = value),
    append: () => {},
    replace: () => {},
    remove: (name: string) => void delete seen[name],
  };
  filter.onUpstreamRequest!(head, request);
  expect(seen).toEqual({ 'x-format': 'forged', 'x-code': 'forged' });
  expect(filter.onNoEndpoints!(request)).toEqual(PAGES);
  filter.onUpstreamRequest!(head, request);
  expect(seen).toEqual({
    'x-code': '503',
    'x-namespace': 'a',
    'x-ingress-name': 'web',
    'x-service-name': 'web',
    'x-service-port': '80',
  });
});

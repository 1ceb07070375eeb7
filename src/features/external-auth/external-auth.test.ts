import { describe, expect, test } from 'vitest';
import type { AccessDenial, AccessVerdict, FilterContext, RequestView } from '../kit/filter.ts';
import type { Answer, Question } from '../kit/subrequest.ts';
import { fakeContext, fakeHead, fakeRequest, filterOf, translateWith } from '../kit/testing.ts';
import { cacheDurations, lifeOf } from './cache-life.ts';
import { externalAuth } from './external-auth.ts';
import { signInTemplate } from './sign-in.ts';

const URL = 'http://auth.test/check';

/** An answer of a server, or none. */
function answerOf(status: number, headers: Record<string, readonly string[]> = {}): Answer {
  return {
    status,
    failure: status === 0 ? 'read_timeout' : undefined,
    header: (name) => headers[name]?.[0],
    headers: (name) => headers[name] ?? [],
    body: '',
    isBodyCut: false,
  };
}

interface Asked {
  readonly questions: Question[];
  readonly context: FilterContext;
}

/** A context whose authentication server answers so. */
function asking(answer: Answer | Promise<Answer>, changes: Parameters<typeof fakeContext>[0] = {}): Asked {
  const questions: Question[] = [];
  const subrequest = (question: Question) => {
    questions.push(question);
    return { ask: () => answer };
  };
  return { questions, context: fakeContext({ ...changes, subrequest }) };
}

const verdictOf = (
  annotations: Record<string, string>,
  answer: Answer,
  request: RequestView = fakeRequest(),
): AccessVerdict =>
  filterOf(externalAuth, { 'auth-url': URL, ...annotations }, asking(answer).context)?.checkAccess?.(
    request,
  ) as AccessVerdict;

describe('auth-url', () => {
  const urls: [url: string, want: object][] = [
    [
      'http://auth.test',
      {
        isTls: false,
        host: 'auth.test',
        target: '/',
        upstreams: { '*': { id: 'auth.test:80', serverName: 'auth.test' } },
      },
    ],
    [
      'https://Auth.test:8443/a?b=c',
      { isTls: true, host: 'Auth.test', target: '/a?b=c', upstreams: { '*': { id: 'auth.test:8443' } } },
    ],
    ['http://auth.test?b', { target: '/?b' }],
    ['http://10.0.0.1/x', { upstreams: { '*': { id: '10.0.0.1:80' } } }],
    [
      'http://auth.$namespace.svc.cluster.local/x',
      { host: 'auth.a.svc.cluster.local', upstreams: { '*': { id: 'auth.a.svc.cluster.local:80' } } },
    ],
    [
      'https://$host/oauth2/auth?u=$request_uri',
      {
        host: '$host',
        target: '/oauth2/auth?u=$request_uri',
        upstreams: { 'a.test': { id: 'a.test:443', serverName: 'a.test' } },
      },
    ],
    ['http://auth.$http_host:81', { host: 'auth.$host', upstreams: { 'a.test': { id: 'auth.a.test:81' } } }],
  ];
  for (const [url, want] of urls) {
    test(url, () => {
      const { policy, messages, isDenied } = translateWith(externalAuth, { 'auth-url': url });
      expect([policy, messages, isDenied]).toMatchObject([want, [], false]);
    });
  }

  const refused: [url: string, problem: string][] = [
    ['auth.test/check', 'is no http or https URL'],
    ['ftp://auth.test/', 'is no http or https URL'],
    ['http:///check', 'has "" where a host should be'],
    ['http://a..b/', 'has "a..b" where a host should be'],
    ['http://a b/', 'has a space in it'],
    ['http://auth.test:0/', 'has a port that is none: 0'],
    ['http://$arg_host/', 'has the variable $arg_host in its host, which has to be known beforehand'],
    ['http://$1/', 'has a capture of the path in its host'],
  ];
  for (const [url, problem] of refused) {
    test(`${url} closes the routes`, () => {
      const { messages, isDenied } = translateWith(externalAuth, { 'auth-url': url });
      expect(isDenied).toBe(true);
      expect(messages).toEqual([
        `metadata.annotations[auth-url]: "${url}" ${problem}; the routes of the Ingress answer 503`,
      ]);
    });
  }

  test('characters that no URL has are not taken in', () =>
    expect(translateWith(externalAuth, { 'auth-url': 'http://auth.test/{}' }).refused[0]).toMatch(/: drop$/));

  test('a host that is no one name cannot be asked, and nobody is let in', () => {
    const place = { hosts: ['*.a.test', '_'] };
    const { messages, isDenied } = translateWith(externalAuth, { 'auth-url': 'https://$host/x' }, { place });
    expect(isDenied).toBe(false);
    expect(messages[0]).toContain('nobody can be asked: requests answer 500');
    const { context } = asking(answerOf(200), { host: { name: '*.a.test' } });
    const filter = filterOf(externalAuth, { 'auth-url': 'https://$host/x' }, context);
    expect(filter?.checkAccess?.(fakeRequest())).toEqual({ status: 500 });
  });

  test('unknown variables are told', () =>
    expect(translateWith(externalAuth, { 'auth-url': 'http://a.test/$nothing' }).messages[0]).toContain(
      '$nothing',
    ));
});

describe('values that protect close the routes when they cannot be read', () => {
  const cases: [annotation: string, value: string][] = [
    ['auth-method', 'SAY'],
    ['auth-response-headers', 'X-A, b c'],
    ['auth-request-redirect', 'a b{'],
    ['auth-cache-duration', '200'],
    ['auth-cache-duration', 'any 5m'],
    ['auth-always-set-cookie', 'yes'],
  ];
  for (const [annotation, value] of cases) {
    test(`${annotation}: ${value}`, () =>
      expect(translateWith(externalAuth, { 'auth-url': URL, [annotation]: value }).isDenied).toBe(true));
  }

  for (const [annotation, value] of [
    ['auth-signin', 'http://{}'],
    ['auth-signin-redirect-param', '{}'],
    ['auth-cache-key', 'a b'],
    ['auth-proxy-set-headers', '{}'],
    ['enable-global-auth', 'no'],
  ] as const) {
    test(`${annotation}: ${value} is as if it was not there`, () => {
      const { isDenied, policy } = translateWith(externalAuth, { 'auth-url': URL, [annotation]: value });
      expect(isDenied).toBe(false);
      expect(policy).toEqual(translateWith(externalAuth, { 'auth-url': URL }).policy);
    });
  }
});

describe('auth-proxy-set-headers', () => {
  const configMaps = {
    'a/headers': { 'X-B': '$host', 'X-A': 'one' },
    'b/headers': {},
    'a/bad': { 'x y': '' },
  };
  const of = (value: string, settings = {}) =>
    translateWith(
      externalAuth,
      { 'auth-url': URL, 'auth-proxy-set-headers': value },
      { configMaps, settings },
    );

  test('are the data of a ConfigMap of the own namespace', () => {
    const fields = [['X-A', 'one'], ['X-B', '$host']]; // prettier-ignore
    expect([of('a/headers').policy?.fields, of('headers').policy?.fields]).toEqual([fields, fields]);
  });

  for (const [value, problem] of [
    ['b/headers', 'is a ConfigMap of another namespace'],
    ['a/none', 'is a ConfigMap that does not exist'],
    ['a/bad', 'has the key "x y", which is no header name'],
    ['a/b/c', 'is not namespace/name'],
  ] as const) {
    test(`${value} closes the routes`, () => {
      expect(of(value).isDenied).toBe(true);
      expect(of(value).messages[0]).toContain(problem);
    });
  }

  test('of another namespace where that is allowed', () =>
    expect(of('b/headers', { 'allow-cross-namespace-resources': 'true' }).isDenied).toBe(false));
});

describe('the question', () => {
  const questionOf = (annotations: Record<string, string>, changes = {}, settings = {}): Question => {
    const { questions, context } = asking(answerOf(200), changes);
    const trusting = { ...context, settings: { ...context.settings, ...settings } };
    filterOf(
      externalAuth,
      { 'auth-url': 'https://$host:8443/check?of=$request_uri', ...annotations },
      trusting,
    );
    return questions[0]!;
  };
  const request = fakeRequest({ target: '/x?y=1', hostHeader: 'A.test:81', method: 'POST' });
  const linesOf = ({ fields }: Question) => fields.map(({ name, value }) => `${name}: ${value(request)}`);

  test('has the headers of ingress-nginx', () => {
    const question = questionOf({});
    expect(question).toMatchObject({
      upstreamId: 'a.test:8443',
      method: 'GET',
      tls: { isVerified: false, isSniSent: true, serverName: 'a.test' },
      isHeadPassed: true,
      maxBodyBytes: 0,
      caching: undefined,
    });
    expect([question.host(request), question.target(request)]).toEqual(['A.test', '/check?of=/x?y=1']);
    expect(linesOf(question)).toEqual([
      'X-Request-ID: id',
      'X-Original-URL: http://A.test:81/x?y=1',
      'X-Original-Method: POST',
      'X-Sent-From: nginx-ingress-controller',
      'X-Real-IP: 192.0.2.1',
      'X-Forwarded-For: 192.0.2.1',
      'X-Auth-Request-Redirect: /x?y=1',
    ]);
  });

  test('with a method of its own has two more, and what the author says comes before all', () => {
    const question = questionOf({ 'auth-method': 'HEAD', 'auth-request-redirect': 'https://b.test/' });
    expect(question.method).toBe('HEAD');
    expect(linesOf(question)).toEqual(
      expect.arrayContaining([
        'X-Original-URI: /x?y=1',
        'X-Scheme: http',
        'X-Auth-Request-Redirect: https://b.test/',
      ]),
    );
  });

  test('does not tell what a client says of hops in front, unless they are trusted', () => {
    expect(questionOf({}).without).toEqual(
      expect.arrayContaining(['x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-uri']),
    );
    expect(questionOf({}, {}, { isForwardedTrusted: true }).without).toEqual(['x-forwarded-proto']);
  });

  test('is remembered for one host, one path and one policy', () => {
    const scopes = [
      questionOf({ 'auth-cache-key': '$remote_user' }),
      questionOf({ 'auth-cache-key': '$remote_user', 'auth-method': 'HEAD' }),
      questionOf({ 'auth-cache-key': '$remote_user' }, { path: '/other' }),
      questionOf({ 'auth-cache-key': '$remote_user' }, { host: { name: 'a.test', digest: 'x' } }),
    ].map(({ caching }) => caching!.scope);
    expect(new Set(scopes).size).toBe(3);
    expect(scopes[0]).toBe(scopes[3]);
  });
});

describe('the answer', () => {
  const challenges = { 'www-authenticate': ['Basic realm="a"', 'Bearer'] };
  const cases: [name: string, annotations: Record<string, string>, answer: Answer, want: AccessVerdict][] = [
    ...[200, 202, 204, 299].map((status): [string, {}, Answer, AccessVerdict] => [
      String(status),
      {},
      answerOf(status),
      'allow',
    ]),
    ...[0, 100, 199, 302, 304, 400, 404, 407, 500, 503].map((status): [string, {}, Answer, AccessVerdict] => [
      status === 0 ? 'none' : String(status),
      {},
      answerOf(status),
      { status: 500 },
    ]),
    ['403', {}, answerOf(403), { status: 403 }],
    [
      '401',
      {},
      answerOf(401, challenges),
      { status: 401, headers: [['WWW-Authenticate', 'Basic realm="a"'], ['WWW-Authenticate', 'Bearer']] }, // prettier-ignore
    ],
    [
      '401 with a sign-in',
      { 'auth-signin': 'https://in.test/start' },
      answerOf(401, challenges),
      {
        status: 302,
        countsAs: 401,
        headers: [['Location', 'https://in.test/start?rd=http://a.test%2F']],
        hasNoHsts: true,
      },
    ],
    ['403 with a sign-in', { 'auth-signin': 'https://in.test/' }, answerOf(403), { status: 403 }],
  ];
  for (const [name, annotations, answer, want] of cases) {
    test(name, async () => {
      expect(verdictOf(annotations, answer)).toEqual(want);
      const { context } = asking(Promise.resolve(answer));
      const filter = filterOf(externalAuth, { 'auth-url': URL, ...annotations }, context);
      expect(await filter?.checkAccess?.(fakeRequest())).toEqual(want);
    });
  }

  test('has its cookies set, each by itself', () => {
    const cookies = ['a=1; Path=/', 'b=2'];
    for (const [value, isAlways] of [
      ['false', false],
      ['true', true],
    ] as const) {
      // prettier-ignore
      const added: unknown[] = [];
      const request = fakeRequest({ addResponseHeader: (...header) => void added.push(header) });
      verdictOf({ 'auth-always-set-cookie': value }, answerOf(403, { 'set-cookie': cookies }), request);
      expect(added).toEqual(cookies.map((cookie) => ['Set-Cookie', cookie, isAlways]));
    }
  });

  test('gives the backend what it says, and takes away what it does not', () => {
    const answer = answerOf(200, { 'x-user': ['ann'], 'x-groups': ['a', 'b'], 'x-empty': [''] });
    const { context } = asking(answer);
    const annotations = { 'auth-url': URL, 'auth-response-headers': 'X-User,X-Groups, X-Empty ,X-None,' };
    const filter = filterOf(externalAuth, annotations, context)!;
    const forged = {
      'x-user': 'root',
      'x-groups': 'root',
      'x-empty': 'root',
      'x-none': 'root',
      'x-other': 'kept',
    };
    const request = fakeRequest({ headers: forged });
    expect(filter.checkAccess?.(request)).toBe('allow');
    const head = fakeHead(forged);
    filter.onUpstreamRequest?.(head, request);
    expect(Object.fromEntries(head.headers)).toEqual({
      'x-user': 'ann',
      'x-groups': 'a, b',
      'x-other': 'kept',
    });
  });

  test('that nobody asked for gives the backend nothing of the client’s either', () => {
    const { context } = asking(answerOf(200));
    const filter = filterOf(externalAuth, { 'auth-url': URL, 'auth-response-headers': 'X-User' }, context)!;
    const head = fakeHead({ 'x-user': 'root' });
    filter.onUpstreamRequest?.(head, fakeRequest());
    expect(head.headers.size).toBe(0);
  });
});

describe('auth-signin', () => {
  const HERE = '$pass_access_scheme://$http_host$escaped_request_uri';
  const cases: [url: string, parameter: string, want: string][] = [
    ['https://in.test/start', 'rd', `https://in.test/start?rd=${HERE}`],
    ['https://in.test/start?', 'rd', `https://in.test/start?rd=${HERE}`],
    ['https://in.test/start?a=b', 'to', `https://in.test/start?a=b&to=${HERE}`],
    ['https://in.test/start?rd=$escaped_request_uri', 'rd', 'https://in.test/start?rd=$escaped_request_uri'],
    ['https://in.test/start?rd=', 'rd', `https://in.test/start?rd=&rd=${HERE}`],
    ['https://in.test/start?third=1', 'rd', `https://in.test/start?third=1&rd=${HERE}`],
  ];
  for (const [url, parameter, want] of cases) {
    test(`${url} with ${parameter}`, () => expect(signInTemplate(url, parameter)).toBe(want));
  }

  test('leads back to the very request, and nowhere else whatever that is', () => {
    const annotations = { 'auth-signin': 'https://in.test/start' };
    const targets: [target: string, location: string][] = [
      ['/?a=b&c=d', '%2F%3Fa%3Db%26c%3Dd'],
      ['//evil.test/%2e%2e/', '%2F%2Fevil.test%2F%252e%252e%2F'],
      ['/\\evil.test', '%2F%5Cevil.test'],
      ['/\xc3\xa9', '%2F%C3%A9'],
      ['/%0d%0aSet-Cookie:x', '%2F%250d%250aSet-Cookie%3Ax'],
    ];
    for (const [target, escaped] of targets) {
      const denial = verdictOf(annotations, answerOf(401), fakeRequest({ target })) as AccessDenial;
      expect(denial.headers).toEqual([['Location', `https://in.test/start?rd=http://a.test${escaped}`]]);
    }
  });
});

describe('the upstream’s own 401', () => {
  const pages = { codes: [404], areUpstreamsMeant: true };
  const cases: [name: string, annotations: object, pages: object | undefined, isAnswered: boolean][] = [
    ['leads to the sign-in where errors of the upstream have pages', { 'auth-signin': URL }, pages, true],
    ['is passed on where they have none', { 'auth-signin': URL }, undefined, false],
    ['is passed on where no list has anything', { 'auth-signin': URL }, { ...pages, codes: [] }, false],
    [
      'is passed on where pages are for Serin’s own errors',
      { 'auth-signin': URL },
      { ...pages, areUpstreamsMeant: false },
      false,
    ],
    ['is passed on where nobody can sign in', {}, pages, false],
  ];
  for (const [name, annotations, policy, isAnswered] of cases) {
    test(name, () => {
      const policies = policy === undefined ? {} : { 'error-pages': policy };
      const { context } = asking(answerOf(200), { policies });
      const filter = filterOf(externalAuth, { 'auth-url': URL, ...annotations }, context)!;
      expect(filter.replaceResponse?.(401, fakeRequest())?.status).toBe(isAnswered ? 302 : undefined);
      expect(filter.replaceResponse?.(404, fakeRequest())).toBeUndefined();
    });
  }
});

describe('auth-cache-duration', () => {
  test('is a list of statuses and times', () => {
    expect(cacheDurations('200 202 401 5m, 403 10s,1h')).toEqual({
      ok: true,
      value: [
        { statuses: [200, 202, 401], ms: 300_000 },
        { statuses: [403], ms: 10_000 },
        { statuses: [200, 301, 302], ms: 3_600_000 },
      ],
    });
    for (const bad of ['200', '5', 'x 5m', '5m 200', '20 5m', '200 5m 6m', '200 5q'])
      expect(cacheDurations(bad).ok).toBe(false);
  });

  const durations = [{ statuses: [200, 401], ms: 5_000 }];
  const cases: [name: string, status: number, headers: Record<string, string[]>, ms: number][] = [
    ['a status that has one', 200, {}, 5_000],
    ['a status that has none', 403, { 'cache-control': ['max-age=60'] }, 0],
    ['what sets a cookie', 200, { 'set-cookie': ['a=1'] }, 0],
    ['private', 200, { 'cache-control': ['max-age=60', 'Private'] }, 0],
    ['no-store', 401, { 'cache-control': ['no-store'] }, 0],
    ['max-age', 200, { 'cache-control': ['public, max-age=60'] }, 60_000],
    ['s-maxage comes before max-age', 200, { 'cache-control': ['max-age=60, s-maxage=0'] }, 0],
    [
      'X-Accel-Expires comes before all',
      200,
      { 'x-accel-expires': ['7'], 'cache-control': ['no-store'] },
      7_000,
    ],
    ['X-Accel-Expires of a point in time', 200, { 'x-accel-expires': ['@7'] }, 0],
    [
      'Expires',
      200,
      { date: ['Thu, 26 Nov 2026 08:00:00 GMT'], expires: ['Thu, 26 Nov 2026 08:01:00 GMT'] },
      60_000,
    ],
    ['Expires in the past', 200, { date: ['Thu, 26 Nov 2026 08:00:00 GMT'], expires: ['0'] }, 0],
  ];
  for (const [name, status, headers, ms] of cases) {
    test(name, () => expect(lifeOf(answerOf(status, headers), durations)).toBe(ms));
  }
});

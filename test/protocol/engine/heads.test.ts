import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHeadRig, type Configured, type HeadRig } from '../../fixtures/head-rig.ts';

const REDIRECT = { location: 'http://b.test/é', status: 301, isRelative: false };

/* From what a tenant, a ConfigMap or a client wrote to the bytes of both heads. */

const PLAIN: Configured = {
  path: '/',
  isRegex: false,
  policies: {},
  hostPolicies: {},
  upstreamPolicies: {},
  setHeaders: new Map(),
  addHeaders: new Map(),
  keys: new Map(),
};
const AFFINITY = {
  mode: 'balanced',
  cookieName: 'C',
  isSameSiteNoneConditional: false,
  isAlwaysSecure: false,
  isChangedOnFailure: false,
} as const;

let rig: HeadRig;
beforeAll(async () => {
  rig = await createHeadRig();
});
afterAll(() => rig.close());

async function ask(configured: Partial<Configured>, path = '/', lines = '') {
  const refusedBefore = rig.oddities.refusedHeads;
  const served = await rig.serve(
    { ...PLAIN, ...configured },
    `GET ${path} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n${lines}\r\n`,
    'HTTP/1.1 200 OK\r\nLocation: http://inside.test/a\r\nSet-Cookie: a=1; Path=/in\r\nContent-Length: 2\r\n\r\nok',
  );
  const status = Number(served.received.slice(9, 12));
  return { ...served, status, refused: rig.oddities.refusedHeads - refusedBefore };
}

/** Text as its bytes, one per character. */
const bytes = (text: string): string => Buffer.from(text).toString('latin1');

describe('what would become another line or request is a 400, counted, and logged nowhere', () => {
  const captures = (forwardedPrefix: string): Partial<Configured> => ({
    path: '/(.*)',
    policies: { rewrite: { target: '/$1', isRegex: true, forwardedPrefix } },
  });
  const cases: [name: string, configured: Partial<Configured>, path: string][] = [
    [
      'upstream-vhost: x$uri with %0d%0a in the path',
      { policies: { 'upstream-vhost': { host: 'x$uri' } } },
      '/%0d%0aX-Evil:%201%0d%0a%0d%0aGET%20/evil%20HTTP/1.1',
    ],
    ['upstream-vhost: x$uri with a bare %0a', { policies: { 'upstream-vhost': { host: 'x$uri' } } }, '/%0aX'],
    ['x-forwarded-prefix: /$1 with %0d%0a in the path', captures('/$1'), '/a%0d%0aX-Evil:%201'],
    ['x-forwarded-prefix: $uri with %0d in the path', captures('$uri'), '/a%0dX-Evil:%201'],
  ];
  for (const [name, configured, path] of cases) {
    test(name, async () => {
      expect(await ask(configured, path)).toMatchObject({ status: 400, sent: [], refused: 1 });
      expect(rig.faults).toEqual([]);
    });
  }

  test('a rewrite encodes what was decoded, as nginx does', async () => {
    const policies = { rewrite: { target: '/to/$1', isRegex: true } };
    const { sent, refused } = await ask({ path: '/(.*)', policies }, '/a%0d%09b%20%c3%a9?q=%0d%0a');
    expect(sent[0]).toMatch(/^GET \/to\/a%0D%09b%20%C3%A9\?q=%0d%0a HTTP\/1\.1\r\nHost: a\.test\r\n/);
    expect(refused).toBe(0);
  });
});

describe('characters above U+00FF are UTF-8, not their low bytes', () => {
  const evil = '/\u010d\u010aX-Evil: 1\u010d\u010a';

  test('a path in Set-Cookie', async () => {
    const upstreamPolicies = { affinity: AFFINITY };
    const policies = { affinity: AFFINITY };
    const { received, status } = await ask({ path: evil, policies, upstreamPolicies }, encodeURI(evil));
    expect(status).toBe(200);
    expect(received).toMatch(/^Set-Cookie: C=[^\r\n]*; Path=/m);
    expect(received).toContain(`; Path=${bytes(evil)}; HttpOnly\r\n`);
  });

  test('values of add-headers and proxy-set-headers', async () => {
    const map = new Map([['X-Own', `\u00e9${evil}`]]);
    const { received, sent } = await ask({ addHeaders: map, setHeaders: map });
    expect(received).toContain(`\r\nX-Own: ${bytes(`\u00e9${evil}`)}\r\n`);
    expect(sent[0]).toContain(`\r\nX-Own: ${bytes(`\u00e9${evil}`)}\r\n`);
  });

  const everywhere: [name: string, configured: Partial<Configured>, want: RegExp][] = [
    [
      'custom-headers',
      { policies: { 'custom-headers': { headers: [['X-A', 'é']] } } },
      /\r\nX-A: \xc3\xa9\r\n/,
    ],
    [
      'app-root',
      { hostPolicies: { 'app-root': { path: '/é' } } },
      /\r\nLocation: http:\/\/a\.test\/\xc3\xa9\r\n/,
    ],
    [
      'permanent-redirect',
      { policies: { redirect: REDIRECT } },
      /\r\nLocation: http:\/\/b\.test\/\xc3\xa9\r\n/,
    ],
    [
      'proxy-redirect',
      { policies: { 'proxy-redirect': { from: 'http://inside.test/', to: '/é/' } } },
      /\r\nLocation: http:\/\/a\.test\/\xc3\xa9\/a\r\n/,
    ],
    [
      'proxy-cookie-path',
      { policies: { 'proxy-cookie': { path: { from: '/in', to: '/é' } } } },
      /\r\nSet-Cookie: a=1; Path=\/\xc3\xa9\r\n/,
    ],
    [
      'session-cookie-path',
      { policies: { affinity: AFFINITY }, upstreamPolicies: { affinity: { ...AFFINITY, path: '/é' } } },
      /; Path=\/\xc3\xa9; HttpOnly\r\n/,
    ],
    [
      'cors-allow-headers',
      {
        policies: {
          cors: {
            origins: '*',
            methods: 'GET',
            headers: 'é',
            areCredentialsAllowed: false,
            maxAgeSeconds: 1,
          },
        },
      },
      /\r\nAccess-Control-Allow-Headers: \xc3\xa9\r\n/,
    ],
  ];
  for (const [name, configured, want] of everywhere) {
    test(`é in ${name} arrives`, async () => expect((await ask(configured)).received).toMatch(want));
  }

  test('é in a path, a rewrite, a prefix and a vhost arrives', async () => {
    const policies = {
      rewrite: { target: '/café/$1', isRegex: true, forwardedPrefix: '/é$1' },
      'upstream-vhost': { host: 'é.$http_x_any' },
    };
    const { sent } = await ask(
      { path: '/thé/(.*)', policies },
      '/th%C3%A9/%C3%A0',
      'X-Any: \u00c3\u00a8\r\n',
    );
    expect(sent[0]).toMatch(/^GET \/caf%C3%A9\/%C3%A0 HTTP\/1\.1\r\n/);
    expect(sent[0]).toContain(`\r\nX-Forwarded-Prefix: ${bytes('/éà')}\r\n`);
    expect(sent[0]).toContain(`\r\nHost: ${bytes('é.è')}\r\n`);
  });
});

test('what a policy itself holds and no line can have is a 500, counted, and the head that has it is not sent', async () => {
  const headers = [['X-A', 'a\r\nX-Evil: 1']];
  const { status, received, refused } = await ask({ policies: { 'custom-headers': { headers } } });
  expect([status, refused]).toEqual([500, 1]);
  expect(received).not.toContain('Evil');
  expect(rig.faults).toEqual([]);
});

import { describe, expect, test } from 'vitest';
import { revealBytes } from '../../lib/redacted-bytes.ts';
import { accessOf, fakeContext, fakeRequest, filterOf, translateWith } from '../kit/testing.ts';
import { basicAuth } from './basic-auth.ts';

const HASH = '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=';
const secrets = {
  'a/users': { auth: `ann:${HASH}\n` },
  'a/map': { ann: HASH, bob: '{PLAIN}b' },
  'a/other': { users: `ann:${HASH}\n` },
  'a/bad': { auth: 'ann:oops\nbob:oops\ncat:oops\ndog:oops\n' },
  'b/users': { auth: `ann:${HASH}\n` },
};
const basic = { 'auth-type': 'basic', 'auth-secret': 'users' };
const of = (annotations: Record<string, string>, more = {}) =>
  translateWith(basicAuth, annotations, { secrets, ...more });
const usersOf = (annotations: Record<string, string>) => {
  const { policy } = of(annotations);
  return policy && revealBytes(policy.users).toString();
};

describe('basic auth, from values to policy', () => {
  test('takes the users of a Secret', () => {
    const { policy, messages, isDenied } = of({ ...basic, 'auth-realm': 'The Realm' });
    expect(policy).toMatchObject({ realm: 'The Realm', exempt: ['/.well-known/acme-challenge'] });
    expect([messages, isDenied]).toEqual([[], false]);
    expect(usersOf(basic)).toBe(`ann:${HASH}\n`);
    expect(usersOf({ ...basic, 'auth-secret': 'a/users' })).toBe(`ann:${HASH}\n`);
    expect(usersOf({ ...basic, 'auth-secret': 'b/users' })).toBe(`ann:${HASH}\n`);
    expect(usersOf({ ...basic, 'auth-secret': 'map', 'auth-secret-type': 'auth-map' })).toBe(
      `ann:${HASH}\nbob:{PLAIN}b\n`,
    );
  });

  test('is nothing without auth-type, whatever else is there', () => {
    expect(of({ 'auth-secret': 'users&', 'auth-realm': 'x' })).toMatchObject({
      policy: undefined,
      isDenied: false,
      messages: [],
    });
  });

  const denied: [name: string, annotations: Record<string, string>, message: string][] = [
    [
      'digest',
      { ...basic, 'auth-type': 'digest' },
      'metadata.annotations[auth-type]: "digest" asks for digest authentication, which is not supported',
    ],
    [
      'a word with basic in it',
      { ...basic, 'auth-type': 'basic-auth' },
      'metadata.annotations[auth-type]: "digest" asks for digest authentication, which is not supported',
    ],
    [
      'no Secret named',
      { 'auth-type': 'basic' },
      'metadata.annotations[auth-secret]: is missing, and auth-type needs it',
    ],
    [
      'a Secret that is not there',
      { ...basic, 'auth-secret': 'none' },
      'metadata.annotations[auth-secret]: "none" is a Secret that does not exist',
    ],
    [
      'one of another namespace',
      { ...basic, 'auth-secret': 'c/users' },
      'metadata.annotations[auth-secret]: "c/users" is a Secret that does not exist, or of another namespace',
    ],
    [
      'characters that no name has',
      { ...basic, 'auth-secret': 'us&ers' },
      'metadata.annotations[auth-secret]: "us&ers" has characters outside letters, digits and - . _ ~ / :',
    ],
    [
      'too many slashes',
      { ...basic, 'auth-secret': 'a/b/c' },
      'metadata.annotations[auth-secret]: "a/b/c" is neither name nor namespace/name',
    ],
    [
      'a Secret without the key auth',
      { ...basic, 'auth-secret': 'other' },
      'metadata.annotations[auth-secret]: "other" is a Secret without the key auth',
    ],
  ];
  for (const [name, annotations, message] of denied) {
    test(`closes the routes: ${name}`, () => {
      const isDigest = message.includes('digest');
      const instead = isDigest
        ? '; instead: auth-type: basic over TLS, or an authentication server (auth-url)'
        : '';
      const consequence = `the routes of the Ingress answer 503${instead}`;
      expect(of(annotations)).toMatchObject({
        policy: undefined,
        isDenied: true,
        messages: [`${message}; ${consequence}`],
      });
    });
  }

  test('values that nothing can be made of cost the Ingress', () => {
    expect(of({ ...basic, 'auth-type': 'ntlm' }).refused).toEqual([
      'auth-type is neither basic nor digest: drop',
    ]);
    expect(of({ ...basic, 'auth-realm': 'a"b' }).refused).toEqual([
      'auth-realm has characters outside letters, digits and - . _ ~ / : space: drop',
    ]);
    expect(of({ ...basic, 'auth-secret-type': 'file' }).refused).toEqual([
      'auth-secret-type is not one of auth-file, auth-map: drop',
    ]);
  });

  test('hashes that cannot be checked are told, without showing them', () => {
    const { messages, isDenied, policy } = of({ ...basic, 'auth-secret': 'bad' });
    const field = 'metadata.annotations[auth-secret]: "bad"';
    expect(messages).toEqual([
      ...[1, 2, 3].map(
        (line) =>
          `${field} is a Secret whose line ${line} of users is in no format that is known; by that line nobody comes in`,
      ),
      `${field} is a Secret with 1 more lines of users that cannot be used; by those lines nobody comes in`,
      `${field} is a Secret without a user whose password could be checked; everybody is answered 401`,
    ]);
    expect(isDenied).toBe(false);
    expect(policy).toBeDefined();
  });
});

describe('basic auth, asked', () => {
  const CHALLENGE = { status: 401, headers: [['WWW-Authenticate', 'Basic realm="x y"']] };
  const annotations = { ...basic, 'auth-realm': 'x y' };
  const header = (text: string) => ({
    headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` },
  });
  const ask = accessOf(basicAuth, annotations, fakeContext(), { secrets })!;

  test('challenges who sends nothing', () => {
    expect(ask(fakeRequest())).toEqual(CHALLENGE);
  });

  test('lets in who knows the password, the second time at once', async () => {
    expect(await ask(fakeRequest(header('ann:secret')))).toBeUndefined();
    expect(ask(fakeRequest(header('ann:secret')))).toBeUndefined();
  });

  test('challenges who does not', async () => {
    expect(await ask(fakeRequest(header('ann:other')))).toEqual(CHALLENGE);
    expect(ask(fakeRequest(header('ann:other')))).toEqual(CHALLENGE);
    expect(await ask(fakeRequest(header('eve:secret')))).toEqual(CHALLENGE);
    expect(ask(fakeRequest(header('ann')))).toEqual(CHALLENGE);
    expect(ask(fakeRequest({ headers: { authorization: 'Bearer x' } }))).toEqual(CHALLENGE);
  });

  test('keeps Authorization from the upstream', () => {
    expect(filterOf(basicAuth, annotations, fakeContext(), { secrets })!.isAuthorizationHidden).toBe(true);
  });

  test('asks nobody on the paths of no-auth-locations', () => {
    const at = (path: string, settings = {}) =>
      filterOf(basicAuth, annotations, fakeContext({ path }), { secrets, settings });
    expect(at('/.well-known/acme-challenge/x')).toBeUndefined();
    expect(at('/open')).toBeDefined();
    const settings = { 'no-auth-locations': '/open, /too' };
    expect([
      at('/opened', settings),
      at('/too/x', settings),
      at('/.well-known/acme-challenge', settings),
    ]).toEqual([undefined, undefined, expect.anything()]);
  });

  test('a realm that is not judged is quoted', () => {
    const filter = basicAuth.createFilter!({ ...of(basic).policy!, realm: 'a"b\\' }, fakeContext())!;
    expect(filter.checkAccess!(fakeRequest())).toEqual({
      status: 401,
      headers: [['WWW-Authenticate', 'Basic realm="a\\"b\\\\"']],
    });
  });
});

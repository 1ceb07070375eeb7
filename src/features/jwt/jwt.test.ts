import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Filter, RequestView } from '../kit/filter.ts';
import { fakeContext, fakeHead, fakeRequest, translateWith } from '../kit/testing.ts';
import { jwt } from './jwt.ts';
import { createTokenMemory, TokenVerifier } from './token-verifier.ts';

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
let rsa: Pair;
let ec: Pair;
let other: Pair;
let jwks = '';

beforeAll(async () => {
  [rsa, ec, other] = await Promise.all([
    generateKeyPair('RS256', { extractable: true }),
    generateKeyPair('ES256', { extractable: true }),
    generateKeyPair('RS256', { extractable: true }),
  ]);
  const keys = [
    { ...(await exportJWK(rsa.publicKey)), kid: 'r', alg: 'RS256', use: 'sig' },
    { ...(await exportJWK(ec.publicKey)), kid: 'e', alg: 'ES256' },
  ];
  jwks = JSON.stringify({ keys });
});

const ISSUER = 'https://id.test';
const BASE = { 'serin.dev/jwt-issuer': ISSUER, 'serin.dev/jwt-jwks-secret': 'keys' };
const translate = (
  annotations: Record<string, string>,
  secret: Record<string, string> = { 'jwks.json': jwks },
) => translateWith(jwt, annotations, { secrets: { 'a/keys': secret } });

function sign(
  claims: JWTPayload,
  more: { key?: Pair; alg?: string; kid?: string; exp?: string | number } = {},
): Promise<string> {
  const { key = rsa, alg = 'RS256', kid = 'r', exp = '5m' } = more;
  return new SignJWT(claims)
    .setProtectedHeader({ alg, kid })
    .setIssuedAt()
    .setExpirationTime(exp)
    .sign(key.privateKey);
}

const bearing = (token: string, more: Record<string, string> = {}) =>
  fakeRequest({ headers: { authorization: `Bearer ${token}`, ...more } });

function createFilter(annotations: Record<string, string> = {}): Filter {
  return jwt.createFilter!(translate({ ...BASE, ...annotations }).policy!, fakeContext())!;
}

const ask = async (filter: Filter, request: RequestView) => {
  const verdict = await filter.checkAccess!(request);
  return typeof verdict === 'object' ? [verdict.status, verdict.headers?.[0]?.[1]] : verdict;
};

describe('what annotations ask for', () => {
  test('nothing without them', () => {
    expect(translate({}).policy).toBeUndefined();
  });

  test('keys without private parts, symmetric and foreign ones left out', () => {
    const more = [
      { kty: 'oct', k: 'c2VjcmV0' },
      { ...JSON.parse(jwks).keys[0], d: 'private', use: 'enc' },
      { ...JSON.parse(jwks).keys[0], d: 'private' },
      { kty: '__proto__' },
      null,
    ];
    const { policy, messages, isDenied } = translate(BASE, { 'jwks.json': JSON.stringify({ keys: more }) });
    expect(isDenied).toBe(false);
    expect(JSON.stringify(policy!.keys)).not.toMatch(/private|oct|c2VjcmV0/);
    expect(policy!.keys).toHaveLength(1);
    expect(messages).toEqual([expect.stringContaining('has 4 keys that are not public keys for signatures')]);
  });

  test('an RSA key that takes milliseconds for each token is left out: 8,192 bits, or an exponent of 64', () => {
    const ofBytes = (count: number) => Buffer.alloc(count, 0xff).toString('base64url');
    const rsaKey = (modulus: number, exponent: number) => ({
      kty: 'RSA',
      n: ofBytes(modulus),
      e: ofBytes(exponent),
    });
    const keys = [rsaKey(512, 4), rsaKey(1_024, 3), rsaKey(256, 8)];
    const { policy } = translate(BASE, { 'jwks.json': JSON.stringify({ keys }) });
    expect(policy!.keys).toEqual([keys[0]]);
  });

  test.each([
    ['no issuer', { 'serin.dev/jwt-jwks-secret': 'keys' }, 'needs serin.dev/jwt-issuer beside it'],
    [
      'no keys',
      { 'serin.dev/jwt-issuer': ISSUER },
      'needs either serin.dev/jwt-jwks-url or serin.dev/jwt-jwks-secret',
    ],
    ['two sources', { ...BASE, 'serin.dev/jwt-jwks-url': 'https://id.test/keys' }, 'needs either'],
    ['a claim alone', { 'serin.dev/jwt-claims-to-headers': 'sub:X-User' }, 'needs serin.dev/jwt-issuer'],
    [
      'keys that were not fetched',
      { 'serin.dev/jwt-issuer': ISSUER, 'serin.dev/jwt-jwks-url': 'https://id.test/keys' },
      'was not asked for its keys yet',
    ],
    [
      'no such Secret',
      { ...BASE, 'serin.dev/jwt-jwks-secret': 'nowhere' },
      'is a Secret that does not exist',
    ],
  ])('%s: the routes are closed', (_, annotations, problem) => {
    const { policy, isDenied, messages } = translate(annotations);
    expect(policy).toBeUndefined();
    expect(isDenied).toBe(true);
    expect(messages.join()).toContain(problem);
  });

  test.each([
    ['serin.dev/jwt-jwks-url', 'ftp://id.test/keys'],
    ['serin.dev/jwt-jwks-url', 'https://me:secret@id.test/keys'],
    ['serin.dev/jwt-claims-to-headers', 'sub'],
    ['serin.dev/jwt-claims-to-headers', 'sub:X User'],
    ['serin.dev/jwt-claims-to-headers', 'sub:Host'],
    ['serin.dev/jwt-claims-to-headers', 'sub:Transfer-Encoding'],
    ['serin.dev/jwt-claims-to-headers', Array(40).fill('sub:X').join(',')],
    ['serin.dev/jwt-leeway', '3600'],
    ['serin.dev/jwt-cookie', 'a=b'],
  ])('%s: %.30s closes the routes', (name, value) => {
    expect(translate({ ...BASE, [name]: value }).isDenied).toBe(true);
  });
});

test('where each request is redirected nobody is asked for a token', () => {
  expect(translate({ ...BASE, 'permanent-redirect': 'https://else.test' }).vain).toEqual([
    expect.stringContaining('error metadata.annotations[serin.dev/jwt-issuer]'),
  ]);
});

describe('who may come in', () => {
  test('a good token, at once when it is known', async () => {
    const filter = createFilter();
    const token = await sign({ iss: ISSUER, sub: 'ann' });
    expect(filter.checkAccess!(bearing(token))).toBeInstanceOf(Promise);
    expect(await ask(filter, bearing(token))).toBe('allow');
    expect(filter.checkAccess!(bearing(token))).toBe('allow');
    expect(await ask(filter, bearing(await sign({ iss: ISSUER }, { key: ec, alg: 'ES256', kid: 'e' })))).toBe(
      'allow',
    );
  });

  test('what is remembered is one memory for all routes, bounded in bytes, and good for one policy alone', async () => {
    const memory = createTokenMemory();
    const policy = translate(BASE).policy!;
    const nowMs = 1_800_000_000_000;
    const clock = () => nowMs;
    const [one, same] = [new TokenVerifier(policy, memory, clock), new TokenVerifier(policy, memory, clock)];
    const other = new TokenVerifier({ ...policy, audiences: ['shop'] }, memory, clock);
    const large = (n: number) =>
      sign({ iss: ISSUER, n, text: 'x'.repeat(11_000) }, { exp: nowMs / 1_000 + 60 });
    const first = await large(0);
    expect(await one.verify(first)).toMatchObject({ n: 0 });
    expect(same.known(first)).toMatchObject({ n: 0 });
    expect(other.known(first)).toBeUndefined();
    const filler = { iss: ISSUER };
    for (let i = 0; i < 1_200; i++) memory.set(`filler ${i}`, filler, 30_000, nowMs + 60_000);
    expect(memory.size).toBe(1_118);
    expect(one.known(first)).toBeUndefined();
  });

  test('no token is asked for one; others are refused by name', async () => {
    const filter = createFilter({ 'serin.dev/jwt-audience': 'shop, till' });
    const invalid = [401, 'Bearer error="invalid_token"'];
    const claims = { iss: ISSUER, aud: 'shop' };
    expect(await ask(filter, fakeRequest())).toEqual([401, 'Bearer']);
    expect(await ask(filter, fakeRequest({ headers: { authorization: 'Basic YTpi' } }))).toEqual([
      401,
      'Bearer',
    ]);
    expect(await ask(filter, bearing(''))).toEqual([401, 'Bearer']);
    expect(await ask(filter, bearing('a.b.c'))).toEqual(invalid);
    expect(await ask(filter, bearing(`${await sign(claims)}, Bearer x`))).toEqual(invalid);
    expect(await ask(filter, bearing(`  ${await sign(claims)} `))).toBe('allow');
    expect(await ask(filter, bearing('x'.repeat(20_000)))).toEqual(invalid);
    expect(await ask(filter, bearing(await sign(claims)))).toBe('allow');
    expect(await ask(filter, bearing(await sign({ ...claims, aud: ['x', 'till'] })))).toBe('allow');
    expect(await ask(filter, bearing(await sign({ ...claims, aud: 'x' })))).toEqual(invalid);
    expect(await ask(filter, bearing(await sign({ iss: ISSUER })))).toEqual(invalid);
    expect(await ask(filter, bearing(await sign({ ...claims, iss: 'https://else.test' })))).toEqual(invalid);
    expect(await ask(filter, bearing(await sign(claims, { key: other })))).toEqual(invalid);
    expect(
      await ask(filter, bearing(await sign(claims, { exp: Math.floor(Date.now() / 1_000) - 60 }))),
    ).toEqual(invalid);
    expect(
      await ask(filter, bearing(await sign({ ...claims, nbf: Math.floor(Date.now() / 1_000) + 600 }))),
    ).toEqual(invalid);
  });

  test('a token that names no key is tried with eight at most, or 64 keys make each bad one 64 signatures', async () => {
    const strangers = await Promise.all(
      Array.from({ length: 8 }, async () => exportJWK((await generateKeyPair('ES256')).publicKey)),
    );
    const own = await exportJWK(ec.publicKey);
    const filterOf = (keys: readonly object[]) =>
      jwt.createFilter!(translate(BASE, { 'jwks.json': JSON.stringify({ keys }) }).policy!, fakeContext())!;
    const nameless = await new SignJWT({ iss: ISSUER })
      .setProtectedHeader({ alg: 'ES256' })
      .setExpirationTime('5m')
      .sign(ec.privateKey);
    expect(await ask(filterOf([...strangers.slice(1), own]), bearing(nameless))).toBe('allow');
    expect((await ask(filterOf([...strangers, own]), bearing(nameless)))?.[0]).toBe(401);
    const named = await sign({ iss: ISSUER }, { key: ec, alg: 'ES256', kid: 'own' });
    expect(await ask(filterOf([...strangers, { ...own, kid: 'own' }]), bearing(named))).toBe('allow');
  });

  test('neither none nor a public key used as a shared secret (RFC 8725 §2.1)', async () => {
    const filter = createFilter();
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const none = `${part({ alg: 'none' })}.${part({ iss: ISSUER })}.`;
    const secret = Buffer.from(JSON.stringify(JSON.parse(jwks).keys[0]));
    const shared = await new SignJWT({ iss: ISSUER })
      .setProtectedHeader({ alg: 'HS256', kid: 'r' })
      .setExpirationTime('5m')
      .sign(secret);
    expect((await ask(filter, bearing(none)))?.[0]).toBe(401);
    expect((await ask(filter, bearing(shared)))?.[0]).toBe(401);
  });

  test('a token in the cookie counts where there is no Authorization', async () => {
    const filter = createFilter({ 'serin.dev/jwt-cookie': 'session' });
    const token = await sign({ iss: ISSUER });
    expect(await ask(filter, fakeRequest({ headers: { cookie: `session=${token}` } }))).toBe('allow');
    const both = { cookie: `session=${token}`, authorization: 'Bearer wrong' };
    expect((await ask(filter, fakeRequest({ headers: both })))?.[0]).toBe(401);
    expect((await ask(createFilter(), fakeRequest({ headers: { cookie: `session=${token}` } })))?.[0]).toBe(
      401,
    );
  });
});

describe('claims for the backend', () => {
  const upstreamHead = async (claims: JWTPayload, sent: Record<string, string> = {}) => {
    const filter = createFilter({
      'serin.dev/jwt-claims-to-headers': 'sub:X-User, realm.role:X-Role, groups:X-Groups, n:X-N',
    });
    const request = bearing(await sign({ iss: ISSUER, ...claims }));
    expect(await filter.checkAccess!(request)).toBe('allow');
    const head = fakeHead(sent);
    filter.onUpstreamRequest!(head, request);
    return Object.fromEntries(head.headers);
  };

  test('texts, numbers, lists, and what lies deeper', async () => {
    expect(await upstreamHead({ sub: 'ann', realm: { role: 'chef' }, groups: ['a', 'b'], n: 7 })).toEqual({
      'x-user': 'ann',
      'x-role': 'chef',
      'x-groups': 'a,b',
      'x-n': '7',
    });
  });

  test("a client's own never pass, whether the claim is there or not", async () => {
    expect(
      await upstreamHead({ sub: 'ann' }, { 'x-user': 'root', 'x-role': 'root', 'x-other': '1' }),
    ).toEqual({
      'x-user': 'ann',
      'x-other': '1',
    });
  });

  test('what cannot be a header is left out', async () => {
    expect(
      await upstreamHead({
        sub: 'a\r\nX-Admin: 1',
        groups: ['a,b'],
        realm: { role: { deep: 1 } },
        n: 'x'.repeat(5_000),
      } as JWTPayload),
    ).toEqual({});
    expect(await upstreamHead({ sub: '__proto__', realm: 'role' } as JWTPayload)).toEqual({
      'x-user': '__proto__',
    });
  });

  test('of a request that another check let in nothing is sent', () => {
    const head = fakeHead({ 'x-user': 'root' });
    createFilter({ 'serin.dev/jwt-claims-to-headers': 'sub:X-User' }).onUpstreamRequest!(head, fakeRequest());
    expect([...head.headers]).toEqual([]);
  });
});

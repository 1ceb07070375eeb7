import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ingressOf, webObjects } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/*
 * JSON Web Tokens from a manifest to the wire, over a Serin in its own process, with keys of a Secret that change while it runs.
 * The backend answers with the headers of claims that it was sent.
 */

type Pair = Awaited<ReturnType<typeof generateKeyPair>>;
const ISSUER = 'https://id.test';
const OWN = {
  'serin.dev/jwt-issuer': ISSUER,
  'serin.dev/jwt-audience': 'shop',
  'serin.dev/jwt-jwks-secret': 'keys',
  'serin.dev/jwt-claims-to-headers': 'sub:X-User, realm.role:X-Role',
};

const folder = mkdtempSync(join(tmpdir(), 'serin-jwt-'));
let first: Pair;
let second: Pair;
let backend: Server;
let serin: SerinProcess;

function ownIngress(name: string, more: Record<string, string> = {}, named: Record<string, string> = {}) {
  const ingress = ingressOf(name, `${name}.test`, '/', named) as { metadata: { annotations: object } };
  Object.assign(ingress.metadata.annotations, OWN, more);
  return ingress;
}

async function writeKeys(pairs: Readonly<Record<string, Pair>>): Promise<() => void> {
  const keys = await Promise.all(
    Object.entries(pairs).map(async ([kid, { publicKey }]) => ({ ...(await exportJWK(publicKey)), kid })),
  );
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'a', name: 'keys' } };
  const text = stringify({ ...secret, stringData: { 'jwks.json': JSON.stringify({ keys }) } });
  return () => writeFileSync(join(folder, 'secret.yaml'), text);
}

interface Signing {
  readonly key?: Pair | Uint8Array;
  readonly header?: { readonly alg?: string; readonly kid?: string };
  readonly expiresIn?: number;
}

function sign(claims: JWTPayload = {}, { key = first, header, expiresIn = 300 }: Signing = {}) {
  const { alg = 'RS256', ...rest } = header ?? { kid: '1' };
  return new SignJWT({ iss: ISSUER, aud: 'shop', sub: 'ann', ...claims })
    .setProtectedHeader({ alg, ...rest })
    .setExpirationTime(Math.floor(Date.now() / 1_000) + expiresIn)
    .sign(key instanceof Uint8Array ? key : key.privateKey);
}

async function ask(host: string, ...lines: string[]): Promise<string> {
  const socket = connect(serin.httpPort, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  const head = ['GET /x HTTP/1.1', `Host: ${host}`, 'Connection: close', ...lines];
  socket.write(`${head.join('\r\n')}\r\n\r\n`);
  await once(socket, 'close');
  return text;
}

const bearing = (token: string, ...lines: string[]) =>
  ask('shop.test', `Authorization: Bearer ${token}`, ...lines);
const statusOf = (text: string) => Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]);

beforeAll(async () => {
  [first, second] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('RS256')]);
  backend = createServer(({ headers }, response) => {
    const { 'x-user': user = 'nobody', 'x-role': role = 'none', authorization = 'nothing' } = headers;
    response.end(`user ${String(user)} role ${String(role)} by ${authorization}`);
  });
  await once(backend.listen(0, '127.0.0.1'), 'listening');
  const { port } = backend.address() as AddressInfo;
  const objects = [
    ownIngress('shop'),
    ownIngress('cookie', { 'serin.dev/jwt-cookie': 'session' }),
    ownIngress('near', {}, { 'allowlist-source-range': '127.0.0.0/8', satisfy: 'any' }),
    ownIngress('far', {}, { 'allowlist-source-range': '192.0.2.0/24', satisfy: 'any' }),
    ownIngress('missing', { 'serin.dev/jwt-jwks-secret': 'nowhere' }),
    ownIngress('fetched', {
      'serin.dev/jwt-jwks-url': `http://127.0.0.1:${port}/`,
      'serin.dev/jwt-jwks-secret': '',
    }),
    ingressOf('open', 'open.test', '/'),
    ...webObjects(port),
  ];
  (await writeKeys({ 1: first }))();
  writeFileSync(join(folder, 'objects.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  serin = await startSerin(['serve', `--manifests=${folder}`, '--watch-ingress-without-class']);
});

afterAll(async () => {
  await serin?.stop();
  backend?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a token', () => {
  test('that is good lets its bearer in, with claims as headers, and goes to the backend', async () => {
    const token = await sign({ realm: { role: 'chef' } });
    for (let time = 0; time < 2; time++) {
      expect(await bearing(token)).toContain(`user ann role chef by Bearer ${token}`);
    }
  });

  test('that is missing is asked for', async () => {
    const text = await ask('shop.test');
    expect(text).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    expect(text).toContain('\r\nWWW-Authenticate: Bearer\r\n');
    expect(text).toContain('<center><h1>401 Authorization Required</h1></center>');
  });

  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const cases: [name: string, token: () => string | Promise<string>][] = [
    ['expired', () => sign({}, { expiresIn: -60 })],
    ['not good yet', () => sign({ nbf: Math.floor(Date.now() / 1_000) + 600 })],
    ['of another issuer', () => sign({ iss: 'https://else.test' })],
    ['for another audience', () => sign({ aud: ['till', 'Shop'] })],
    ['signed by another key', () => sign({}, { key: second })],
    ['of a key that is not in the set', () => sign({}, { key: second, header: { kid: '2' } })],
    ['without a kid, by another key', () => sign({}, { key: second, header: {} })],
    [
      'signed by nobody',
      () => `${part({ alg: 'none', kid: '1' })}.${part({ iss: ISSUER, aud: 'shop', exp: 9_999_999_999 })}.`,
    ],
    [
      'whose shared secret is the public key',
      async () => {
        const key = Buffer.from(JSON.stringify(await exportJWK(first.publicKey)));
        return sign({}, { key, header: { alg: 'HS256', kid: '1' } });
      },
    ],
    [
      'whose payload is another one',
      async () => {
        const [header, , signature] = (await sign()).split('.');
        return `${header}.${part({ iss: ISSUER, aud: 'shop', sub: 'root' })}.${signature}`;
      },
    ],
    ['that is none', () => 'a.b.c'],
  ];
  for (const [name, make] of cases) {
    test(`${name} is refused`, async () => {
      const text = await bearing(await make());
      expect(statusOf(text)).toBe(401);
      expect(text).toContain('\r\nWWW-Authenticate: Bearer error="invalid_token"\r\n');
    });
  }

  test('without a kid, by the key of the set', async () => {
    expect(statusOf(await bearing(await sign({}, { header: {} })))).toBe(200);
  });

  test('in a cookie counts where the route says so', async () => {
    const cookie = `Cookie: session=${await sign()}`;
    expect([statusOf(await ask('cookie.test', cookie)), statusOf(await ask('shop.test', cookie))]).toEqual([
      200, 401,
    ]);
  });
});

test('headers of claims are never the client’s own', async () => {
  const forged = ['X-User: root', 'x-user: root', 'X_User: root', 'X-Role: root'];
  expect(await bearing(await sign(), ...forged)).toContain('user ann role none');
  expect(await ask('near.test', ...forged)).toContain('user nobody role none');
});

test('satisfy: any takes an address or a token', async () => {
  const token = `Authorization: Bearer ${await sign()}`;
  expect(statusOf(await ask('near.test'))).toBe(200);
  expect([statusOf(await ask('far.test')), statusOf(await ask('far.test', token))]).toEqual([401, 200]);
});

test('routes whose keys are not there, or would come from this machine, are closed, and others open', async () => {
  const token = `Authorization: Bearer ${await sign()}`;
  expect(statusOf(await ask('missing.test', token))).toBe(503);
  expect(statusOf(await ask('fetched.test', token))).toBe(503);
  expect(statusOf(await ask('open.test'))).toBe(200);
  const findings = await (await fetch(`http://127.0.0.1:${serin.healthPort}/api/findings`)).text();
  expect(findings).toContain('has an address from which no keys are taken');
  expect(findings).toContain('is a Secret that does not exist');
});

test('a key that comes counts at once, and one that goes no more, remembered tokens among them', async () => {
  const old = await sign();
  const young = await sign({}, { key: second, header: { kid: '2' } });
  expect([statusOf(await bearing(old)), statusOf(await bearing(young))]).toEqual([200, 401]);
  await serin.afterTable(await writeKeys({ 1: first, 2: second }));
  expect([statusOf(await bearing(old)), statusOf(await bearing(young))]).toEqual([200, 200]);
  await serin.afterTable(await writeKeys({ 2: second }));
  expect([statusOf(await bearing(old)), statusOf(await bearing(young))]).toEqual([401, 200]);
});

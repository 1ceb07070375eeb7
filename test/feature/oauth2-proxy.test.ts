import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/*
 * The real oauth2-proxy, found in PATH or named by OAUTH2_PROXY, with a provider of OpenID Connect that lets everybody in, and a client
 * that keeps cookies: log in, come back to the page, log out.
 */

const PROGRAM = process.env['OAUTH2_PROXY'] ?? 'oauth2-proxy';
const HOST = 'app.test';
const folder = mkdtempSync(join(tmpdir(), 'serin-oauth2-'));

function isThere(): boolean {
  try {
    execFileSync(PROGRAM, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function listen(handle: Parameters<typeof createServer>[1]): Promise<Server & { port: number }> {
  const server = createServer(handle!);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(server, { port: (server.address() as AddressInfo).port });
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Says yes to everybody, who is then ann@app.test. */
async function startProvider(): Promise<Server & { port: number }> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const nonces = new Map<string, string>();
  const provider = await listen((incoming, response) => {
    const issuer = `http://127.0.0.1:${provider.port}`;
    const url = new URL(incoming.url!, issuer);
    const json = (value: object): void => {
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(value));
    };
    if (url.pathname === '/.well-known/openid-configuration') {
      json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/keys`,
        id_token_signing_alg_values_supported: ['RS256'],
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
      });
    } else if (url.pathname === '/keys') {
      json({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' }] });
    } else if (url.pathname === '/authorize') {
      const code = `code-${nonces.size}`;
      nonces.set(code, url.searchParams.get('nonce') ?? '');
      const back = new URL(url.searchParams.get('redirect_uri')!);
      back.searchParams.set('code', code);
      back.searchParams.set('state', url.searchParams.get('state')!);
      response.writeHead(302, { Location: back.href }).end();
    } else {
      let text = '';
      incoming.on('data', (chunk: Buffer) => (text += chunk.toString()));
      incoming.on('end', () => {
        const now = Math.floor(Date.now() / 1000);
        const nonce = nonces.get(new URLSearchParams(text).get('code') ?? '');
        const claims = { iss: issuer, aud: 'serin', sub: 'ann', iat: now, exp: now + 600 };
        const body = `${encode({ alg: 'RS256', kid: 'one' })}.${encode({ ...claims, email: 'ann@app.test', email_verified: true, nonce })}`;
        const token = `${body}.${sign('RSA-SHA256', Buffer.from(body), privateKey).toString('base64url')}`;
        json({ access_token: 'a', token_type: 'Bearer', expires_in: 600, id_token: token });
      });
    }
  });
  return provider;
}

describe.skipIf(!isThere())('oauth2-proxy (skipped where there is none)', () => {
  let provider: Server & { port: number };
  let backend: Server & { port: number };
  let oauth: ChildProcess;
  let serin: SerinProcess;
  const cookies = new Map<string, string>();

  function service(name: string, port: number): object[] {
    return [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { namespace: 'a', name },
        spec: { clusterIP: '10.0.0.1', ports: [{ port: 80, targetPort: port }] },
      },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { namespace: 'a', name, labels: { 'kubernetes.io/service-name': name } },
        addressType: 'IPv4',
        ports: [{ name: '', port, protocol: 'TCP' }],
        endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
      },
    ];
  }

  function ingress(path: string, name: string, annotations: Record<string, string>): object {
    const named = Object.entries(annotations).map(([key, value]) => [
      `nginx.ingress.kubernetes.io/${key}`,
      value,
    ]);
    const paths = [{ path, pathType: 'Prefix', backend: { service: { name, port: { number: 80 } } } }];
    return {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { namespace: 'a', name, annotations: Object.fromEntries(named) },
      spec: { rules: [{ host: HOST, http: { paths } }] },
    };
  }

  beforeAll(async () => {
    provider = await startProvider();
    backend = await listen((incoming, response) =>
      response.end(`page for ${String(incoming.headers['x-auth-request-email'])}`),
    );
    const free = await listen(() => {});
    const port = free.port;
    await new Promise((resolve) => free.close(resolve));
    oauth = spawn(
      PROGRAM,
      [
        '--provider=oidc',
        `--oidc-issuer-url=http://127.0.0.1:${provider.port}`,
        '--client-id=serin',
        '--client-secret=secret',
        `--cookie-secret=${'0123456789abcdef'.repeat(2)}`,
        '--cookie-secure=false',
        '--email-domain=*',
        '--set-xauthrequest=true',
        '--reverse-proxy=true',
        '--skip-provider-button=true',
        `--redirect-url=http://${HOST}/oauth2/callback`,
        `--whitelist-domain=${HOST}`,
        `--http-address=127.0.0.1:${port}`,
        '--upstream=static://202',
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    await new Promise<void>((resolve, reject) => {
      let text = '';
      const read = (chunk: Buffer): void => {
        text += chunk.toString();
        if (text.includes(`127.0.0.1:${port}`) || text.includes('OAuthProxy configured')) resolve();
      };
      oauth.stdout!.on('data', read);
      oauth.stderr!.on('data', read);
      oauth.on('exit', () => reject(new Error(text)));
    });
    const objects = [
      ...service('web', backend.port),
      ...service('oauth', port),
      ingress('/', 'web', {
        'auth-url': 'http://oauth.a.svc.cluster.local/oauth2/auth',
        'auth-signin': `http://$host/oauth2/start?rd=$escaped_request_uri`,
        'auth-response-headers': 'X-Auth-Request-Email',
      }),
      ingress('/oauth2', 'oauth', {}),
    ];
    writeFileSync(join(folder, 'all.yaml'), objects.map((object) => stringify(object)).join('---\n'));
    serin = await startSerin([
      'serve',
      `--manifests=${folder}`,
      '--watch-ingress-without-class',
      '--workers=1',
    ]);
  }, 60_000);

  afterAll(async () => {
    await serin?.stop();
    oauth?.kill('SIGKILL');
    provider?.close();
    backend?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** One request as a browser makes it: names of the site lead to Serin. */
  async function visit(href: string): Promise<{ status: number; location: string; body: string }> {
    const url = new URL(href);
    const isSite = url.hostname === HOST;
    const jar = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const sent = request({
      host: '127.0.0.1',
      port: isSite ? serin.httpPort : url.port,
      path: url.pathname + url.search,
      headers: isSite ? { host: HOST, cookie: jar, 'x-auth-request-email': 'root@app.test' } : {},
      agent: false,
    });
    sent.end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    let body = '';
    for await (const chunk of response) body += String(chunk);
    for (const line of response.headers['set-cookie'] ?? []) {
      const [pair = ''] = line.split(';');
      const equals = pair.indexOf('=');
      const value = pair.slice(equals + 1);
      if (value === '') cookies.delete(pair.slice(0, equals));
      else cookies.set(pair.slice(0, equals), value);
    }
    return { status: response.statusCode!, location: response.headers.location ?? '', body };
  }

  test('log in, come back to the page, log out', async () => {
    const page = `http://${HOST}/page?a=b&c=d`;
    const first = await visit(page);
    expect([first.status, first.location]).toEqual([
      302,
      `http://${HOST}/oauth2/start?rd=%2Fpage%3Fa%3Db%26c%3Dd`,
    ]);
    let at = page;
    let seen = first;
    for (let i = 0; i < 6 && seen.location !== ''; i++) {
      at = new URL(seen.location, at).href;
      seen = await visit(at);
    }
    expect([at, seen.status, seen.body]).toEqual([page, 200, 'page for ann@app.test']);
    expect((await visit(page)).body).toBe('page for ann@app.test');
    await visit(`http://${HOST}/oauth2/sign_out`);
    expect((await visit(page)).status).toBe(302);
  });
});

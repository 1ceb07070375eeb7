import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ingressOf, serviceObjects } from '../fixtures/manifests.ts';
import {
  hasOauth2Proxy,
  listenOn,
  startOauth2Proxy,
  startProvider,
  type Listening,
  type Oauth2Proxy,
} from '../fixtures/oauth2-proxy.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/*
 * The real oauth2-proxy with a provider of OpenID Connect that lets everybody in, and a client that keeps cookies: log in, come back to the
 * page, log out.
 */

const HOST = 'app.test';
const folder = mkdtempSync(join(tmpdir(), 'serin-oauth2-'));

describe.skipIf(!hasOauth2Proxy)('oauth2-proxy (skipped where there is none)', () => {
  let provider: Listening;
  let backend: Listening;
  let oauth: Oauth2Proxy;
  let serin: SerinProcess;
  const cookies = new Map<string, string>();

  beforeAll(async () => {
    provider = await startProvider();
    backend = await listenOn((incoming, response) =>
      response.end(`page for ${String(incoming.headers['x-auth-request-email'])}`),
    );
    oauth = await startOauth2Proxy(
      provider,
      '--cookie-secure=false',
      `--redirect-url=http://${HOST}/oauth2/callback`,
      `--whitelist-domain=${HOST}`,
    );
    const objects = [
      ...serviceObjects('web', backend.port),
      ...serviceObjects('oauth', oauth.port),
      ingressOf('web', HOST, '/', {
        'auth-url': 'http://oauth.a.svc.cluster.local/oauth2/auth',
        'auth-signin': `http://$host/oauth2/start?rd=$escaped_request_uri`,
        'auth-response-headers': 'X-Auth-Request-Email',
      }),
      ingressOf('oauth', HOST, '/oauth2', {}, 'oauth'),
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
    oauth?.child.kill('SIGKILL');
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

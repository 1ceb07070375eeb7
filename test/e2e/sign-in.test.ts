import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { hasBrowser, startBrowser, type Browser, type Page } from '../fixtures/browser.ts';
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

/** Somebody at a real browser signs in by the real oauth2-proxy, over TLS: log in, come back to the page, log out. */

const HOST = 'app.test';
const FORM = 'Who are you?';
const folder = mkdtempSync(join(tmpdir(), 'serin-sign-in-'));

describe.skipIf(!hasBrowser || !hasOauth2Proxy)('signing in (needs chromium and oauth2-proxy)', () => {
  let provider: Listening;
  let backend: Listening;
  let oauth: Oauth2Proxy;
  let serin: SerinProcess;
  let browser: Browser;
  /** Who asked the backend for what. */
  let asked: string[] = [];

  beforeAll(async () => {
    provider = await startProvider({ hasForm: true });
    backend = await listenOn(({ headers, url }, response) => {
      const user = String(headers['x-auth-request-email']);
      asked.push(`${user} ${url}`);
      response.setHeader('Content-Type', 'text/html');
      response.end(`<!doctype html><link rel="icon" href="data:,"><body>${url} for ${user}`);
    });
    oauth = await startOauth2Proxy(provider, '--cookie-secure=true', `--whitelist-domain=${HOST}:*`);
    const objects = [
      ...serviceObjects('web', backend.port),
      ...serviceObjects('oauth', oauth.port),
      ingressOf('web', HOST, '/', {
        'auth-url': 'http://oauth.a.svc.cluster.local/oauth2/auth',
        'auth-signin': 'https://$http_host/oauth2/start?rd=$escaped_request_uri',
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
    browser = await startBrowser();
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await serin?.stop();
    oauth?.child.kill('SIGKILL');
    for (const server of [provider, backend]) {
      server?.closeAllConnections();
      server?.close();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => {
    asked = [];
  });

  const urlOf = (path: string): string => `https://${HOST}:${serin.httpsPort}${path}`;

  /** Sends the provider's form. */
  const signIn = (page: Page, user: string): Promise<void> =>
    page.afterLoad(() => page.run(`document.forms[0].user.value = '${user}'; document.forms[0].submit()`));

  test('log in, come back to the page, log out', async () => {
    const page = await browser.open();
    await page.visit(urlOf('/page?a=b&c=d%26e'));
    expect([await page.text(), new URL(await page.url()).port, asked]).toEqual([
      FORM,
      String(provider.port),
      [],
    ]);
    await signIn(page, 'ann');
    expect(await page.url()).toBe(urlOf('/page?a=b&c=d%26e'));
    expect(await page.text()).toBe('/page?a=b&c=d%26e for ann@app.test');
    // What the page loads is let in as well, and is nobody else whatever it says.
    const forged = "{ headers: { 'X-Auth-Request-Email': 'root@app.test' } }";
    const part = await page.run<string>(`fetch('/part', ${forged}).then((response) => response.text())`);
    expect(part).toContain('/part for ann@app.test');
    expect(await page.run('document.cookie')).toBe('');
    await page.visit(urlOf('/oauth2/sign_out'));
    expect(await page.text()).toBe(FORM);
    await page.visit(urlOf('/page'));
    expect(await page.text()).toBe(FORM);
    expect(asked).toEqual(['ann@app.test /page?a=b&c=d%26e', 'ann@app.test /part']);
  });

  test('two at once are two', async () => {
    const pages = await Promise.all(['ann', 'bob'].map(() => browser.open()));
    for (const [i, user] of ['ann', 'bob'].entries()) {
      await pages[i]!.visit(urlOf(`/of-${user}`));
      await signIn(pages[i]!, user);
    }
    await Promise.all(pages.map((page) => page.visit(urlOf('/mine'))));
    expect(await Promise.all(pages.map((page) => page.text()))).toEqual([
      '/mine for ann@app.test',
      '/mine for bob@app.test',
    ]);
  });

  test('the way back leads nowhere but to the site', async () => {
    for (const target of ['https://evil.test/', '//evil.test/', String.raw`/\evil.test/`]) {
      const page = await browser.open();
      await page.visit(urlOf(`/oauth2/start?rd=${encodeURIComponent(target)}`));
      await signIn(page, 'ann');
      expect([target, new URL(await page.url()).hostname]).toEqual([target, HOST]);
    }
  });
});

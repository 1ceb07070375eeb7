import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Pool } from 'undici';
import { WebSocket } from 'ws';
import { curl, startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

const hasCurl = spawnSync('curl', ['--version']).status === 0;

// The commands of the lab, with real curl, against `serin serve --example`.
describe.skipIf(!hasCurl)('the walk-through with curl (skipped where curl is not installed)', () => {
  let serin: SerinProcess;
  let http: string;

  beforeAll(async () => {
    serin = await startSerin(['serve', '--example', '--workers=2']);
    http = `http://127.0.0.1:${serin.httpPort}`;
  });
  afterAll(async () => {
    expect(await serin.stop()).toBe(0);
  });

  const hostname = (page: string) => /HOSTNAME=(\S+)/.exec(page)?.[1] ?? '';

  test('the main application answers on its host and path', async () => {
    expect(hostname(await curl('-H', 'Host: web.app', '-H', 'canary: never', `${http}/web`))).toMatch(
      /^web-6d5f/,
    );
  });

  test('`canary: always` always reaches the canary, `never` never does', async () => {
    const seen = { always: new Set<string>(), never: new Set<string>() };
    for (let i = 0; i < 30; i++) {
      for (const value of ['always', 'never'] as const) {
        seen[value].add(hostname(await curl('-H', `canary: ${value}`, '-H', 'Host: web.app', `${http}/web`)));
      }
    }
    expect([...seen.always].every((name) => name.startsWith('web-canary-'))).toBe(true);
    expect([...seen.never].every((name) => name.startsWith('web-6d5f'))).toBe(true);
    expect(seen.always.size).toBe(2);
    expect(seen.never.size).toBe(3);
  });

  test('by weight both applications answer', async () => {
    const names: string[] = [];
    for (let i = 0; i < 60; i++) names.push(hostname(await curl('-H', 'Host: web.app', `${http}/web`)));
    const canary = names.filter((name) => name.startsWith('web-canary-')).length;
    // 60 draws at 30 in 100: 18, and 3 sigma is 10.6.
    expect(canary).toBeGreaterThan(7);
    expect(canary).toBeLessThan(29);
  });

  test('10,000 requests at weight 30 split within 3 sigma', async () => {
    const pool = new Pool(http, { connections: 16 });
    const round = async () => {
      let canary = 0;
      let sent = 0;
      const send = async () => {
        while (sent < 10_000) {
          sent++;
          const { body } = await pool.request({ method: 'GET', path: '/web', headers: { host: 'web.app' } });
          if (hostname(await body.text()).startsWith('web-canary-')) canary++;
        }
      };
      await Promise.all(Array.from({ length: 16 }, send));
      return Math.abs(canary - 3_000);
    };
    // One honest round in 370 is beyond 3 sigma (137.5): the median of three says whether the split is right.
    const off = [await round(), await round(), await round()].toSorted((a, b) => a - b);
    await pool.close();
    expect(off[1]).toBeLessThan(138);
  });

  test('the TLS host answers over TLS and redirects to it', async () => {
    const secure = ['--connect-to', `secure.web.app:443:127.0.0.1:${serin.httpsPort}`];
    expect(hostname(await curl('-k', ...secure, 'https://secure.web.app/'))).toMatch(/^web-6d5f/);
    const certificate = await curl('-kv', '--stderr', '-', ...secure, 'https://secure.web.app/');
    expect(certificate).toContain('CN=secure.web.app');
    const redirect = await curl('-i', '-H', 'Host: secure.web.app', `${http}/a?b=c`);
    expect(redirect).toMatch(/^HTTP\/1\.1 308 Permanent Redirect\r\n/);
    expect(redirect).toMatch(/\r\nLocation: https:\/\/secure\.web\.app\/a\?b=c\r\n/);
  });

  test('the dashboard answers through HTTPS to a self-signed backend, assets included', async () => {
    expect(await curl(`${http}/dashboard/`)).toContain('<h1>Dashboard</h1>');
    expect(await curl(`${http}/dashboard`)).toContain('<h1>Dashboard</h1>');
    expect(await curl(`${http}/dashboard/assets/app.js`)).toContain('new WebSocket');
    expect(await curl(`${http}/dashboard/api/v1/overview`)).toContain('"status":"ok"');
    expect(await curl('-o', '/dev/null', '-w', '%{http_code}', `${http}/dashboard/nowhere`)).toBe('404');
  });

  test('a WebSocket to the dashboard carries messages both ways', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${serin.httpPort}/dashboard/api/echo`);
    const echoed = new Promise<string>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('open', () => socket.send('hello'));
      socket.on('message', (data) => resolve(String(data)));
    });
    expect(await echoed).toBe('hello');
    socket.close();
  });

  test('an unknown host is a 404 page', async () => {
    expect(await curl('-i', `${http}/`, '-H', 'Host: unknown.test')).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
  });

  test('health, readiness and metrics answer on the health port', async () => {
    const health = `http://127.0.0.1:${serin.healthPort}`;
    expect(await curl(`${health}/healthz`)).toBe('ok');
    expect(await curl(`${health}/readyz`)).toBe('ok');
    const metrics = await curl(`${health}/metrics`);
    expect(metrics).toMatch(
      /nginx_ingress_controller_requests\{[^}]*canary="default-web-canary-80"[^}]*\} [1-9]/,
    );
    expect(metrics).toContain('nginx_ingress_controller_config_last_reload_successful');
  });

  test("the access log has ingress-nginx's default form", async () => {
    await curl('-H', 'Host: web.app', '-H', 'canary: always', '-H', 'X-Request-ID: my-id', `${http}/web?x=1`);
    const line = await serin.waitFor(
      /127\.0\.0\.1 - - \[[^\]]+\] "GET \/web\?x=1 HTTP\/1\.1" 200 .* my-id\n/,
    );
    expect(line).toContain('[default-web-80] [default-web-canary-80] 127.0.0.1:');
  });
});

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { stringify } from 'yaml';
import { hasBrowser, startBrowser, type Browser, type Page } from '../fixtures/browser.ts';
import { ingressOf, serviceObjects } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';
import { eventually } from '../protocol/engine/harness.ts';

/** What browsers do with Serin over TLS: a real one against a Serin in its own process. */

const ASSETS = 60;
/** Asks for no icon. */
const HTML = '<!doctype html><link rel="icon" href="data:,">';
const IMAGE = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>';
const folder = mkdtempSync(join(tmpdir(), 'serin-browser-e2e-'));
const servers: Server[] = [];
/** What the backends were asked: method and path. */
let asked: string[] = [];
let streams = 0;
/** Sends an event to all who listen. */
let publish: (text: string) => void = () => {};
let streamEnded: () => void = () => {};
let serin: SerinProcess;
let browser: Browser;

function page(incoming: IncomingMessage, response: ServerResponse, name: string): void {
  const { method, url = '' } = incoming;
  asked.push(`${method} ${url}`);
  if (url === '/assets') {
    const images = Array.from({ length: ASSETS }, (_, i) => `<img src="/asset/${i}.svg">`);
    response.setHeader('Content-Type', 'text/html');
    response.end(`${HTML}${images.join('')}`);
  } else if (url.startsWith('/asset/')) {
    response.setHeader('Content-Type', 'image/svg+xml');
    response.end(IMAGE);
  } else if (url === '/events') {
    streams++;
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.write('data: hello\n\n');
    publish = (text) => void response.write(`data: ${text}\n\n`);
    response.on('close', () => {
      streams--;
      streamEnded();
    });
  } else {
    response.setHeader('Content-Type', 'text/html');
    response.end(`${HTML}<body>${name} ${incoming.headers.authorization ?? 'nobody'}`);
  }
}

async function listen(name: string): Promise<number> {
  const server = createServer((incoming, response) => page(incoming, response, name));
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (each: WebSocket) => {
      asked.push(`socket ${request.url}`);
      each.on('message', (message) => each.send(`${String(message)} again`));
    }),
  );
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

const urlOf = (host: string, path = '/'): string => `https://${host}:${serin.httpsPort}${path}`;

describe.skipIf(!hasBrowser)('a browser (needs chromium)', () => {
  beforeAll(async () => {
    const [first, second] = [await listen('one'), await listen('two')];
    const both = [...serviceObjects('both', first), ...serviceObjects('both', second).slice(1)];
    (both[2] as { metadata: { name: string } }).metadata.name = 'both-2';
    const objects = [
      ...serviceObjects('web', first),
      ...both,
      ingressOf('web', 'a.test', '/'),
      ingressOf('other', 'b.test', '/'),
      ingressOf('sticky', 'sticky.test', '/', { affinity: 'cookie', 'session-cookie-name': 'at' }, 'both'),
      ingressOf('basic', 'basic.test', '/', { 'auth-type': 'basic', 'auth-secret': 'users' }),
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace: 'a', name: 'users' },
        stringData: { auth: 'ann:{PLAIN}secret\n' },
      },
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { namespace: 'a', name: 'settings' },
        data: { 'log-format-upstream': '[$request_uri $server_protocol $connection $status]' },
      },
    ];
    writeFileSync(join(folder, 'all.yaml'), objects.map((object) => stringify(object)).join('---\n'));
    serin = await startSerin([
      'serve',
      `--manifests=${folder}`,
      '--configmap=a/settings',
      '--watch-ingress-without-class',
      '--workers=1',
    ]);
    const cors = {
      'enable-cors': 'true',
      'cors-allow-origin': urlOf('a.test', ''),
      'cors-allow-methods': 'GET, PUT',
      'cors-allow-headers': 'X-Mine',
    };
    const ingress = stringify(ingressOf('cors', 'cors.test', '/', cors));
    await serin.afterTable(() => writeFileSync(join(folder, 'cors.yaml'), ingress));
    browser = await startBrowser();
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await serin?.stop();
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
    rmSync(folder, { recursive: true, force: true });
  });

  beforeEach(() => {
    asked = [];
  });

  async function visit(url: string): Promise<Page> {
    const opened = await browser.open();
    await opened.visit(url);
    return opened;
  }

  test('loads a page with 60 assets over one connection of HTTP/2', async () => {
    const opened = await visit(urlOf('a.test', '/assets'));
    const protocols = await opened.run<string[]>(
      `[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .filter(({ name }) => !name.startsWith('data:')).map(({ nextHopProtocol }) => nextHopProtocol)`,
    );
    expect(protocols).toEqual(Array.from({ length: ASSETS + 1 }, () => 'h2'));
    const loaded = '[...document.images].filter(({ naturalWidth }) => naturalWidth > 0).length';
    expect(await opened.run(loaded)).toBe(ASSETS);
    const linesOf = () => serin.stdout().match(/\[\/asset\/\S+ \S+ \S+ \d+\]/g) ?? [];
    await eventually(() => linesOf().length >= ASSETS);
    const lines = linesOf();
    expect(lines).toHaveLength(ASSETS);
    expect(new Set(lines.map((line) => line.split(' ').slice(1).join(' '))).size).toBe(1);
  });

  test('speaks by a WebSocket over the connection that brought the page', async () => {
    const opened = await visit(urlOf('a.test', '/x'));
    const answer = await opened.run(`new Promise((resolve, reject) => {
      const socket = new WebSocket('wss://' + location.host + '/socket');
      socket.onopen = () => socket.send('ping');
      socket.onerror = () => reject(new Error('no socket'));
      socket.onmessage = ({ data }) => { socket.onclose = () => resolve(data); socket.close(); };
    })`);
    expect([answer, asked.filter((line) => line.startsWith('socket'))]).toEqual([
      'ping again',
      ['socket /socket'],
    ]);
    // RFC 8441: an extended CONNECT, which HTTP/1.1 has not.
    const socket = await serin.waitFor(/\[\/socket HTTP\/2\.0 \S+ /);
    const first = /\[\/x HTTP\/2\.0 \S+ /.exec(serin.stdout())![0];
    expect(socket.split(' ').slice(1)).toEqual(first.split(' ').slice(1));
  });

  test('gets events as they are sent, and is told of when it goes', async () => {
    const opened = await visit(urlOf('a.test', '/'));
    const ended = new Promise<void>((resolve) => (streamEnded = resolve));
    await opened.run(`new Promise((resolve) => {
      self.got = [];
      self.source = new EventSource('/events');
      source.onmessage = ({ data }) => { got.push(data); self.next?.(); resolve(); };
    })`);
    expect([await opened.run('got.join()'), streams]).toEqual(['hello', 1]);
    const next = opened.run('new Promise((resolve) => (self.next = () => resolve(got.join())))');
    await opened.run('0');
    publish('world');
    expect(await next).toBe('hello,world');
    await opened.run('source.close()');
    await ended;
    expect(streams).toBe(0);
  });

  test('keeps to its endpoint by the cookie, which scripts do not see', async () => {
    const opened = await visit(urlOf('sticky.test'));
    const [name] = (await opened.text()).split(' ');
    const ask = "fetch('/').then((response) => response.text())";
    const texts = await opened.run<string[]>(`Promise.all(Array.from({ length: 20 }, () => ${ask}))`);
    expect(new Set(texts.map((text) => /(one|two) /.exec(text)?.[1]))).toEqual(new Set([name]));
    expect(await opened.run('document.cookie')).toBe('');
    const { cookies } = (await opened.ask('Network.getCookies')) as { cookies: Record<string, unknown>[] };
    expect(cookies.map(({ name, httpOnly, path }) => [name, httpOnly, path])).toEqual([['at', true, '/']]);
  });

  test('asks before it calls another origin, and calls only where that may be', async () => {
    const call = (init: string) =>
      `fetch('${urlOf('cors.test', '/thing')}', ${init}).then(({ status }) => status, (error) => error.name)`;
    const opened = await visit(urlOf('a.test'));
    asked = [];
    expect(
      await opened.run(call("{ method: 'PUT', headers: { 'X-Mine': '1' }, credentials: 'include' }")),
    ).toBe(200);
    expect(asked).toEqual(['PUT /thing']);
    // Neither the method nor the header is allowed: the browser does not even send them.
    expect(await opened.run(call("{ method: 'DELETE' }"))).toBe('TypeError');
    expect(await opened.run(call("{ headers: { 'X-Other': '1' } }"))).toBe('TypeError');
    expect(asked).toEqual(['PUT /thing']);
    const stranger = await visit(`http://127.0.0.1:${(servers[0]!.address() as AddressInfo).port}/`);
    asked = [];
    expect(await stranger.run(call("{ method: 'PUT', headers: { 'X-Mine': '1' } }"))).toBe('TypeError');
    // A preflight of a stranger is the backend's to answer, as with ingress-nginx.
    expect(asked).toEqual(['OPTIONS /thing']);
  });

  test('is asked for a password, and has it for all that the page loads', async () => {
    // Nobody is there to answer the prompt.
    for (const host of ['basic.test', 'ann:wrong@basic.test'])
      await expect(visit(urlOf(host))).rejects.toThrow('ERR_INVALID_AUTH_CREDENTIALS');
    expect(asked).toEqual([]);
    const known = await visit(urlOf('ann:secret@basic.test', '/assets'));
    expect(await known.run('[...document.images].every(({ naturalWidth }) => naturalWidth > 0)')).toBe(true);
    expect(await known.run('fetch(location.origin).then((response) => response.text())')).toContain(
      'one nobody',
    );
  });
});

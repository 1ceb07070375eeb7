import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Filter, RequestView } from '../../../src/features/kit/filter.ts';
import { createFixedRouter } from './fixed-router.ts';
import { Bench, eventually, OK } from './harness.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const request = (path: string, fields = '') => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`;

describe('what serves a request serves the next one, of whatever connection', () => {
  /** Who served each request, and what it was. */
  async function serving(filter: (view: RequestView) => Promise<undefined> | undefined) {
    const views: RequestView[] = [];
    const seen: string[] = [];
    const onRequest: Filter['onRequest'] = (view) => {
      views.push(view);
      seen.push(`${view.connection.peerPort} ${view.sequence} ${view.path} ${view.header('x-of') ?? '-'}`);
      return filter(view);
    };
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint], filters: [{ onRequest }] });
    return { engine, upstream, views, seen };
  }

  test('and nothing of one client is another’s', async () => {
    const { engine, upstream, views, seen } = await serving(() => undefined);
    const clients = [await engine.connect(), await engine.connect()];
    for (let round = 1; round <= 2; round++) {
      for (const [index, client] of clients.entries()) {
        client.send(request(`/${index}${round}`, index === 0 ? 'X-Of: first\r\nCookie: a=b\r\n' : ''));
        expect(await client.response()).toContain('200 OK');
      }
    }
    expect(new Set(views).size).toBe(1);
    const [first, second] = clients.map(({ socket }) => socket.localPort);
    expect(seen).toEqual([
      `${first} 1 /01 first`,
      `${second} 1 /11 -`,
      `${first} 2 /02 first`,
      `${second} 2 /12 -`,
    ]);
    expect(upstream.requests.map((text) => /cookie: a=b/i.test(text))).toEqual([true, false, true, false]);
  });

  test('while one is under way another one serves', async () => {
    const { engine, views } = await serving(() => undefined);
    const [early, late] = [await engine.connect(), await engine.connect()];
    early.send('GET /early HTTP/1.1\r\nHost: a.te');
    await eventually(() => engine.context.stats.reading === 2);
    late.send(request('/late'));
    await late.response();
    early.send('st\r\n\r\n');
    expect(await early.response()).toContain('200 OK');
    expect(views.map(({ path }) => path)).toEqual(expect.arrayContaining(['/early']));
    expect(new Set(views).size).toBe(2);
  });

  test('but not what a filter’s promise may still hold', async () => {
    const { engine, views } = await serving(async () => undefined);
    const clients = [await engine.connect(), await engine.connect()];
    for (const client of [...clients, ...clients]) {
      client.send(request('/'));
      expect(await client.response()).toContain('200 OK');
    }
    expect(views[0]).not.toBe(views[1]);
    expect(views[2]).toBe(views[0]);
    expect(views[3]).toBe(views[1]);
  });

  test('the limits of heads follow the settings in force', async () => {
    const upstream = await bench.answering(() => OK);
    const endpoints = [upstream.endpoint];
    let router = createFixedRouter({ endpoints });
    const engine = await bench.serve(() => router);
    const client = await engine.connect();
    client.send(request('/'));
    await client.response();
    router = createFixedRouter({ endpoints, settings: { maxHeaderLineBytes: 64 } });
    client.send(request('/', `X-Long: ${'x'.repeat(100)}\r\n`));
    expect(await client.response()).toContain('400 Bad Request');
  });
});

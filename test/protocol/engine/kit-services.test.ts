import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defineFeature } from '../../../src/features/kit/feature.ts';
import type { Filter, FilterContext } from '../../../src/features/kit/filter.ts';
import { serveModel } from '../../fixtures/feature-rig.ts';
import { hostModel, modelOf, routeModel } from '../../fixtures/models.ts';
import { endpointsAt } from '../../fixtures/worker-rig.ts';
import { Bench, OK, type Served } from './harness.ts';

/** What features may ask of the core, each asked by a throw-away feature over real sockets. */

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

/** An engine whose one route has this filter, before a backend that answers `ok`. */
async function serve(
  createFilter: (context: FilterContext) => Filter,
  answer = OK,
): Promise<Served & { readonly requests: readonly string[] }> {
  const { endpoint, requests } = await bench.answering(() => answer);
  const feature = defineFeature({
    name: 'throw-away',
    doc: '',
    scope: 'route',
    stage: 'access',
    annotations: {},
    translate: () => undefined,
    createFilter: (_: object, context) => createFilter(context),
  });
  const route = routeModel('/', { upstreamId: 'web', policies: { 'throw-away': {} } });
  const model = modelOf([hostModel('a.test', [route])]);
  return { ...(await serveModel(bench, model, [feature], [endpointsAt('web', [endpoint])])), requests };
}

describe('slot', () => {
  test('a filter finds what it left in an earlier hook of the same request, and never that of another', async () => {
    const { port } = await serve(({ slot }) => {
      const first = slot<string>();
      const second = slot<number>();
      return {
        onRequest(request) {
          if (request.target === '/with') {
            second.set(request, request.sequence);
            first.set(request, request.header('x-mark') ?? '');
          }
          return undefined;
        },
        onResponse(response, request) {
          response.set('X-Left', `${first.get(request)} ${second.get(request)}`);
        },
      };
    });
    const client = await bench.connect(port);
    client.send('GET /with HTTP/1.1\r\nHost: a.test\r\nX-Mark: one\r\n\r\n');
    expect(await client.response()).toContain('X-Left: one 1\r\n');
    client.send('GET /without HTTP/1.1\r\nHost: a.test\r\n\r\n');
    expect(await client.response()).toContain('X-Left: undefined undefined\r\n');
  });
});

test('eachHeader shows every line in its order, names in lower case', async () => {
  const seen: string[] = [];
  const { port } = await serve(() => ({
    onRequest(request) {
      request.eachHeader((name, value) => seen.push(`${name}=${value}`));
      return undefined;
    },
  }));
  const client = await bench.connect(port);
  client.send('GET / HTTP/1.1\r\nHost: a.test\r\nX-B:  2 \r\nx-b: 3\r\nCookie: a=1\r\n\r\n');
  await client.response();
  expect(seen).toEqual(['host=a.test', 'x-b=2', 'x-b=3', 'cookie=a=1']);
});

describe('a header added to the response', () => {
  const cases: [name: string, status: number, isLocal: boolean, added: string[]][] = [
    ['of the upstream', 200, false, ['always', 'success']],
    ['of the upstream that is an error', 404, false, ['always']],
    ['of a status that nginx leaves out', 202, false, ['always']],
    ['of the proxy', 302, true, ['always', 'success']],
    ['of the proxy that is an error', 403, true, ['always']],
  ];
  for (const [name, status, isLocal, added] of cases) {
    test(name, async () => {
      const { port } = await serve(
        () => ({
          onRequest(request) {
            request.addResponseHeader('X-Added', 'always', true);
            request.addResponseHeader('X-Added', 'success', false);
            return isLocal ? { status } : undefined;
          },
          onResponse: (response) => response.remove('x-added'),
        }),
        `HTTP/1.1 ${status} Any\r\nContent-Length: 0\r\n\r\n`,
      );
      const client = await bench.connect(port);
      client.send('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
      const lines = (await client.response()).split('\r\n').filter((line) => line.startsWith('X-Added'));
      expect(lines).toEqual(added.map((value) => `X-Added: ${value}`));
      client.send('GET /unknown HTTP/1.1\r\nHost: b.test\r\n\r\n');
      expect(await client.response()).not.toContain('X-Added');
    });
  }
});

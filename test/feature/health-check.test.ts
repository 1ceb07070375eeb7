import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { hostModel, modelOf, routeModel, upstreamModel } from '../fixtures/models.ts';
import { endpointsAt, startNamedServer, startWorkerRig } from '../fixtures/worker-rig.ts';

const ID = 'test-web-80';
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** A server that answers `/` with its name, and `/ready` with the status it is given. */
async function startJudged(name: string) {
  const state = { ready: 200 };
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/ready' ? state.ready : 200;
    response.end(name);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { state, port: (server.address() as AddressInfo).port };
}

test('every worker passes over an endpoint that fails its checks, until it passes again', async () => {
  const good = await startNamedServer('good');
  closers.push(good.close);
  const judged = await startJudged('judged');
  const policy = { path: '/ready', scheme: 'http', intervalMs: 50, timeoutMs: 1_000 } as const;
  const model = modelOf(
    [hostModel('web.test', [routeModel('/', { upstreamId: ID })])],
    [upstreamModel(ID, { 'health-check': policy })],
  );
  const rig = await startWorkerRig(2, model, [endpointsAt(ID, [good, judged])]);
  closers.push(rig.stop);
  const namesOf = async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => rig.get('web.test', '/')));
    return [...new Set(answers.map(({ body }) => body))].toSorted();
  };

  expect(await namesOf()).toEqual(['good', 'judged']);
  judged.state.ready = 503;
  await vi.waitFor(() => expect(rig.checked).toHaveLength(2), 5_000);
  expect(rig.checked.toSorted()).toEqual(
    [0, 1].map((worker) => `${worker} 127.0.0.1:${judged.port} answered 503`),
  );
  expect(await namesOf()).toEqual(['good']);

  judged.state.ready = 302;
  await vi.waitFor(() => expect(rig.checked).toHaveLength(4), 5_000);
  expect(await namesOf()).toEqual(['good', 'judged']);
  expect(rig.faults).toEqual([]);
});

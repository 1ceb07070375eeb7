import { once } from 'node:events';
import { createServer, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { CountingPolicy } from '../fixtures/counting-worker.ts';
import { hostModel, modelOf, routeModel, upstreamModel } from '../fixtures/models.ts';
import { endpointsAt, startWorkerRig, type WorkerRig } from '../fixtures/worker-rig.ts';

/* What a filter counts, over two real workers. */

const UPSTREAM = 'test-web-80';
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

interface Answer {
  readonly status: number;
  readonly worker: string;
}

/** One request on a connection of its own; undefined when that was cut. */
function ask(port: number, key = 'a'): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const sent = request(
      { host: '127.0.0.1', port, headers: { host: 'web.test', key }, agent: false },
      (response) => {
        response.resume();
        response.on('end', () =>
          resolve({ status: response.statusCode!, worker: String(response.headers['x-worker']) }),
        );
        response.on('error', () => resolve(undefined));
      },
    );
    sent.on('error', () => resolve(undefined));
    sent.end();
  });
}

/** Requests that came to the upstream and wait for an answer. */
class Held {
  readonly all: { readonly worker: number; readonly response: ServerResponse }[] = [];
  #told: (() => void) | undefined;

  come(worker: number, response: ServerResponse): void {
    this.all.push({ worker, response });
    this.#told?.();
  }

  async reach(count: number): Promise<void> {
    while (this.all.length < count) await new Promise<void>((resolve) => (this.#told = resolve));
  }

  answer(): void {
    for (const { response } of this.all.splice(0)) response.end();
  }
}

async function serve(
  policy: CountingPolicy,
  answer: (worker: number, response: ServerResponse) => void,
): Promise<WorkerRig> {
  const server: Server = createServer((req, response) => answer(Number(req.headers['x-worker']), response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const route = routeModel('/', { upstreamId: UPSTREAM, policies: { counting: policy } });
  const rig = await startWorkerRig(
    2,
    modelOf([hostModel('web.test', [route])], [upstreamModel(UPSTREAM)]),
    [endpointsAt(UPSTREAM, [{ port: (server.address() as AddressInfo).port }])],
    { entry: new URL('../fixtures/counting-worker.ts', import.meta.url) },
  );
  closers.push(() => rig.stop());
  return rig;
}

test('a rate counts across workers, each key for itself', async () => {
  const { port } = await serve({ rate: 10 }, (_, response) => response.end());
  const workers = new Set<string>();
  const taken: Record<string, number> = { a: 0, b: 0 };
  for (let i = 0; i < 40 || (workers.size < 2 && i < 500); i++) {
    for (const key of ['a', 'b']) {
      const { status, worker } = (await ask(port, key))!;
      workers.add(worker);
      if (status === 200) taken[key]!++;
    }
  }
  expect([...workers].toSorted()).toEqual(['0', '1']);
  expect(taken).toEqual({ a: 10, b: 10 });
});

test('a worker that dies gives its shares of a gauge back, and no others', async () => {
  const held = new Held();
  const rig = await serve({ most: 6 }, (worker, response) => held.come(worker, response));
  const { port } = rig;
  const first = Array.from({ length: 6 }, () => ask(port));
  await held.reach(6);
  expect((await ask(port))?.status).toBe(503);

  const victim = held.all[0]!.worker;
  const lost = held.all.filter(({ worker }) => worker === victim).length;
  const back = rig.lifeEvent('listening', victim);
  rig.post(victim, { kind: 'exit' });
  await back;
  const second = Array.from({ length: lost }, () => ask(port));
  await held.reach(6 + lost);
  expect((await ask(port))?.status).toBe(503);

  held.answer();
  const answers = await Promise.all([...first, ...second]);
  expect(answers.map((answer) => answer?.status ?? 'cut').toSorted()).toEqual([
    ...Array.from({ length: 6 }, () => 200),
    ...Array.from({ length: lost }, () => 'cut'),
  ]);
  // What was answered has left: six may come again.
  const third = Array.from({ length: 6 }, () => ask(port));
  await held.reach(6);
  expect((await ask(port))?.status).toBe(503);
  held.answer();
  expect((await Promise.all(third)).map((answer) => answer?.status)).toEqual([200, 200, 200, 200, 200, 200]);
});

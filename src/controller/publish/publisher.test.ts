import { describe, expect, test } from 'vitest';
import { hostModel, modelOf, routeModel, upstreamModel } from '../../../test/fixtures/models.ts';
import type { FromWorker, ToWorker } from '../../table/messages.ts';
import { DEFAULT_SETTINGS } from '../../table/settings.ts';
import type { EndpointEntry, RouteTable, UpstreamEndpoints } from '../../table/table.ts';
import { compile } from '../compile/compile.ts';
import type { PublishResult } from '../controller.ts';
import { ENTRIES_PER_MESSAGE } from './table-parts.ts';
import { createPublisher, type Publisher } from './publisher.ts';
import type { WorkerPort } from './remote-worker.ts';

/** A worker that answers when told to, and notes what it was sent. */
class FakeWorker implements WorkerPort {
  readonly index: number;
  readonly sent: ToWorker[] = [];
  readonly #publisher: () => Publisher;
  readonly #isSilent: boolean;
  refusal: string | undefined;

  constructor(index: number, publisher: () => Publisher, isSilent = false) {
    this.index = index;
    this.#publisher = publisher;
    this.#isSilent = isSilent;
  }

  post(message: ToWorker): void {
    this.sent.push(message);
    if (!this.#isSilent) queueMicrotask(() => this.answer(message));
  }

  answer(message: ToWorker): void {
    if (message.kind !== 'table' && message.kind !== 'endpoints') return;
    const { sequence } = message;
    const generation = message.kind === 'table' ? message.delta.generation : 0;
    const answer: FromWorker =
      message.kind === 'table' && this.refusal !== undefined
        ? { kind: 'rejected', sequence, generation, message: this.refusal }
        : { kind: 'acknowledged', sequence, generation, tookMs: 1 };
    this.#publisher().received(this, answer);
  }

  get generations(): number[] {
    return this.sent.flatMap((message) => (message.kind === 'table' ? [message.delta.generation] : []));
  }

  get tables(): Extract<ToWorker, { kind: 'table' }>[] {
    return this.sent.filter((message) => message.kind === 'table');
  }
}

function tableOf(
  generation: number,
  paths: readonly string[],
  upstreams: readonly string[] = ['u'],
): RouteTable {
  const hosts = paths.map((path, i) => hostModel(`h${i}.test`, [routeModel(path, { upstreamId: 'u' })]));
  return compile(
    modelOf(
      hosts,
      upstreams.map((id) => upstreamModel(id)),
    ),
    DEFAULT_SETTINGS,
    generation,
  );
}

function endpointsOf(upstreamId: string, ...ports: number[]): UpstreamEndpoints {
  const endpoints = ports.map((port): EndpointEntry => ({
    address: '10.0.0.1',
    port,
    weight: 1,
    isReady: true,
  }));
  return { upstreamId, endpoints };
}

function setUp(workerCount: number): {
  publisher: Publisher;
  ready: number[];
  reports: string[];
  join: (index: number, isSilent?: boolean) => FakeWorker;
} {
  const ready: number[] = [];
  const reports: string[] = [];
  const publisher: Publisher = createPublisher({
    workerCount,
    ready: (port) => ready.push(port.index),
    report: (message) => reports.push(message),
  });
  const join = (index: number, isSilent = false): FakeWorker => {
    const worker = new FakeWorker(index, () => publisher, isSilent);
    publisher.started(worker);
    return worker;
  };
  return { publisher, ready, reports, join };
}

const OK: PublishResult = { ok: true };

/** All promises that are settled have told by then. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('publisher', () => {
  test('the first table is live when every worker runs it, late ones included', async () => {
    const { publisher, ready, join } = setUp(2);
    let result: PublishResult | undefined;
    const published = publisher.publish(tableOf(1, ['/']), [endpointsOf('u', 1)]).then((told) => {
      result = told;
    });
    const first = join(0);
    await turn();
    expect(ready).toEqual([0]);
    expect(result).toBeUndefined();
    const second = join(1);
    await published;
    expect(result).toEqual(OK);
    expect(ready).toEqual([0, 1]);
    expect(first.tables[0]!.endpoints).toEqual([endpointsOf('u', 1)]);
    expect(second.tables[0]!.endpoints).toEqual([endpointsOf('u', 1)]);
  });

  test('the rest are sent a table only when the first has acknowledged it', async () => {
    const { publisher, join } = setUp(3);
    const workers = [join(0), join(1), join(2)];
    await publisher.publish(tableOf(1, ['/']), []);
    for (const worker of workers) worker.post = (message) => void worker.sent.push(message);
    const published = publisher.publish(tableOf(2, ['/other']), []);
    await turn();
    expect(workers.map(({ sent }) => sent.length)).toEqual([2, 1, 1]);
    workers[0]!.answer(workers[0]!.sent[1]!);
    await turn();
    expect(workers.map(({ sent }) => sent.length)).toEqual([2, 2, 2]);
    workers[1]!.answer(workers[1]!.sent[1]!);
    workers[2]!.answer(workers[2]!.sent[1]!);
    expect(await published).toEqual(OK);
  });

  test('the first table, before which nothing is served, goes to all workers at once', async () => {
    const { publisher, ready, join } = setUp(3);
    const workers = [join(0, true), join(1, true), join(2, true)];
    const published = publisher.publish(tableOf(1, ['/']), [endpointsOf('u', 1)]);
    await turn();
    expect(workers.map(({ generations }) => generations)).toEqual([[1], [1], [1]]);
    for (const worker of workers) worker.answer(worker.sent[0]!);
    expect(await published).toEqual(OK);
    expect(ready.toSorted()).toEqual([0, 1, 2]);
    for (const { tables } of workers) expect(tables.map(({ endpoints }) => endpoints.length)).toEqual([1]);
  });

  test('a first table that no worker can take in is rejected', async () => {
    const { publisher, ready, join } = setUp(2);
    const workers = [join(0), join(1)];
    for (const worker of workers) worker.refusal = 'no such filter';
    expect(await publisher.publish(tableOf(1, ['/']), [])).toEqual({
      ok: false,
      message: 'worker 0: no such filter',
    });
    expect(ready).toEqual([]);
    for (const worker of workers) worker.refusal = undefined;
    expect(await publisher.publish(tableOf(2, ['/']), [])).toEqual(OK);
    expect(ready.toSorted()).toEqual([0, 1]);
  });

  test('a table of thousands is sent in parts, each in a turn of its own, with the endpoints of now', async () => {
    const { publisher, join } = setUp(1);
    const worker = join(0);
    const ids = Array.from({ length: 3 * ENTRIES_PER_MESSAGE }, (_, i) => `u${String(i).padStart(3, '0')}`);
    const published = publisher.publish(
      tableOf(1, ['/'], ids),
      ids.map((id) => endpointsOf(id, 1)),
    );
    await Promise.resolve();
    await Promise.resolve();
    expect(worker.sent.length).toBeLessThanOrEqual(1);
    await turn();
    publisher.publishEndpoints([endpointsOf('u383', 2)]);
    expect(await published).toEqual(OK);
    const parts = worker.sent.filter((message) => message.kind === 'table-part');
    expect(parts.map(({ part }) => part.upstreams.length)).toEqual([128, 128, 128]);
    expect(parts.map(({ part }) => part.hosts.length)).toEqual([1, 0, 0]);
    const [table] = worker.tables;
    expect(table!.delta.upstreams.set).toEqual([]);
    const endpoints = new Map<string, readonly EndpointEntry[]>();
    for (const message of worker.sent)
      if ('endpoints' in message)
        for (const { upstreamId, endpoints: now } of message.endpoints) endpoints.set(upstreamId, now);
    expect(endpoints.size).toBe(ids.length);
    expect(endpoints.get('u383')![0]!.port).toBe(2);
    expect(await publisher.publish(tableOf(2, ['/'], ids), [])).toEqual({ ok: true, isUnchanged: true });
  });

  test('only what changed is sent, and nothing where nothing did', async () => {
    const { publisher, join } = setUp(1);
    const worker = join(0);
    const first = await publisher.publish(tableOf(1, ['/a', '/b', '/c'], ['u', 'old']), []);
    const same = await publisher.publish(tableOf(2, ['/a', '/b', '/c'], ['u', 'old']), []);
    expect(worker.generations).toEqual([1]);
    expect([first, same]).toEqual([OK, { ok: true, isUnchanged: true }]);
    await publisher.publish(tableOf(3, ['/a', '/x']), []);
    const { delta } = worker.tables[1]!;
    expect(delta.hosts.set.map(({ name }) => name)).toEqual(['h1.test']);
    expect(delta.hosts.removed).toEqual(['h2.test']);
    expect(delta.upstreams).toEqual({ set: [], removed: ['old'] });
    expect(delta.settings).toBeUndefined();
    expect(delta.tls).toBeUndefined();
  });

  test('a rejected table leaves the last good one everywhere, endpoints move on', async () => {
    const { publisher, join } = setUp(2);
    const workers = [join(0), join(1)];
    await publisher.publish(tableOf(1, ['/a']), [endpointsOf('u', 1)]);
    workers[0]!.refusal = 'no such filter';
    const moved = endpointsOf('u', 2);
    const result = await publisher.publish(tableOf(2, ['/b']), [moved, endpointsOf('new', 3)]);
    expect(result).toEqual({ ok: false, message: 'worker 0: no such filter' });
    expect(workers[0]!.generations).toEqual([1, 2]);
    expect(workers[1]!.generations).toEqual([1]);
    expect(workers[1]!.sent.at(-1)).toMatchObject({ kind: 'endpoints', endpoints: [moved] });
    const late = join(2);
    await turn();
    expect(late.generations).toEqual([1]);
    expect(late.tables[0]!.endpoints).toEqual([moved]);
    workers[0]!.refusal = undefined;
    expect(await publisher.publish(tableOf(3, ['/b']), [])).toEqual(OK);
    // The delta is to what each worker runs, not to what it was offered.
    expect(workers[0]!.tables.at(-1)!.delta.hosts.set).toHaveLength(1);
    expect(workers[1]!.generations).toEqual([1, 3]);
  });

  test('when a later worker rejects, those that took it are brought back', async () => {
    const { publisher, join } = setUp(2);
    const workers = [join(0), join(1)];
    await publisher.publish(tableOf(1, ['/a']), []);
    workers[1]!.refusal = 'out of memory';
    const result = await publisher.publish(tableOf(2, ['/b']), []);
    expect(result).toEqual({ ok: false, message: 'worker 1: out of memory' });
    expect(workers[0]!.generations).toEqual([1, 2, 1]);
    expect(workers[1]!.generations).toEqual([1, 2]);
  });

  test('a worker that ends while it takes in a table is no verdict, two are', async () => {
    const { publisher, join } = setUp(3);
    const workers = [join(0), join(1), join(2)];
    await publisher.publish(tableOf(1, ['/a']), []);
    const dying = [workers[0]!, workers[1]!];
    for (const worker of dying) worker.post = () => queueMicrotask(() => publisher.died(worker, 'heap'));
    const result = await publisher.publish(tableOf(2, ['/b']), []);
    expect(result).toEqual({
      ok: false,
      message: 'worker 1 ended while it took in generation 2: heap',
    });
    expect(workers[2]!.generations).toEqual([1]);
  });

  test('one worker that ends while it takes in a table leaves it to the next', async () => {
    const { publisher, join } = setUp(2);
    const workers = [join(0), join(1)];
    await publisher.publish(tableOf(1, ['/a']), []);
    workers[0]!.post = () => queueMicrotask(() => publisher.died(workers[0]!, 'heap'));
    expect(await publisher.publish(tableOf(2, ['/b']), [])).toEqual(OK);
    expect(workers[1]!.generations).toEqual([1, 2]);
  });

  test('a replaced worker is sent the whole latest table with all endpoints', async () => {
    const { publisher, ready, join } = setUp(1);
    const old = join(0);
    await publisher.publish(tableOf(1, ['/a', '/b']), [endpointsOf('u', 1)]);
    publisher.publishEndpoints([endpointsOf('u', 2)]);
    await publisher.publish(tableOf(2, ['/a', '/c']), []);
    publisher.died(old, 'exit code 1');
    const fresh = join(0);
    await turn();
    expect(fresh.generations).toEqual([2]);
    expect(fresh.tables[0]!.delta.hosts.set).toHaveLength(2);
    expect(fresh.tables[0]!.delta.settings).toEqual(DEFAULT_SETTINGS);
    expect(fresh.tables[0]!.endpoints).toEqual([endpointsOf('u', 2)]);
    expect(ready).toEqual([0, 0]);
  });

  test('a new worker that cannot take in what the others run is reported', async () => {
    const { publisher, reports, ready, join } = setUp(1);
    join(0);
    await publisher.publish(tableOf(1, ['/a']), []);
    const late = new FakeWorker(1, () => publisher);
    late.refusal = 'broken';
    publisher.started(late);
    await turn();
    expect(reports).toEqual(['worker 1: broken']);
    expect(ready).toEqual([0]);
  });

  test('endpoints go to all workers at once, each message with a sequence of its own', async () => {
    const { publisher, join } = setUp(2);
    const workers = [join(0), join(1)];
    await publisher.publish(tableOf(1, ['/a']), [endpointsOf('u', 1)]);
    publisher.publishEndpoints([endpointsOf('u', 2), endpointsOf('unknown', 9)]);
    for (const worker of workers) {
      expect(worker.sent.at(-1)).toMatchObject({ kind: 'endpoints', endpoints: [endpointsOf('u', 2)] });
    }
    const sequences = workers.flatMap(({ sent }) =>
      sent.map((message) => 'sequence' in message && message.sequence),
    );
    expect(new Set(sequences).size).toBe(sequences.length);
  });

  test('endpoints of an upstream that is not known yet go with the table that brings it', async () => {
    const { publisher, join } = setUp(1);
    const worker = join(0);
    await publisher.publish(tableOf(1, ['/a']), []);
    publisher.publishEndpoints([endpointsOf('late', 1)]);
    expect(worker.sent).toHaveLength(1);
    await publisher.publish(tableOf(2, ['/a'], ['u', 'late']), []);
    expect(worker.tables[1]!.endpoints).toEqual([endpointsOf('late', 1)]);
  });

  test('endpoints of an upstream that went away and came back are sent again', async () => {
    const { publisher, join } = setUp(1);
    const worker = join(0);
    await publisher.publish(tableOf(1, ['/a'], ['u', 'v']), [endpointsOf('v', 1)]);
    await publisher.publish(tableOf(2, ['/a'], ['u']), []);
    await publisher.publish(tableOf(3, ['/a'], ['u', 'v']), [endpointsOf('v', 1)]);
    expect(worker.tables[2]!.endpoints).toEqual([endpointsOf('v', 1)]);
  });

  test('tables asked for at once are published in turn', async () => {
    const { publisher, join } = setUp(2);
    const workers = [join(0), join(1)];
    const results = await Promise.all([1, 2, 3].map((n) => publisher.publish(tableOf(n, [`/${n}`]), [])));
    expect(results).toEqual([OK, OK, OK]);
    for (const worker of workers) expect(worker.generations).toEqual([1, 2, 3]);
  });

  test('a table goes live without a worker that is stuck, which is brought to it when it recovers', async () => {
    const { publisher, join } = setUp(3);
    const workers = [join(0), join(1), join(2)];
    const stuck = workers[0]!;
    await publisher.publish(tableOf(1, ['/a']), [endpointsOf('u', 1)]);
    // Its loop stands still after the table was posted to it.
    stuck.post = (message) => void stuck.sent.push(message);
    const published = publisher.publish(tableOf(2, ['/b']), []);
    await turn();
    publisher.stuck(stuck, false);
    expect(await published).toEqual(OK);
    expect(workers.slice(1).map(({ generations }) => generations)).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(await publisher.publish(tableOf(3, ['/c']), [])).toEqual(OK);
    publisher.publishEndpoints([endpointsOf('u', 2)]);
    expect(stuck.generations).toEqual([1, 2]);
    delete (stuck as Partial<FakeWorker>).post;
    publisher.recovered(stuck);
    stuck.answer(stuck.sent.at(-1)!);
    await turn();
    expect(stuck.generations).toEqual([1, 2, 3]);
    expect(stuck.tables.at(-1)!.endpoints).toEqual([endpointsOf('u', 2)]);
  });

  test('with every worker stuck a table waits for the first that recovers or is replaced', async () => {
    const { publisher, join } = setUp(2);
    const workers = [join(0), join(1)];
    await publisher.publish(tableOf(1, ['/a']), []);
    for (const worker of workers) publisher.stuck(worker, false);
    let result: PublishResult | undefined;
    const published = publisher.publish(tableOf(2, ['/b']), []).then((told) => (result = told));
    await turn();
    expect(result).toBeUndefined();
    publisher.died(workers[1]!, 'it stood still');
    const fresh = join(1);
    await published;
    expect(result).toEqual(OK);
    // It came while the first table was the last good one.
    expect(fresh.generations).toEqual([1, 2]);
    expect(workers[0]!.generations).toEqual([1]);
  });

  test('a table over which a worker stands still for good is rejected, and asked of no other worker', async () => {
    const { publisher, join } = setUp(2);
    const workers = [join(0), join(1)];
    await publisher.publish(tableOf(1, ['/a']), []);
    workers[0]!.post = () => queueMicrotask(() => publisher.stuck(workers[0]!, true));
    const published = publisher.publish(tableOf(2, ['/b']), []);
    await turn();
    publisher.died(workers[0]!, 'it stood still');
    expect(await published).toEqual({
      ok: false,
      message: 'worker 0 ended while it took in generation 2: it stood still',
    });
    expect(workers[1]!.generations).toEqual([1]);
  });

  test('a table that merely takes long to link is no reason to reject it', async () => {
    const { publisher, join } = setUp(1);
    const worker = join(0);
    await publisher.publish(tableOf(1, ['/a']), []);
    worker.post = (message) => void worker.sent.push(message);
    const published = publisher.publish(tableOf(2, ['/b']), []);
    await turn();
    publisher.stuck(worker, true);
    await turn();
    worker.answer(worker.sent.at(-1)!);
    expect(await published).toEqual(OK);
  });
});

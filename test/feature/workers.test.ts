import { once } from 'node:events';
import { createServer, request, Agent, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createCompiler } from '../../src/controller/compile/compile.ts';
import { createPublisher, type Publisher } from '../../src/controller/publish/publisher.ts';
import type { WorkerPort } from '../../src/controller/publish/remote-worker.ts';
import { createSupervisor, type Supervisor } from '../../src/controller/supervisor.ts';
import type { Model } from '../../src/model/model.ts';
import { createMetricsTotals } from '../../src/observe/metrics-totals.ts';
import { DEFAULT_METRICS_OPTIONS } from '../../src/observe/metrics-layout.ts';
import type { FromWorker, ToWorker } from '../../src/table/messages.ts';
import { DEFAULT_SETTINGS, type DataPlaneSettings } from '../../src/table/settings.ts';
import type { RouteTable, UpstreamEndpoints } from '../../src/table/table.ts';
import { bodyRoomOf } from '../fixtures/body-room.ts';
import { hostModel, modelOf, routeModel, upstreamModel } from '../fixtures/models.ts';

const SETTINGS: DataPlaneSettings = {
  ...DEFAULT_SETTINGS,
  accessLog: { ...DEFAULT_SETTINGS.accessLog, isEnabled: false },
};

interface Rig {
  readonly supervisor: Supervisor;
  readonly publisher: Publisher;
  readonly port: number;
  /** Latest life of each worker. */
  readonly ports: ReadonlyMap<number, WorkerPort>;
  readonly messages: readonly [index: number, FromWorker][];
  publish(model: Model, endpoints?: readonly UpstreamEndpoints[]): ReturnType<Publisher['publish']>;
  publishTable(table: RouteTable): ReturnType<Publisher['publish']>;
  compile(model: Model): RouteTable;
  get(host: string, path: string, agent?: Agent): Promise<{ status: number; body: string }>;
  /** Resolves with the first message, from now on, that is what is looked for. */
  heard(isIt: (message: FromWorker, index: number) => boolean): Promise<void>;
}

const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function startUpstream(name: string): Promise<{ port: number; server: Server }> {
  const server = createServer((_, response) => response.end(name));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { server, port: (server.address() as AddressInfo).port };
}

/** Workers that run a first table and listen. */
async function startWorkers(
  workerCount: number,
  first: Model,
  endpoints: readonly UpstreamEndpoints[],
): Promise<Rig> {
  const messages: [number, FromWorker][] = [];
  const listeners: { isIt: (message: FromWorker, index: number) => boolean; resolve: () => void }[] = [];
  const totals = createMetricsTotals(DEFAULT_METRICS_OPTIONS);
  const bound = Promise.withResolvers<ReadonlyMap<string, number>>();
  const ports = new Map<number, WorkerPort>();
  const publisher: Publisher = createPublisher({ workerCount, ready: (port) => supervisor.listen(port) });
  const supervisor: Supervisor = createSupervisor({
    entry: new URL('../../src/main.ts', import.meta.url),
    workerCount,
    metricsFor: (index) => totals.bufferFor(index),
    bodies: bodyRoomOf(workerCount),
    events: {
      started(port) {
        ports.set(port.index, port);
        publisher.started(port);
      },
      message(port, message) {
        messages.push([port.index, message]);
        publisher.received(port, message);
        for (const listener of listeners.slice()) {
          if (!listener.isIt(message, port.index)) continue;
          listeners.splice(listeners.indexOf(listener), 1);
          listener.resolve();
        }
      },
      died: (port, reason) => publisher.died(port, reason),
      listening: (real) => bound.resolve(real),
      listenFailed: (name, message) => bound.reject(new Error(`${name}: ${message}`)),
    },
  });
  closers.push(() => supervisor.terminate());
  const compiler = createCompiler();
  let generation = 0;
  const compile = (model: Model) => compiler.compile(model, SETTINGS, ++generation);
  supervisor.start();
  expect(await publisher.publish(compile(first), endpoints)).toEqual({ ok: true });
  const port = (await bound.promise).get('http')!;
  return {
    supervisor,
    publisher,
    port,
    messages,
    ports,
    compile,
    publish: (model, changed = []) => publisher.publish(compile(model), changed),
    publishTable: (table) => publisher.publish(table, []),
    get: (host, path, agent) => get(port, host, path, agent),
    heard: (isIt) => new Promise((resolve) => listeners.push({ isIt, resolve })),
  };
}

function get(
  port: number,
  host: string,
  path: string,
  agent?: Agent,
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, path, headers: { host }, ...(agent ? { agent } : {}) },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.on('end', () => resolve({ status: response.statusCode!, body }));
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

function endpointsAt(upstreamId: string, ...ports: number[]): UpstreamEndpoints {
  return {
    upstreamId,
    endpoints: ports.map((port) => ({ address: '127.0.0.1', port, weight: 1, isReady: true })),
  };
}

function webModel(upstreamId: string, ...others: string[]): Model {
  const routes = [routeModel('/', { upstreamId })];
  return modelOf(
    [hostModel('web.test', routes)],
    [upstreamId, ...others].map((id) => upstreamModel(id)),
  );
}

describe('workers', () => {
  test('serve a table, follow endpoints and the next table, in every worker', async () => {
    const [one, two] = [await startUpstream('one'), await startUpstream('two')];
    const rig = await startWorkers(2, webModel('a', 'b'), [
      endpointsAt('a', one.port),
      endpointsAt('b', two.port),
    ]);
    const bodies = async () => {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => rig.get('web.test', '/', new Agent())),
      );
      return [...new Set(answers.map(({ status, body }) => `${status} ${body}`))];
    };
    expect(await bodies()).toEqual(['200 one']);
    expect((await rig.get('other.test', '/')).status).toBe(404);

    const moved = Promise.all(
      [0, 1].map((own) => rig.heard(({ kind }, index) => kind === 'acknowledged' && index === own)),
    );
    rig.publisher.publishEndpoints([endpointsAt('a', two.port)]);
    await moved;
    expect(await bodies()).toEqual(['200 two']);

    expect(await rig.publish(webModel('b', 'a'), [endpointsAt('b', one.port)])).toEqual({ ok: true });
    expect(await bodies()).toEqual(['200 one']);
    expect(rig.messages.filter(([, { kind }]) => kind === 'fault')).toEqual([]);
  });

  test('a table that cannot be linked leaves the last good one', async () => {
    const one = await startUpstream('one');
    const rig = await startWorkers(2, webModel('a'), [endpointsAt('a', one.port)]);
    const table = rig.compile(webModel('a'));
    const broken: RouteTable = {
      ...table,
      hosts: table.hosts.map((host) => ({
        ...host,
        digest: 'other',
        routes: host.routes.map((route) => ({ ...route, policies: {} })),
      })),
    };
    expect(await rig.publishTable(broken)).toEqual({
      ok: false,
      message: expect.stringMatching(/^worker [01]: route web\.test\|prefix\|\/: a core policy is missing$/),
    });
    expect(await rig.get('web.test', '/')).toEqual({ status: 200, body: 'one' });
    expect(await rig.publish(webModel('a'))).toEqual({ ok: true, isUnchanged: true });
  });

  test('fifty changes under load fail no request', async () => {
    const [one, two] = [await startUpstream('one'), await startUpstream('two')];
    const endpoints = [endpointsAt('a', one.port), endpointsAt('b', two.port)];
    const rig = await startWorkers(2, webModel('a', 'b'), endpoints);
    const agent = new Agent({ keepAlive: true, maxSockets: 16 });
    closers.push(async () => agent.destroy());
    const load = { isOver: false };
    const seen = new Map<string, number>();
    const clients = Array.from({ length: 16 }, async () => {
      while (!load.isOver) {
        const { status, body } = await rig.get('web.test', '/', agent);
        const key = `${status} ${body}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
      }
    });
    for (let i = 0; i < 50; i++) {
      // The upstream that is not in use leaves the table, and its endpoints with it.
      const changed = i % 2 === 0 ? [endpointsAt('b', two.port)] : [endpointsAt('a', one.port)];
      expect(await rig.publish(webModel(i % 2 === 0 ? 'b' : 'a'), changed)).toEqual({ ok: true });
      await rig.get('web.test', '/', agent);
    }
    load.isOver = true;
    await Promise.all(clients);
    expect([...seen.keys()].toSorted()).toEqual(['200 one', '200 two']);
  });

  test('a worker bears faults; one that meets too many is replaced and serves the latest table', async () => {
    const one = await startUpstream('one');
    const rig = await startWorkers(1, webModel('a'), []);
    await rig.publish(webModel('b'), [endpointsAt('b', one.port)]);
    const [doomed] = rig.ports.values();
    const poison = { kind: 'endpoints', sequence: 0 } as unknown as ToWorker;
    const faulted = rig.heard(({ kind }) => kind === 'fault');
    doomed!.post(poison);
    await faulted;
    expect(await rig.get('web.test', '/')).toEqual({ status: 200, body: 'one' });
    const listening = rig.heard(({ kind }) => kind === 'listening');
    for (let i = 0; i < 100; i++) doomed!.post(poison);
    await listening;
    expect(rig.ports.get(0)).not.toBe(doomed);
    expect(await rig.get('web.test', '/')).toEqual({ status: 200, body: 'one' });
    expect(await rig.publish(webModel('b', 'c'))).toEqual({ ok: true });
  });

  test('draining ends the workers when their requests are done', async () => {
    const one = await startUpstream('one');
    const rig = await startWorkers(2, webModel('a'), [endpointsAt('a', one.port)]);
    await rig.get('web.test', '/');
    expect(await rig.supervisor.drain(5_000)).toBe(0);
    await expect(rig.get('web.test', '/')).rejects.toThrow('ECONNREFUSED');
  });

  test('no worker drains before all have closed their ports', async () => {
    const rig = await startWorkers(3, webModel('a'), []);
    await rig.supervisor.drain(5_000);
    const kinds = rig.messages.map(([, { kind }]) => kind);
    expect(kinds.filter((kind) => kind === 'unlistened' || kind === 'drained')).toEqual([
      ...Array.from({ length: 3 }, () => 'unlistened'),
      ...Array.from({ length: 3 }, () => 'drained'),
    ]);
  });
});

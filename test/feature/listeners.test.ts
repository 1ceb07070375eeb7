import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { text as textOf } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import type { Listener } from '../../src/model/ports.ts';
import type { StuckMessage } from '../fixtures/stuck-worker.ts';
import { HTTP_ON_LOOPBACK, hostModel, modelOf, routeModel, upstreamModel } from '../fixtures/models.ts';
import { endpointsAt, startNamedServer, startWorkerRig, type WorkerRig } from '../fixtures/worker-rig.ts';

const SECOND: Listener = { kind: 'http', name: 'second', host: '127.0.0.1', port: 0 };

function modelWith(...more: Listener[]) {
  const source = { kind: 'Controller', namespace: '', name: 'test' };
  const listeners = [...HTTP_ON_LOOPBACK, ...more].map((listener) => ({ ...listener, source }));
  const host = hostModel('web.test', [routeModel('/', { upstreamId: 'u' })]);
  return modelOf([host], [upstreamModel('u')], { listeners });
}

/** A connection for each request. */
const ONCE = new Agent({ keepAlive: false });

const closers: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function start(entry?: URL): Promise<WorkerRig> {
  const upstream = await startNamedServer('served');
  closers.push(() => upstream.close());
  const options = { ...(entry === undefined ? {} : { entry }) };
  const rig = await startWorkerRig(2, modelWith(), [endpointsAt('u', [upstream])], options);
  closers.push(() => rig.stop());
  return rig;
}

function get(port: number, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, headers: { host: 'web.test' }, agent }, (response) => {
      response.setEncoding('utf8');
      let body = '';
      response.on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** Requests one after another on kept connections and on new ones; `stop` gives what came that was no answer. */
function keepAsking(port: number): { stop(): Promise<readonly unknown[]>; readonly answered: () => number } {
  const odd: unknown[] = [];
  const stopping = new AbortController();
  let answered = 0;
  const loops = [true, true, false].map(async (keepAlive) => {
    const agent = new Agent({ keepAlive, maxSockets: 1 });
    while (!stopping.signal.aborted) {
      const answer = await get(port, agent).catch((error: unknown) => error);
      if (answer !== '200 served') odd.push(answer);
      answered++;
    }
    agent.destroy();
  });
  return {
    async stop() {
      stopping.abort();
      await Promise.all(loops);
      return odd;
    },
    answered: () => answered,
  };
}

async function refusal(port: number): Promise<unknown> {
  const socket = connect({ host: '127.0.0.1', port });
  const [error] = await once(socket, 'error');
  return (error as NodeJS.ErrnoException).code;
}

test('a second port opens and closes at run time, and nothing of the first is lost', async () => {
  const rig = await start();
  const traffic = keepAsking(rig.port);
  closers.push(() => traffic.stop());
  for (let round = 0; round < 3; round++) {
    await rig.publish(modelWith(SECOND));
    const second = rig.portOf('second')!;
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    closers.push(() => kept.destroy());
    // Each connection is given to one of the workers.
    for (let i = 0; i < 20; i++) expect(await get(second, ONCE)).toBe('200 served');
    expect(await get(second, kept)).toBe('200 served');
    await rig.publish(modelWith());
    expect(await refusal(second)).toBe('ECONNREFUSED');
    expect(rig.portOf('second')).toBeUndefined();
    // What came in by it goes on.
    expect(await get(second, kept)).toBe('200 served');
    kept.destroy();
    const before = traffic.answered();
    while (traffic.answered() < before + 10) await get(rig.port, ONCE);
  }
  expect(await traffic.stop()).toEqual([]);
  expect(rig.faults).toEqual([]);
});

test('clients of HTTP/2 that came in by a port that closes are asked to go, and what is under way is answered', async () => {
  const rig = await start();
  await rig.publish(modelWith(SECOND));
  const second = rig.portOf('second')!;
  const client = connectHttp2('http://web.test', { createConnection: () => connect(second, '127.0.0.1') });
  closers.push(() => client.destroy());
  const upload = client.request({ ':method': 'POST', ':path': '/' });
  const goaway = once(client, 'goaway');
  upload.write('part');
  expect(await textOf(client.request({ ':path': '/' }))).toBe('served');
  await rig.publish(modelWith());
  const [code] = await goaway;
  expect(code).toBe(0);
  upload.end();
  expect(await textOf(upload)).toBe('served');
  await once(client, 'close');
  expect(rig.faults).toEqual([]);
});

test('a worker that comes later opens the ports of the table that is in force', async () => {
  const rig = await start(new URL('../fixtures/stuck-worker.ts', import.meta.url));
  await rig.publish(modelWith(SECOND));
  const second = rig.portOf('second')!;
  const bound = rig.lifeEvent('accepting', 1);
  rig.post(1, { kind: 'exit' } satisfies StuckMessage);
  await bound;
  expect(rig.portOf('second')).toBe(second);
  for (let i = 0; i < 20; i++) expect(await get(second, ONCE)).toBe('200 served');
});

test('a port that cannot be opened is told, and the others serve the new table', async () => {
  const rig = await start();
  const holder = await startNamedServer('holder');
  closers.push(() => holder.close());
  await rig.publish(modelWith({ ...SECOND, port: holder.port }, { ...SECOND, kind: 'tcp', name: 'stream' }));
  expect(rig.failures).toEqual([
    expect.stringContaining('second: listen EADDRINUSE'),
    expect.stringContaining('second: listen EADDRINUSE'),
  ]);
  expect(await get(rig.port, ONCE)).toBe('200 served');
});

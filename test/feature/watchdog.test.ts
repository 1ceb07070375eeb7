import { setFlagsFromString } from 'node:v8';
import { afterEach, expect, test } from 'vitest';
import { hostModel, modelOf, routeModel, upstreamModel } from '../fixtures/models.ts';
import type { StuckMessage } from '../fixtures/stuck-worker.ts';
import {
  endpointsAt,
  startNamedServer,
  startWorkerRig,
  type NamedServer,
  type WorkerRig,
} from '../fixtures/worker-rig.ts';

const MODELS = ['/one', '/two', '/three'].map((path) =>
  modelOf([hostModel('web.test', [routeModel(path, { upstreamId: 'u' })])], [upstreamModel('u')]),
);
let upstream: NamedServer;
let rig: WorkerRig;

async function start(replaceMs: number): Promise<void> {
  upstream = await startNamedServer('upstream');
  rig = await startWorkerRig(2, MODELS[0]!, [endpointsAt('u', [upstream])], {
    entry: new URL('../fixtures/stuck-worker.ts', import.meta.url),
    watchdog: { stuckMs: 750, replaceMs, linkingReplaceMs: replaceMs, checkMs: 50 },
  });
}

afterEach(async () => {
  await rig.stop();
  await upstream.close();
});

test('a worker that stands still is told, the next table goes live on the other, and it catches up', async () => {
  await start(60_000);
  const release = new SharedArrayBuffer(4);
  const stuck = rig.lifeEvent('stuck', 0);
  rig.post(0, { kind: 'spin', release } satisfies StuckMessage);
  await stuck;
  expect(rig.problem()).toMatch(/^the event loop of worker 0 stands still since \d+ s$/);
  await rig.publish(MODELS[1]!);
  const recovered = rig.lifeEvent('recovered', 0);
  const caughtUp = rig.lifeEvent('acknowledged', 0);
  Atomics.store(new Int32Array(release), 0, 1);
  await recovered;
  await caughtUp;
  expect(rig.problem()).toBeUndefined();
  for (let i = 0; i < 20; i++) expect(await rig.get('web.test', '/two')).toMatchObject({ status: 200 });
});

test('a worker that stays in a pattern is replaced, and serves the latest table', async () => {
  await start(1_500);
  const stuck = rig.lifeEvent('stuck', 1);
  const died = rig.lifeEvent('died', 1);
  const listening = rig.lifeEvent('listening', 1);
  rig.post(1, { kind: 'pattern' } satisfies StuckMessage);
  await stuck;
  await rig.publish(MODELS[2]!);
  await died;
  await listening;
  expect(rig.deaths).toEqual([expect.stringMatching(/^its event loop stood still for \d+ s$/)]);
  expect(rig.problem()).toBeUndefined();
  for (let i = 0; i < 20; i++) expect(await rig.get('web.test', '/three')).toMatchObject({ status: 200 });
});

test('a worker that has no memory left ends alone, is replaced, and serves the latest table', async () => {
  // For heaps that are made from now on.
  setFlagsFromString('--max-old-space-size=64');
  await start(60_000);
  const died = rig.lifeEvent('died', 0);
  const listening = rig.lifeEvent('listening', 0);
  rig.post(0, { kind: 'fill' } satisfies StuckMessage);
  await died;
  await rig.publish(MODELS[1]!);
  await listening;
  expect(rig.deaths).toEqual([expect.stringContaining('reaching memory limit')]);
  for (let i = 0; i < 20; i++) expect(await rig.get('web.test', '/two')).toMatchObject({ status: 200 });
});

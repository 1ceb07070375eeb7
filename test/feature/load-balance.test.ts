import { afterEach, describe, expect, test } from 'vitest';
import { ALGORITHMS } from '../../src/features/load-balance/load-balance.ts';
import { RingHash } from '../../src/lib/ring-hash.ts';
import type { Model } from '../../src/model/model.ts';
import type { LoadBalancePolicy } from '../../src/model/policy.ts';
import { hostModel, modelOf, routeModel, upstreamModel } from '../fixtures/models.ts';
import {
  endpointsAt,
  startNamedServer,
  startWorkerRig,
  type NamedServer,
  type WorkerRig,
} from '../fixtures/worker-rig.ts';

const ID = 'test-web-80';
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function startServers(...names: string[]): Promise<NamedServer[]> {
  const servers = await Promise.all(names.map(startNamedServer));
  for (const { close } of servers) closers.push(close);
  return servers;
}

function balancedModel(policy: LoadBalancePolicy | undefined): Model {
  const policies = policy === undefined ? {} : { 'load-balance': policy };
  return modelOf(
    [hostModel('web.test', [routeModel('/', { upstreamId: ID })])],
    [upstreamModel(ID, policies)],
  );
}

async function startRig(
  policy: LoadBalancePolicy | undefined,
  servers: readonly NamedServer[],
): Promise<WorkerRig> {
  const rig = await startWorkerRig(2, balancedModel(policy), [endpointsAt(ID, servers)]);
  closers.push(rig.stop);
  return rig;
}

async function bodiesOf(rig: WorkerRig, paths: readonly string[]): Promise<string[]> {
  const answers = await Promise.all(paths.map((path) => rig.get('web.test', path)));
  return answers.map(({ status, body }) => (status === 200 ? body : String(status)));
}

const times = (count: number, path: string) => Array.from({ length: count }, () => path);

describe('every algorithm', () => {
  test('serves, and passes over an endpoint that refuses connections', async () => {
    const servers = await startServers('a', 'b', 'c');
    const rig = await startRig(undefined, servers);
    await servers[0]!.close();
    for (const algorithm of ALGORITHMS) {
      await rig.publish(balancedModel({ algorithm }));
      const bodies = new Set(
        await bodiesOf(
          rig,
          Array.from({ length: 24 }, (_, i) => `/${algorithm}/${i}`),
        ),
      );
      expect([algorithm, [...bodies].filter((body) => body !== 'b' && body !== 'c')]).toEqual([
        algorithm,
        [],
      ]);
      // One client has one source.
      if (algorithm !== 'source_hash') expect([algorithm, bodies.size]).toEqual([algorithm, 2]);
    }
    expect(rig.faults).toEqual([]);
  });
});

test('round robin gives each endpoint the same', async () => {
  const servers = await startServers('a', 'b', 'c');
  const rig = await startRig(undefined, servers);
  const bodies = await bodiesOf(rig, times(60, '/'));
  for (const { name } of servers) {
    // Each of the two workers is off by one at most.
    expect(Math.abs(bodies.filter((body) => body === name).length - 20)).toBeLessThanOrEqual(2);
  }
});

test('upstream-hash-by goes to the endpoint that the ring of ingress-nginx says, in both workers', async () => {
  const servers = await startServers('a', 'b', 'c', 'd');
  const rig = await startRig({ algorithm: 'round_robin', hashBy: '$request_uri' }, servers);
  const ring = new RingHash(servers.map(({ port }) => `127.0.0.1:${port}`));
  const paths = Array.from({ length: 20 }, (_, i) => `/item?id=${i}`);
  const want = paths.map((path) => servers[ring.find(path)]!.name);
  for (let i = 0; i < 3; i++) expect(await bodiesOf(rig, paths)).toEqual(want);
});

test('a subset hash keeps a key within its subset', async () => {
  const servers = await startServers('a', 'b', 'c', 'd');
  const rig = await startRig({ algorithm: 'round_robin', hashBy: '$uri', subsetSize: 2 }, servers);
  const seen = new Set<string>();
  for (let i = 0; i < 8; i++) {
    seen.add([...new Set(await bodiesOf(rig, times(24, `/${i}`)))].toSorted().join(''));
  }
  expect([...seen].toSorted()).toEqual(['ab', 'cd']);
});

test('when all endpoints refuse, the answer is 502; when one comes back, it is found at once', async () => {
  const servers = await startServers('a', 'b');
  const rig = await startRig(undefined, servers);
  for (const { close } of servers) await close();
  expect(await bodiesOf(rig, times(4, '/'))).toEqual(times(4, '502'));
  const [first] = servers;
  await new Promise<void>((resolve) => first!.server.listen(first!.port, '127.0.0.1', resolve));
  expect(new Set(await bodiesOf(rig, times(8, '/')))).toEqual(new Set(['a']));
});

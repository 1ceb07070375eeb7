import { afterEach, beforeEach, expect, test } from 'vitest';
import { startFakeApi, type FakeApiServer } from '../../../test/fakes/api-server.ts';
import { createKubeClient, type KubeClient } from './client.ts';
import { parseApiAccess } from './kubeconfig.ts';
import { createLeaderElection, type LeaderElection } from './lease.ts';
import { createSystemTiming, type Timing } from './timing.ts';

let api: FakeApiServer;
let client: KubeClient;
const contenders: LeaderElection[] = [];
const told: string[] = [];
const waiting = new Set<() => void>();

beforeEach(async () => {
  api = await startFakeApi();
  client = createKubeClient({ access: parseApiAccess(api.kubeconfig()), userAgent: 'test' });
  told.length = 0;
});

afterEach(async () => {
  api.resume();
  await Promise.all(contenders.splice(0).map((contender) => contender.stop()));
  await client.close();
  await api.stop();
});

function contend(identity: string, durationMs = 600, timing = createSystemTiming()): LeaderElection {
  const tell = (what: string) => {
    told.push(`${identity} ${what}`);
    for (const check of waiting) check();
  };
  const contender = createLeaderElection({
    client,
    timing,
    namespace: 'ingress-nginx',
    name: 'ingress-nginx-leader',
    identity,
    durationMs,
    observer: {
      elected: () => tell('elected'),
      lost: (reason) => tell(`lost: ${reason}`),
      failed: () => tell('failed'),
    },
  });
  contenders.push(contender);
  contender.start();
  return contender;
}

function wasTold(line: string): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (!told.includes(line)) return;
      waiting.delete(check);
      resolve();
    };
    waiting.add(check);
    check();
  });
}

const lease = () => api.get('Lease', 'ingress-nginx', 'ingress-nginx-leader');

test('takes a Lease that is not there, and renews it', async () => {
  // Pauses between two tries are over at once, limits never: a slow machine loses no lead.
  const durationMs = 1_000;
  const pauseMs = (durationMs / 4) * 1.1;
  const timing: Timing = {
    nowMs: () => Date.now(),
    elapsedMs: () => performance.now(),
    random: () => 0.5,
    after(delayMs, task) {
      if (Math.round(delayMs) !== pauseMs) return () => undefined;
      const timer = setImmediate(task);
      return () => clearImmediate(timer);
    },
  };
  const a = contend('pod-a', durationMs, timing);
  await wasTold('pod-a elected');
  expect(a.isLeader()).toBe(true);
  expect(lease()?.spec).toMatchObject({
    holderIdentity: 'pod-a',
    leaseDurationSeconds: 1,
    leaseTransitions: 0,
  });
  expect(lease()?.spec.renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  const { acquireTime, renewTime } = lease()?.spec ?? {};
  await api.until(() => lease()?.spec.renewTime !== renewTime);
  expect(lease()?.spec.acquireTime).toBe(acquireTime);
  expect(told).toEqual(['pod-a elected']);
});

test('of two contenders one leads, and a clean stop hands over without waiting for expiry', async () => {
  const a = contend('pod-a', 60_000);
  await wasTold('pod-a elected');
  const b = contend('pod-b', 200);
  const asked = api.requests.length;
  await api.until(() => api.requests.length >= asked + 3);
  expect([a.isLeader(), b.isLeader()]).toEqual([true, false]);
  await a.stop();
  expect(a.isLeader()).toBe(false);
  await wasTold('pod-b elected');
  expect(lease()?.spec).toMatchObject({ holderIdentity: 'pod-b', leaseTransitions: 1 });
  expect(told).toEqual(['pod-a elected', 'pod-a lost: stopping', 'pod-b elected']);
});

test('contenders that race for a free Lease never lead together', async () => {
  const many = ['a', 'b', 'c', 'd', 'e'].map((identity) => contend(identity));
  await api.until(() => many.some((contender) => contender.isLeader()));
  const asked = api.requests.length;
  await api.until(() => api.requests.length >= asked + 20);
  expect(many.filter((contender) => contender.isLeader())).toHaveLength(1);
  expect(told.filter((line) => line.endsWith(' elected'))).toHaveLength(1);
});

test('a Lease whose holder is gone is taken after its duration', async () => {
  api.apply({
    kind: 'Lease',
    apiVersion: 'coordination.k8s.io/v1',
    metadata: { name: 'ingress-nginx-leader', namespace: 'ingress-nginx' },
    // The clock of the holder is a year ahead: only what is seen to change counts.
    spec: { holderIdentity: 'gone', leaseDurationSeconds: 1, renewTime: '2027-11-23T00:00:00.000000Z' },
  });
  const startedMs = Date.now();
  contend('pod-a');
  await wasTold('pod-a elected');
  expect(Date.now() - startedMs).toBeGreaterThanOrEqual(990);
  expect(lease()?.spec).toMatchObject({ holderIdentity: 'pod-a', leaseTransitions: 1 });
});

/** A clock on which pauses between two tries pass at once, and no limit is ever reached. */
function createRestingTiming(limitMs: number) {
  let elapsedMs = 0;
  const timing: Timing = {
    nowMs: () => Date.UTC(2026, 10, 26) + elapsedMs,
    elapsedMs: () => elapsedMs,
    random: () => 0.999,
    after(delayMs, task) {
      if (delayMs === limitMs) return () => undefined;
      const timer = setImmediate(() => {
        elapsedMs += delayMs;
        task();
      });
      return () => clearImmediate(timer);
    },
  };
  return timing;
}

test('a Lease that is not renewed is taken the moment it ends, not a period later', async () => {
  api.apply({
    kind: 'Lease',
    apiVersion: 'coordination.k8s.io/v1',
    metadata: { name: 'ingress-nginx-leader', namespace: 'ingress-nginx' },
    spec: { holderIdentity: 'gone', leaseDurationSeconds: 15 },
  });
  const timing = createRestingTiming(15_000 / 4);
  let electedMs = 0;
  waiting.add(() => (electedMs ||= timing.elapsedMs()));
  contend('pod-b', 15_000, timing);
  await wasTold('pod-b elected');
  expect(electedMs).toBe(15_000);
});

test('a clock that is set forward ends nobody’s Lease', async () => {
  const spec = { holderIdentity: 'other', leaseDurationSeconds: 60 };
  const metadata = { name: 'ingress-nginx-leader', namespace: 'ingress-nginx' };
  api.apply({ kind: 'Lease', apiVersion: 'coordination.k8s.io/v1', metadata, spec });
  let aheadMs = 0;
  const b = contend('pod-b', 200, { ...createSystemTiming(), nowMs: () => Date.now() + aheadMs });
  const asked = api.requests.length;
  await api.until(() => api.requests.length >= asked + 2);
  aheadMs = 3_600_000;
  await api.until(() => api.requests.length >= asked + 6);
  expect(b.isLeader()).toBe(false);
  expect(lease()?.spec.holderIdentity).toBe('other');
});

test('gives up the lead when the server is silent, and leads again when it answers', async () => {
  const a = contend('pod-a');
  await wasTold('pod-a elected');
  api.hang();
  await wasTold('pod-a lost: it could not be renewed in time');
  expect(a.isLeader()).toBe(false);
  told.length = 0;
  api.resume();
  await wasTold('pod-a elected');
});

test('gives up the lead when another one holds the Lease', async () => {
  const a = contend('pod-a');
  await wasTold('pod-a elected');
  const stolen = lease();
  api.apply({ ...stolen, spec: { ...stolen?.spec, holderIdentity: 'thief', leaseDurationSeconds: 60 } });
  await wasTold('pod-a lost: thief holds the Lease');
  expect(a.isLeader()).toBe(false);
});

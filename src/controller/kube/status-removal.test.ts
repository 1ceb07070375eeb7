import { expect, test } from 'vitest';
import { createVirtualTiming } from '../../../test/fixtures/virtual-timing.ts';
import type { LoadBalancerAddress } from '../store/objects.ts';
import type { ObjectRef, ObjectStore } from '../store/object-store.ts';
import { KubeError, type KubeClient } from './client.ts';
import type { KubeObject } from './kube-object.ts';
import { createStatusWriter } from './status.ts';

const ADDRESS: LoadBalancerAddress = { ip: '192.0.2.1' };

/** A cluster whose API server takes its time for every answer, and fails as told. */
function slowCluster(count: number, answerMs: number, failure: (call: number) => Error | undefined) {
  const timing = createVirtualTiming();
  const addresses = new Map<string, readonly LoadBalancerAddress[]>();
  for (let i = 0; i < count; i++) addresses.set(`web-${i}`, [ADDRESS]);
  const refs = Array.from(addresses.keys(), (name): ObjectRef => ({ namespace: 'lab', name }));
  let calls = 0;
  let running = 0;
  let mostAtOnce = 0;
  const failures: string[] = [];

  async function answer(signal: AbortSignal | undefined): Promise<void> {
    running++;
    mostAtOnce = Math.max(mostAtOnce, running);
    await timing.pass(answerMs);
    running--;
    signal?.throwIfAborted();
    const error = failure(calls++);
    if (error !== undefined) throw error;
  }

  const client = {
    async get(_resource, { name }, signal) {
      await answer(signal);
      return { metadata: { name }, status: { loadBalancer: { ingress: addresses.get(name) } } } as KubeObject;
    },
    async update(_resource, { name }, object, _part, signal) {
      await answer(signal);
      const { loadBalancer } = object['status'] as { loadBalancer: { ingress?: LoadBalancerAddress[] } };
      addresses.set(name, loadBalancer.ingress ?? []);
      return object as KubeObject;
    },
  } as Pick<KubeClient, 'get' | 'update'> as KubeClient;
  const store = { get: (_kind: string, { name }: ObjectRef) => ({ status: addresses.get(name) }) };
  const writer = createStatusWriter({
    client,
    store: store as unknown as ObjectStore,
    timing,
    intervalMs: 1e9,
    isLeader: () => true,
    findAddresses: async (signal) => {
      await answer(signal);
      return [ADDRESS];
    },
    countOtherPods: async (signal) => {
      await answer(signal);
      return 0;
    },
    observer: { wrote: () => undefined, failed: (what) => void failures.push(what) },
  });
  writer.serve(refs);
  const startedMs = timing.nowMs();
  return {
    writer,
    failures,
    left: () => [...addresses.values()].filter(({ length }) => length > 0).length,
    mostAtOnce: () => mostAtOnce,
    tookMs: () => timing.nowMs() - startedMs,
  };
}

test('the addresses of 2,000 Ingresses are all taken back, however slow the answers', async () => {
  const cluster = slowCluster(2_000, 400, () => undefined);
  await cluster.writer.stop(true, 240_000);
  expect(cluster.left()).toBe(0);
  expect(cluster.failures).toEqual([]);
  expect(cluster.mostAtOnce()).toBe(16);
  expect(cluster.tookMs()).toBeGreaterThan(90_000);
});

test('what the server refuses for the moment is tried again: 429, 5xx, conflicts, a broken connection', async () => {
  const errors = [
    new KubeError(429, 'TooManyRequests', 'slow down', 1_000),
    new KubeError(500, 'InternalError', 'etcd'),
    new KubeError(409, 'Conflict', 'changed'),
    new Error('socket hang up'),
  ];
  // The first calls ask for the addresses and the other Pods.
  const cluster = slowCluster(200, 50, (call) =>
    call % 3 === 0 ? errors[(call / 3) % errors.length] : undefined,
  );
  await cluster.writer.stop(true, 240_000);
  expect(cluster.left()).toBe(0);
  expect(cluster.failures).toEqual(['Ingress status cannot be taken back yet; it is tried again']);
});

test('the time that is given bounds it, and what stays is told', async () => {
  const cluster = slowCluster(100, 1_000, () => undefined);
  await cluster.writer.stop(true, 5_500);
  const left = cluster.left();
  expect(left).toBeGreaterThan(0);
  expect(left).toBeLessThan(100);
  expect(cluster.failures).toEqual([
    `the addresses in Ingress status were not taken back (Ingresses: ${left})`,
  ]);
  expect(cluster.tookMs()).toBeLessThan(8_000);
});

test('one that may not be written keeps none of the others', async () => {
  const cluster = slowCluster(50, 10, (call) =>
    call === 10 ? new KubeError(403, 'Forbidden', 'no') : undefined,
  );
  await cluster.writer.stop(true, 240_000);
  expect(cluster.left()).toBe(1);
  expect(cluster.failures).toEqual(['the addresses in Ingress status were not taken back (Ingresses: 1)']);
});

import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../../test/fixtures/endpoints.ts';
import { fakeRequest } from '../../features/kit/testing.ts';
import type { LoadBalancePolicy } from '../../model/policy.ts';
import type { EndpointEntry } from '../../table/table.ts';
import type { EndpointState } from './endpoint.ts';
import { DEFAULT_HEALTH } from './health.ts';
import { createUpstreamRegistry } from './registry.ts';
import type { Endpoint, PickState } from './upstream.ts';

const request = fakeRequest();

function start() {
  const clock = { nowMs: 0 };
  const registry = createUpstreamRegistry({
    random: seededRandom(5),
    nowMs: () => clock.nowMs,
    epochMs: () => clock.nowMs,
    processId: 1,
    check: () => Promise.resolve(undefined),
    checked: () => {},
  });
  const pick = (id: string, tried: Endpoint[] = []): EndpointState => {
    const state: PickState = {
      tried,
      setCookie: undefined,
      cookiePath: '/',
      hostName: 'a.test',
      affinity: undefined,
      isAffinityAsked: false,
    };
    return registry.upstreamOf(id).pick(request, state) as EndpointState;
  };
  const set = (upstreamId: string, entries: readonly (number | EndpointEntry)[]) =>
    registry.setEndpoints({
      upstreamId,
      endpoints: entries.map((one) =>
        typeof one === 'number' ? { address: `10.0.0.${one}`, port: 80, weight: 1, isReady: true } : one,
      ),
    });
  const configure = (id: string, digest: string, policy?: LoadBalancePolicy) =>
    registry.set({ id, digest, policies: policy === undefined ? {} : { 'load-balance': policy } });
  const fail = (endpoint: Endpoint) => {
    endpoint.started();
    endpoint.finished('connect-failed', 1);
  };
  return { clock, registry, pick, set, configure, fail };
}

const many = (count: number, pick: () => EndpointState) => new Set(Array.from({ length: count }, pick));

describe('the registry', () => {
  test('takes max-fails and fail-timeout back with the policy that said them', () => {
    const { set, pick, configure } = start();
    set('a', [1]);
    const policyAfter = (digest: string, policy?: LoadBalancePolicy) => {
      configure('a', digest, policy);
      return pick('a').health.policy;
    };
    const asked: LoadBalancePolicy = { algorithm: 'round_robin', maxFails: 0 };
    expect(policyAfter('1', asked)).toEqual({ ...DEFAULT_HEALTH, maxFails: 0 });
    expect(policyAfter('2', { ...asked, maxFails: 3, failTimeoutMs: 9 })).toEqual({
      maxFails: 3,
      failTimeoutMs: 9,
    });
    expect(policyAfter('3', asked)).toEqual({ ...DEFAULT_HEALTH, maxFails: 0 });
    expect(policyAfter('4')).toEqual(DEFAULT_HEALTH);
  });

  test('shares the state of an address over upstreams and releases it with the last of them', () => {
    const { registry, set, pick } = start();
    set('a', [1]);
    set('b', [1]);
    const endpoint = pick('a');
    expect(pick('b')).toBe(endpoint);
    let destroyed = 0;
    endpoint.pools.set('http', {
      acquire: () => {
        throw new Error('not asked');
      },
      destroy: () => destroyed++,
    });
    set('a', []);
    expect([endpoint.isRemoved, destroyed]).toEqual([false, 0]);
    registry.remove('b');
    expect([endpoint.isRemoved, destroyed]).toEqual([true, 1]);
    set('a', [1]);
    expect(pick('a')).not.toBe(endpoint);
  });

  test('keeps the state of what stays when the list changes and when a table is swapped', () => {
    const { set, pick, configure } = start();
    set('a', [1]);
    const endpoint = pick('a');
    set('a', [2, 1]);
    configure('a', 'next', { algorithm: 'least_conn' });
    expect(many(20, () => pick('a'))).toContain(endpoint);
    expect(endpoint.isRemoved).toBe(false);
  });

  test('a table that says the same does not disturb the rotation', () => {
    const { set, pick, configure } = start();
    set('a', [1, 2, 3]);
    configure('a', 'one');
    const order = [pick('a'), pick('a')];
    configure('a', 'two');
    order.push(pick('a'));
    expect(new Set(order).size).toBe(3);
  });

  test('an upstream of 100,000 endpoints gives them their turns, and keeps those that stay', () => {
    const { set, pick } = start();
    const all = Array.from({ length: 100_000 }, (_, i) => ({
      address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
      port: 80,
      weight: 1,
      isReady: true,
    }));
    set('a', all);
    const first = pick('a');
    expect(many(999, () => pick('a')).size).toBe(999);
    set('a', all.slice(0, -1));
    expect(first.isRemoved).toBe(first.address === all.at(-1)!.address);
  });

  test('what is terminating or weighs nothing gets no requests', () => {
    const { registry, set, pick } = start();
    const at = (address: string, over: Partial<EndpointEntry>) => ({
      address,
      port: 80,
      weight: 1,
      isReady: true,
      ...over,
    });
    set('a', [at('10.0.0.1', { isReady: false }), at('10.0.0.2', { weight: 0 }), 3]);
    expect([...many(20, () => pick('a'))].map(({ address }) => address)).toEqual(['10.0.0.3']);
    set('a', [at('10.0.0.1', { isReady: false })]);
    expect(registry.upstreamOf('a').hasEndpoints()).toBe(false);
    expect(pick('a')).toBeUndefined();
  });
});

for (const algorithm of ['round_robin', 'ewma', 'least_conn', 'source_hash']) {
  describe(`out of rotation, ${algorithm}`, () => {
    test('is passed over, and comes back by one probe', () => {
      const { clock, set, pick, configure, fail } = start();
      configure('a', 'd', { algorithm });
      set('a', [1, 2, 3]);
      const failing = pick('a');
      fail(failing);
      expect(many(60, () => pick('a'))).not.toContain(failing);
      clock.nowMs = 1_000;
      let requests = 0;
      while (pick('a') !== failing) if (++requests > 200) throw new Error('no request probed it');
      failing.started();
      expect(many(60, () => pick('a'))).not.toContain(failing);
      failing.connected();
      failing.finished('aborted', 1);
      expect(many(100, () => pick('a'))).toContain(failing);
    });

    test('when all are out, all are tried, first those that were not yet', () => {
      const { set, pick, configure, fail } = start();
      configure('a', 'd', { algorithm });
      set('a', [1, 2, 3]);
      const tried: Endpoint[] = [];
      for (let i = 0; i < 3; i++) {
        const endpoint = pick('a', tried);
        expect(tried).not.toContain(endpoint);
        fail(endpoint);
        tried.push(endpoint);
      }
      expect(tried).toContain(pick('a', tried));
      expect(pick('a')).toBeDefined();
    });
  });
}

test('an upstream says how many failures and how long', () => {
  const { clock, set, pick, configure, fail } = start();
  configure('a', 'd', { algorithm: 'round_robin', maxFails: 2, failTimeoutMs: 5_000 });
  set('a', [1, 2]);
  const endpoint = pick('a');
  fail(endpoint);
  expect(many(4, () => pick('a'))).toContain(endpoint);
  fail(endpoint);
  clock.nowMs = 4_999;
  expect(many(4, () => pick('a'))).not.toContain(endpoint);
  clock.nowMs = 5_000;
  expect(many(4, () => pick('a'))).toContain(endpoint);
});

describe('slow start', () => {
  const counts = (pick: () => EndpointState, requests: number) => {
    const seen = new Map<string, number>();
    for (let i = 0; i < requests; i++) {
      const { address } = pick();
      seen.set(address, (seen.get(address) ?? 0) + 1);
    }
    return seen.get('10.0.0.3') ?? 0;
  };

  test('gives an endpoint that joins a tenth, half, then all of its share', () => {
    const { clock, set, pick, configure } = start();
    configure('a', 'd', { algorithm: 'round_robin', slowStartMs: 10_000 });
    set('a', [1, 2]);
    set('a', [1, 2, 3]);
    expect(Math.abs(counts(() => pick('a'), 2_100) - 100)).toBeLessThanOrEqual(1);
    clock.nowMs = 5_000;
    expect(Math.abs(counts(() => pick('a'), 2_500) - 500)).toBeLessThanOrEqual(1);
    clock.nowMs = 10_000;
    expect(Math.abs(counts(() => pick('a'), 3_000) - 1_000)).toBeLessThanOrEqual(1);
  });

  test('is off by default, and the first endpoints of an upstream have nobody to spare them', () => {
    const { set, pick, configure } = start();
    set('b', [1, 2]);
    set('b', [1, 2, 3]);
    expect(counts(() => pick('b'), 300)).toBe(100);
    configure('a', 'd', { algorithm: 'round_robin', slowStartMs: 10_000 });
    set('a', [1, 2, 3]);
    expect(counts(() => pick('a'), 300)).toBe(100);
  });
});

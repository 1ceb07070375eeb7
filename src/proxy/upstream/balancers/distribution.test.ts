import { expect, test } from 'vitest';
import { endpointAt, membersOf, seededRandom } from '../../../../test/fixtures/endpoints.ts';
import { fakeRequest } from '../../../features/kit/testing.ts';
import { RingHash } from '../../../lib/ring-hash.ts';
import type { EndpointState } from '../endpoint.ts';
import type { Balancer, BalancerDeps, Member } from './balancer.ts';
import { createLeastConn, createNq, createSed } from './fewest-requests.ts';
import { createHash, createSubsetHash, sourceKey } from './hash.ts';
import { createRoundRobin } from './round-robin.ts';
import { createEwma, createRandomTwo } from './two-choices.ts';

const request = fakeRequest();
const depsOf = (random = seededRandom(7), clock = { nowMs: 0 }): BalancerDeps => ({
  random,
  nowMs: () => clock.nowMs,
});

function balance(
  create: (deps: BalancerDeps) => Balancer,
  members: readonly Member[],
  deps = depsOf(),
): Balancer {
  const balancer = create(deps);
  balancer.update(members);
  return balancer;
}

function names(balancer: Balancer, count: number): string {
  return Array.from({ length: count }, () => balancer.pick(request, undefined).address.slice(-1)).join('');
}

const member = (endpoint: EndpointState): Member => ({ endpoint, weight: 1, share: 1 });

function begin(endpoint: EndpointState, requests: number): void {
  for (let i = 0; i < requests; i++) endpoint.started();
}

test('round robin rotates', () => {
  const balancer = balance(
    createRoundRobin,
    membersOf([1, 1, 1]),
    depsOf(() => 0.4),
  );
  expect(names(balancer, 7)).toBe('2312312');
});

test('round robin keeps every share the same while one is passed over', () => {
  const members = membersOf([1, 1, 1]);
  const balancer = balance(
    createRoundRobin,
    members,
    depsOf(() => 0),
  );
  const out = members[0]!.endpoint;
  const seen = new Map<string, number>();
  for (let i = 0; i < 300; i++) {
    // As an upstream asks: any, and another one when that is out of rotation.
    let endpoint = balancer.pick(request, undefined);
    if (endpoint === out) endpoint = balancer.pick(request, (one) => one === out);
    seen.set(endpoint.address, (seen.get(endpoint.address) ?? 0) + 1);
  }
  expect(Object.fromEntries(seen)).toEqual({ '10.0.0.2': 150, '10.0.0.3': 150 });
});

test('weighted round robin spreads a heavy member out', () => {
  // Every credit begins at 0 with this draw: the textbook order.
  expect(
    names(
      balance(
        createRoundRobin,
        membersOf([5, 1, 1]),
        depsOf(() => 0.5),
      ),
      14,
    ),
  ).toBe('11213111121311');
});

test('weighted round robin goes on where it was when a member joins', () => {
  const members = membersOf([2, 1, 1]);
  const balancer = balance(
    createRoundRobin,
    members.slice(0, 2),
    depsOf(() => 0.5),
  );
  names(balancer, 2);
  balancer.update(members);
  const order = names(balancer, 400);
  expect([order.split('1').length, order.split('2').length, order.split('3').length]).toEqual([
    201, 101, 101,
  ]);
});

test('least_conn takes the member with the fewest requests for its weight', () => {
  const members = membersOf([1, 4, 1]);
  begin(members[0]!.endpoint, 2);
  begin(members[1]!.endpoint, 4);
  begin(members[2]!.endpoint, 3);
  expect(names(balance(createLeastConn, members), 3)).toBe('222');
});

test('least_conn shares ties by weight', () => {
  const order = names(balance(createLeastConn, membersOf([3, 1])), 4_000);
  expect(order.split('1').length - 1).toBeGreaterThan(2_880);
  expect(order.split('1').length - 1).toBeLessThan(3_120);
});

test('sed sends to a strong member although a weak one is idle, nq does not', () => {
  const members = membersOf([1, 4]);
  begin(members[1]!.endpoint, 1);
  expect(names(balance(createSed, members), 1)).toBe('2');
  expect(names(balance(createNq, members), 1)).toBe('1');
  begin(members[0]!.endpoint, 1);
  expect(names(balance(createNq, members), 1)).toBe('2');
});

test('random two takes the less busy of two: the busiest gets nothing, the others the same', () => {
  const members = membersOf([1, 1, 1, 1]);
  begin(members[3]!.endpoint, 5);
  const order = names(balance(createRandomTwo, members), 6_000);
  expect(order).not.toContain('4');
  for (const name of '123') expect(Math.abs(order.split(name).length - 1 - 2_000)).toBeLessThan(150);
});

test('ewma: of two drawn the faster; ties to the first; the slowest of all gets nothing', () => {
  const clock = { nowMs: 1_000 };
  const members = membersOf([1, 1, 1], clock);
  const balancer = balance(createEwma, members, depsOf(seededRandom(3), clock));
  clock.nowMs += 10_000;
  for (const [i, responseMs] of [10, 20, 30].entries()) {
    members[i]!.endpoint.started();
    members[i]!.endpoint.finished('ok', responseMs);
  }
  const order = names(balancer, 3_000);
  expect(order).not.toContain('3');
  // 1 wins against both others, 2 against 3 only.
  expect(Math.abs(order.split('1').length - 1 - 2_000)).toBeLessThan(120);
});

test('ewma decays over 10 s, weighs a response by the time since the last, and starts newcomers at the average', () => {
  const clock = { nowMs: 0 };
  const [one, two, three] = [endpointAt(1, clock), endpointAt(2, clock), endpointAt(3, clock)];
  const balancer = balance(createEwma, [member(one), member(two)], depsOf(seededRandom(1), clock));
  expect(one.latency.at(0)).toBe(0);
  clock.nowMs = 10_000;
  one.started();
  one.finished('ok', 100);
  expect(one.latency.at(10_000)).toBeCloseTo(100 * (1 - Math.exp(-1)));
  expect(one.latency.at(20_000)).toBeCloseTo(100 * (1 - Math.exp(-1)) * Math.exp(-1));
  balancer.update([member(one), member(two), member(three)]);
  expect(three.latency.valueMs).toBeCloseTo((100 * (1 - Math.exp(-1))) / 2);
  one.started();
  one.finished('connect-failed', 1);
  expect(one.latency.valueMs).toBeCloseTo(100 * (1 - Math.exp(-1)));
});

test('ewma: a member that resets at once looks slow, not fast', () => {
  const clock = { nowMs: 1_000 };
  const members = membersOf([1, 1], clock);
  const [steady, broken] = members.map(({ endpoint }) => endpoint) as [EndpointState, EndpointState];
  const balancer = balance(createEwma, members, depsOf(seededRandom(3), clock));
  for (let i = 0; i < 40; i++) {
    clock.nowMs += 1_000;
    begin(steady, 1);
    steady.finished('ok', 100);
    begin(broken, 1);
    if (i < 20) broken.finished('ok', 100);
    else broken.finished('reset', 1);
  }
  expect(names(balancer, 1_000)).not.toContain('2');
  clock.nowMs += 1_000;
  for (let i = 0; i < 600; i++) {
    clock.nowMs += 100;
    begin(steady, 1);
    steady.finished('ok', 100);
  }
  expect(names(balancer, 1_000)).toContain('2');
});

test('a hash key belongs to the member that the ring says, by address and port', () => {
  const members = membersOf([1, 1, 1]);
  const balancer = createHash(sourceKey);
  balancer.update(members);
  const ring = new RingHash(members.map(({ endpoint }) => endpoint.key));
  for (let i = 0; i < 100; i++) {
    const clientAddress = `192.0.2.${i}`;
    const want = members[ring.find(clientAddress)]!.endpoint;
    expect(balancer.pick(fakeRequest({ clientAddress }), undefined)).toBe(want);
  }
});

test('a bounded hash gives no member more than its factor of the fair share', () => {
  const members = membersOf([1, 1, 1, 1]);
  const balancer = createHash(() => 'one key for all', 1.25);
  balancer.update(members);
  const first = balancer.pick(request, undefined);
  for (let i = 0; i < 40; i++) balancer.pick(request, undefined).started();
  const loads = members.map(({ endpoint }) => endpoint.inFlight);
  expect(Math.max(...loads)).toBe(13);
  expect(first.inFlight).toBe(13);
  expect(loads.reduce((sum, load) => sum + load)).toBe(40);
});

test('a subset hash cuts groups in list order and tops the last one up from the beginning', () => {
  const members = membersOf([1, 1, 1, 1, 1, 1, 1]);
  const balancer = createSubsetHash(depsOf(), sourceKey, 3);
  balancer.update(members);
  const groups = new Set<string>();
  for (let i = 0; i < 60; i++) {
    const client = fakeRequest({ clientAddress: `192.0.2.${i}` });
    const seen = new Set(
      Array.from({ length: 60 }, () => balancer.pick(client, undefined).address.slice(-1)),
    );
    groups.add([...seen].toSorted().join(''));
  }
  expect([...groups].toSorted()).toEqual(['123', '127', '456']);
});

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { endpointAt } from '../../../test/fixtures/endpoints.ts';
import type { HealthCheckPolicy } from '../../model/policy.ts';
import { ActiveChecks } from './active-checks.ts';

const POLICY: HealthCheckPolicy = { path: '/', scheme: 'http', intervalMs: 1_000, timeoutMs: 100 };

function start() {
  const asked: string[] = [];
  const changes: string[] = [];
  const problems = new Map<string, string>();
  const checks = new ActiveChecks(POLICY, {
    random: () => 0.5,
    check: ({ key }) => {
      asked.push(key);
      return Promise.resolve(problems.get(key));
    },
    changed: ({ key }, problem) => changes.push(`${key} ${problem}`),
  });
  return { asked, changes, problems, checks };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('active checks', () => {
  test('come once in an interval, the first after a part of it', async () => {
    const { asked, checks } = start();
    checks.update([endpointAt(1)]);
    await vi.advanceTimersByTimeAsync(499);
    expect(asked).toEqual([]);
    await vi.advanceTimersByTimeAsync(2_001);
    expect(asked).toHaveLength(3);
  });

  test('two failures in a row take an endpoint out, one pass brings it back', async () => {
    const { changes, problems, checks } = start();
    const endpoint = endpointAt(1);
    checks.update([endpoint]);
    problems.set(endpoint.key, 'answered 500');
    await vi.advanceTimersByTimeAsync(500);
    expect(endpoint.health.isOut).toBe(false);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([endpoint.health.isOut, endpoint.health.mayTake(1e9)]).toEqual([true, false]);
    await vi.advanceTimersByTimeAsync(1_000);
    problems.clear();
    await vi.advanceTimersByTimeAsync(1_000);
    expect([endpoint.health.isOut, endpoint.health.mayTake(0)]).toEqual([false, true]);
    expect(changes).toEqual(['10.0.0.1:80 answered 500', '10.0.0.1:80 undefined']);
  });

  test('a request that goes well does not bring it back: the checks do', async () => {
    const { problems, checks } = start();
    const endpoint = endpointAt(1);
    problems.set(endpoint.key, 'answered 500');
    checks.update([endpoint]);
    await vi.advanceTimersByTimeAsync(1_500);
    endpoint.started();
    endpoint.connected();
    endpoint.finished('ok', 1);
    expect(endpoint.health.isOut).toBe(true);
  });

  test('an endpoint that left is asked no more, and its failures are forgotten', async () => {
    const { asked, problems, checks } = start();
    const endpoint = endpointAt(1);
    problems.set(endpoint.key, 'answered 500');
    checks.update([endpoint]);
    await vi.advanceTimersByTimeAsync(1_500);
    expect(endpoint.health.isOut).toBe(true);
    checks.stop();
    expect(endpoint.health.isOut).toBe(false);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(asked).toHaveLength(2);
  });

  test('an answer that comes after the end counts for nothing', async () => {
    const late = Promise.withResolvers<string | undefined>();
    const changes: string[] = [];
    const checks = new ActiveChecks(POLICY, {
      random: () => 0,
      check: () => late.promise,
      changed: ({ key }) => changes.push(key),
    });
    const endpoint = endpointAt(1);
    checks.update([endpoint]);
    await vi.advanceTimersByTimeAsync(1);
    checks.stop();
    late.resolve('answered 500');
    await vi.advanceTimersByTimeAsync(10_000);
    expect([changes, endpoint.health.isOut]).toEqual([[], false]);
  });
});

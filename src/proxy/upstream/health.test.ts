import { describe, expect, test } from 'vitest';
import { endpointAt, type FakeClock } from '../../../test/fixtures/endpoints.ts';
import type { EndpointState } from './endpoint.ts';

function fail(endpoint: EndpointState): void {
  endpoint.started();
  endpoint.finished('connect-failed', 1);
}

const clockAt = (nowMs: number): FakeClock => ({ nowMs });

describe('passive health', () => {
  test('max-fails failed connects within fail-timeout take an endpoint out of rotation', () => {
    const clock = clockAt(5_000);
    const endpoint = endpointAt(1, clock, { maxFails: 2, failTimeoutMs: 1_000 });
    fail(endpoint);
    expect(endpoint.health.isOut).toBe(false);
    clock.nowMs += 1_001;
    fail(endpoint);
    expect(endpoint.health.isOut).toBe(false);
    clock.nowMs += 1_000;
    fail(endpoint);
    expect(endpoint.health.isOut).toBe(true);
    expect(endpoint.health.mayTake(clock.nowMs + 999)).toBe(false);
    expect(endpoint.health.mayTake(clock.nowMs + 1_000)).toBe(true);
  });

  test('it rests the longer, the longer its failure took to show', () => {
    const clock = clockAt(0);
    const endpoint = endpointAt(1, clock);
    endpoint.started();
    clock.nowMs = 5_000;
    endpoint.finished('connect-failed', 5_000);
    expect(endpoint.health.mayTake(24_999)).toBe(false);
    expect(endpoint.health.mayTake(25_000)).toBe(true);
  });

  test('while a probe waits for its connection, no other is sent for ten seconds', () => {
    const clock = clockAt(0);
    const endpoint = endpointAt(1, clock);
    fail(endpoint);
    clock.nowMs = 1_000;
    endpoint.started();
    expect(endpoint.health.mayTake(10_999)).toBe(false);
    expect(endpoint.health.mayTake(11_000)).toBe(true);
  });

  test('max-fails 0 takes nothing out', () => {
    const endpoint = endpointAt(1, clockAt(0), { maxFails: 0, failTimeoutMs: 1_000 });
    for (let i = 0; i < 5; i++) fail(endpoint);
    expect(endpoint.health.isOut).toBe(false);
  });

  test('one request probes; others wait for what becomes of it', () => {
    const clock = clockAt(0);
    const endpoint = endpointAt(1, clock);
    fail(endpoint);
    clock.nowMs = 1_000;
    endpoint.started();
    expect(endpoint.health.mayTake(1_999)).toBe(false);
    endpoint.connected();
    expect(endpoint.health.isOut).toBe(false);
  });

  test('a probe that nothing is heard of is followed by another', () => {
    const clock = clockAt(0);
    const endpoint = endpointAt(1, clock);
    fail(endpoint);
    clock.nowMs = 1_000;
    endpoint.started();
    endpoint.finished('aborted', 10);
    expect(endpoint.health.mayTake(1_500)).toBe(false);
    expect(endpoint.health.mayTake(2_000)).toBe(true);
  });

  test('a probe that fails leaves it out, whatever max-fails says', () => {
    const clock = clockAt(0);
    const endpoint = endpointAt(1, clock, { maxFails: 3, failTimeoutMs: 1_000 });
    for (let i = 0; i < 3; i++) fail(endpoint);
    clock.nowMs = 1_500;
    fail(endpoint);
    expect(endpoint.health.mayTake(2_400)).toBe(false);
  });

  test('a request that is sent while it is out, because all are, does not put the probe off', () => {
    const clock = clockAt(0);
    const endpoint = endpointAt(1, clock);
    fail(endpoint);
    clock.nowMs = 900;
    endpoint.started();
    expect(endpoint.health.mayTake(1_000)).toBe(true);
  });

  test('an answer to a request from before the failure does not bring it back', () => {
    const clock = clockAt(0);
    const endpoint = endpointAt(1, clock);
    endpoint.started();
    clock.nowMs = 500;
    fail(endpoint);
    clock.nowMs = 600;
    endpoint.finished('ok', 600);
    expect(endpoint.health.isOut).toBe(true);
    endpoint.started();
    clock.nowMs = 650;
    endpoint.finished('ok', 40);
    expect(endpoint.health.isOut).toBe(false);
  });

  test('a reset or a late answer says nothing of connects', () => {
    const endpoint = endpointAt(1);
    for (const outcome of ['timed-out', 'reset', 'bad-response', 'aborted'] as const) {
      endpoint.started();
      endpoint.finished(outcome, 1);
    }
    expect([endpoint.health.isOut, endpoint.inFlight]).toEqual([false, 0]);
  });
});

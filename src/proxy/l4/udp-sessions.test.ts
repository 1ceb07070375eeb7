import { expect, test } from 'vitest';
import { UdpSessions } from './udp-sessions.ts';

function start(max: number) {
  const evicted: string[] = [];
  const sessions = new UdpSessions<{ evict(): void }>(max);
  const add = (key: string): void =>
    sessions.add(key, {
      evict() {
        evicted.push(key);
        sessions.remove(key);
      },
    });
  return { sessions, add, evicted };
}

test('the one that was heard of least recently goes when there are too many', () => {
  const { sessions, add, evicted } = start(3);
  for (const key of ['a', 'b', 'c']) add(key);
  expect(sessions.hear('a')).toBeDefined();
  add('d');
  add('e');
  expect(evicted).toEqual(['b', 'c']);
  expect(sessions.hear('b')).toBeUndefined();
  expect(sessions.size).toBe(3);
});

test('a flood of new clients never makes more of them', () => {
  const { sessions, add } = start(100);
  for (let i = 0; i < 10_000; i++) add(`${i}`);
  expect(sessions.size).toBe(100);
});

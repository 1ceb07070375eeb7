import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createObjectStore } from '../store/object-store.ts';
import type { KubeObject } from './kube-object.ts';
import { createStoreSink } from './store-sink.ts';

function service(name: string): KubeObject {
  return {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { name, namespace: 'lab', managedFields: ['long'] },
    spec: { ports: [{ port: 80 }] },
  } as KubeObject;
}

function setUp() {
  const store = createObjectStore();
  const told: string[] = [];
  const sink = createStoreSink('Service', {
    store,
    changed: ({ type, ref }) => void told.push(`${type} ${ref.name}`),
    unreadable: (_, problem) => void told.push(problem),
  });
  return { store, told, sink };
}

test('a list of thousands does not hold the event loop: each page is written in a turn of its own', async () => {
  const { store, told, sink } = setUp();
  const pages = ['a', 'b', 'c'].map((page) => sink.read([service(`${page}1`), service(`${page}2`)]));
  expect(told).toEqual([]);
  const written = sink.replace(pages);
  expect(told).toEqual(['added a1', 'added a2']);
  await setImmediate();
  expect(told.slice(2)).toEqual(['added b1', 'added b2']);
  await written;
  expect(store.count('Service')).toBe(6);
});

test('what is in no page of a later list goes when all of it is written', async () => {
  const { store, told, sink } = setUp();
  await sink.replace([sink.read([service('a'), service('b')])]);
  told.length = 0;
  await sink.replace([sink.read([service('c')]), sink.read([service('b'), {} as KubeObject])]);
  expect(told).toEqual(['metadata is not an object', 'added c', 'deleted a']);
  expect(store.count('Service')).toBe(2);
});

import { afterEach, beforeEach, expect, test } from 'vitest';
import { startFakeApi, type FakeApiServer } from '../../../test/fakes/api-server.ts';
import type { EventNote } from '../report/event-sink.ts';
import { createKubeClient, type KubeClient } from './client.ts';
import { parseApiAccess } from './kubeconfig.ts';
import { createEventRecorder, type EventRecorder } from './events.ts';
import { createSystemTiming } from './timing.ts';

let api: FakeApiServer;
let client: KubeClient;
let recorder: EventRecorder;
let dropped: [EventNote, string][];
let failed: unknown[];
/** Time that went by in no time, and how far the clock was set back. */
let passedMs: number;
let setBackMs: number;

beforeEach(async () => {
  api = await startFakeApi();
  client = createKubeClient({ access: parseApiAccess(api.kubeconfig()), userAgent: 'test' });
  [dropped, failed, passedMs, setBackMs] = [[], [], 0, 0];
  const system = createSystemTiming();
  recorder = createEventRecorder({
    client,
    timing: {
      ...system,
      nowMs: () => system.nowMs() - setBackMs,
      elapsedMs: () => system.elapsedMs() + passedMs,
    },
    component: 'nginx-ingress-controller',
    instance: 'pod-a',
    perSecond: 10_000,
    observer: {
      dropped: (note, reason) => void dropped.push([note, reason]),
      failed: (error) => void failed.push(error),
    },
  });
});

afterEach(async () => {
  await recorder.stop();
  await client.close();
  await api.stop();
});

function note(name: string, more: Partial<EventNote> = {}): EventNote {
  const subject = {
    kind: 'Ingress',
    apiVersion: 'networking.k8s.io/v1',
    namespace: 'lab',
    name,
    uid: `uid-${name}`,
  };
  return { subject, type: 'Normal', reason: 'Sync', message: 'Scheduled for sync', ...more };
}

test('writes an Event as kubectl describe shows it', async () => {
  recorder.record(note('web'));
  await recorder.flush(5_000);
  const [event] = api.events('Ingress', 'lab', 'web');
  expect(event).toMatchObject({
    metadata: { namespace: 'lab' },
    involvedObject: {
      kind: 'Ingress',
      apiVersion: 'networking.k8s.io/v1',
      namespace: 'lab',
      name: 'web',
      uid: 'uid-web',
    },
    type: 'Normal',
    reason: 'Sync',
    message: 'Scheduled for sync',
    source: { component: 'nginx-ingress-controller' },
    reportingComponent: 'nginx-ingress-controller',
    reportingInstance: 'pod-a',
    count: 1,
  });
  expect(event?.firstTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});

test('the same Event again counts up, by one patch for all of a moment', async () => {
  recorder.record(note('web'));
  await recorder.flush(5_000);
  recorder.record(note('web'));
  recorder.record(note('web'));
  await recorder.flush(5_000);
  expect(api.events().map(({ count }) => count)).toEqual([3]);
  expect(api.requests.map(({ verb }) => verb)).toEqual(['create', 'patch']);
});

test('starts anew when the Event has expired', async () => {
  recorder.record(note('web'));
  await recorder.flush(5_000);
  api.delete('Event', 'lab', api.events()[0]?.metadata.name ?? '');
  recorder.record(note('web'));
  await recorder.flush(5_000);
  expect(api.events().map(({ count }) => count)).toEqual([1]);
});

test('Warnings leave before what was waiting', async () => {
  for (let index = 0; index < 20; index++) recorder.record(note(`web-${index}`));
  recorder.record(note('bad', { type: 'Warning', reason: 'InvalidAnnotation', message: 'no' }));
  await recorder.flush(5_000);
  const order = api
    .events()
    .toSorted((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion));
  expect(order).toHaveLength(21);
  expect(order[0]?.type).toBe('Warning');
});

test('mutes a noisy object, and no other', async () => {
  for (let index = 0; index < 40; index++) recorder.record(note('noisy', { message: `message ${index}` }));
  recorder.record(note('quiet'));
  recorder.record(note('noisy', { type: 'Warning', reason: 'MissingService' }));
  await recorder.flush(5_000);
  expect(api.events('Ingress', 'lab', 'noisy').filter(({ type }) => type === 'Normal')).toHaveLength(25);
  expect(api.events('Ingress', 'lab', 'noisy').filter(({ type }) => type === 'Warning')).toHaveLength(1);
  expect(api.events('Ingress', 'lab', 'quiet')).toHaveLength(1);
  expect(dropped).toHaveLength(15);
});

test('keeps Events through an outage and says once that they wait', async () => {
  api.failNext(2, 500);
  recorder.record(note('web'));
  await recorder.flush(5_000);
  expect(api.events()).toHaveLength(1);
  expect(failed).toHaveLength(1);
});

test('drops what the server refuses and goes on', async () => {
  api.forbid({ resource: 'events', namespace: 'closed' });
  recorder.record(note('x', { subject: { ...note('x').subject, namespace: 'closed' } }));
  recorder.record(note('web'));
  await recorder.flush(5_000);
  expect(api.events().map(({ involvedObject }) => involvedObject.name)).toEqual(['web']);
  expect(dropped.map(([, reason]) => reason)).toEqual(['events is forbidden: cannot create']);
});

test('Events about cluster-scoped objects live in default', async () => {
  recorder.record(
    note('nginx', { subject: { ...note('nginx').subject, kind: 'IngressClass', namespace: '' } }),
  );
  await recorder.flush(5_000);
  expect(api.events('IngressClass')[0]?.metadata.namespace).toBe('default');
});

test('long names and messages are cut to what the API takes', async () => {
  recorder.record(note('n'.repeat(253), { message: 'm'.repeat(3_000) }));
  await recorder.flush(5_000);
  const [event] = api.events();
  expect(event?.metadata.name.length).toBeLessThanOrEqual(253);
  expect(event?.message).toHaveLength(1_024);
});

const FINDING = {
  type: 'Warning',
  reason: 'InvalidAnnotation',
  message: 'limit-rps: "x" is not a number',
} as const;

/** The recorder of another replica, or of the next life of this one. */
async function another(act: (recorder: EventRecorder) => void): Promise<void> {
  const other = createEventRecorder({
    client,
    timing: createSystemTiming(),
    component: 'nginx-ingress-controller',
    instance: 'pod-b',
    perSecond: 10_000,
    observer: {
      dropped: (note, reason) => void dropped.push([note, reason]),
      failed: (error) => void failed.push(error),
    },
  });
  act(other);
  await other.flush(5_000);
  await other.stop();
}

test('what is standing has one Event, whichever replica finds it and however often it starts', async () => {
  const standing = note('web', { ...FINDING, lasting: 'standing' });
  recorder.record(standing);
  await recorder.flush(5_000);
  const [written] = api.events();
  await another((other) => other.record(standing));
  await another((other) => {
    other.record(standing);
    other.record(note('web', { ...FINDING, message: 'limit-rps: "y" is not a number', lasting: 'standing' }));
  });
  recorder.record(standing);
  await recorder.flush(5_000);
  expect(api.events().map(({ count }) => count)).toEqual([1, 1]);
  expect(api.events()).toContainEqual(written);
  expect([dropped, failed]).toEqual([[], []]);
});

test('what has arisen again counts up the Event that there is, whoever wrote it', async () => {
  recorder.record(note('web', { ...FINDING, lasting: 'arisen' }));
  await recorder.flush(5_000);
  await another((other) => other.record(note('web', { ...FINDING, lasting: 'arisen' })));
  await another((other) => {
    other.record(note('web', { ...FINDING, lasting: 'standing' }));
    other.record(note('web', { ...FINDING, lasting: 'arisen' }));
  });
  expect(api.events().map(({ count }) => count)).toEqual([3]);
  expect(api.requests.filter(({ verb }) => verb === 'get' || verb === 'list')).toEqual([]);
});

test('the same finding about an object that was made anew is another Event', async () => {
  recorder.record(note('web', { ...FINDING, lasting: 'standing' }));
  const subject = { ...note('web').subject, uid: 'uid-web-2' };
  recorder.record(note('web', { ...FINDING, subject, lasting: 'standing' }));
  await recorder.flush(5_000);
  expect(api.events()).toHaveLength(2);
});

test('an Event of what is lasting that has expired is written anew', async () => {
  const standing = note('web', { ...FINDING, lasting: 'standing' });
  recorder.record(standing);
  await recorder.flush(5_000);
  api.delete('Event', 'lab', api.events()[0]?.metadata.name ?? '');
  await another((other) => other.record(standing));
  expect(api.events().map(({ count }) => count)).toEqual([1]);
});

test('a clock that is set back silences no object', async () => {
  for (let i = 0; i < 30; i++) recorder.record(note('web', { message: `m${i}` }));
  expect(dropped).toHaveLength(5);
  passedMs = 300_000;
  setBackMs = 3_600_000;
  recorder.record(note('web', { message: 'later' }));
  expect(dropped).toHaveLength(5);
  await recorder.flush(5_000);
  expect(failed).toEqual([]);
});

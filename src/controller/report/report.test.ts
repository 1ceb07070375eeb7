import { expect, test } from 'vitest';
import type { Finding } from '../../model/finding.ts';
import { createLog } from '../../observe/log.ts';
import { createChangeReport } from './change-report.ts';
import type { EventNote } from './event-sink.ts';
import { createFindingReport } from './finding-report.ts';

function finding(name: string, more: Partial<Finding> = {}): Finding {
  return {
    reason: 'InvalidAnnotation',
    severity: 'warning',
    source: { kind: 'Ingress', namespace: 'lab', name, field: 'metadata.annotations[limit-rps]' },
    value: 'x',
    problem: 'is not a number',
    consequence: 'no limit is applied',
    ...more,
  };
}

function start(isWriter?: () => boolean) {
  const lines: string[] = [];
  const events: EventNote[] = [];
  const counts: [string, string, number][] = [];
  const report = createFindingReport({
    log: createLog({
      level: 'info',
      format: 'text',
      write: (line) => void lines.push(line.slice(25).trim()),
    }),
    events: { record: (note) => void events.push(note) },
    uidOf: ({ name }) => `uid-${name}`,
    setCount: (...count) => void counts.push(count),
    ...(isWriter && { isWriter }),
  });
  return { report, lines, events, counts };
}

test('a finding is told once, however often it is found', () => {
  const { report, lines, events, counts } = start();
  report.report([finding('web')]);
  report.report([finding('web')]);
  expect(events).toEqual([
    {
      subject: {
        kind: 'Ingress',
        apiVersion: 'networking.k8s.io/v1',
        namespace: 'lab',
        name: 'web',
        uid: 'uid-web',
      },
      type: 'Warning',
      reason: 'InvalidAnnotation',
      message: 'metadata.annotations[limit-rps]: "x" is not a number; no limit is applied',
      lasting: 'standing',
    },
  ]);
  expect(lines).toEqual([
    'warn  InvalidAnnotation Ingress lab/web: metadata.annotations[limit-rps]: "x" is not a number; no limit is applied',
  ]);
  expect(counts).toEqual([['InvalidAnnotation', 'warning', 1]]);
});

test('a finding whose value changed is told again, and the old one is resolved', () => {
  const { report, lines, events, counts } = start();
  report.report([finding('web')]);
  report.report([finding('web', { value: 'y' })]);
  expect(events.map(({ message }) => message.slice(33, 36))).toEqual(['"x"', '"y"']);
  expect(lines.at(-1)).toMatch(/^info {2}resolved: InvalidAnnotation Ingress lab\/web: .*"x"/);
  expect(counts).toHaveLength(1);
});

test('Events are the leader’s to write: all that is wrong when it begins to lead, then what is new', () => {
  let isLeader = false;
  const { report, lines, events } = start(() => isLeader);
  report.report([finding('a'), finding('b')]);
  report.report([finding('b'), finding('c')]);
  expect(events).toEqual([]);
  expect(lines.filter((line) => line.startsWith('warn'))).toHaveLength(3);
  isLeader = true;
  report.takeOver();
  report.report([finding('b'), finding('c'), finding('d')]);
  expect(events.map(({ subject, lasting }) => [subject.name, lasting])).toEqual([
    ['b', 'standing'],
    ['c', 'standing'],
    ['d', 'arisen'],
  ]);
  isLeader = false;
  report.report([finding('e')]);
  expect(events).toHaveLength(3);
});

test('counts go back to zero, by reason and severity', () => {
  const { report, counts } = start();
  report.report([finding('a'), finding('b'), finding('c', { reason: 'MissingService', severity: 'error' })]);
  report.report([finding('a')]);
  expect(counts).toEqual([
    ['InvalidAnnotation', 'warning', 2],
    ['MissingService', 'error', 1],
    ['InvalidAnnotation', 'warning', 1],
    ['MissingService', 'error', 0],
  ]);
});

test('an object made anew is told again', () => {
  const { report, events } = start();
  const source = finding('web').source;
  report.report([finding('web', { source: { ...source, uid: '1' } })]);
  report.report([finding('web', { source: { ...source, uid: '2' } })]);
  expect(events.map(({ subject }) => subject.uid)).toEqual(['1', '2']);
});

test('without a cluster there is only the log', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', format: 'text', write: (line) => void lines.push(line) });
  createFindingReport({ log, setCount: () => {} }).report([finding('web', { severity: 'error' })]);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain(' error InvalidAnnotation Ingress lab/web');
});

const POD = { kind: 'Pod', apiVersion: 'v1', namespace: 'ingress-nginx', name: 'pod-a', uid: 'uid-pod' };

function startChanges(areSyncEventsOn = true) {
  const told: string[] = [];
  const clock = { nowMs: 0 };
  const report = createChangeReport({
    events: {
      record: ({ subject, type, reason, message }) =>
        void told.push(`${subject.kind} ${subject.name} ${type} ${reason} ${message}`),
    },
    areSyncEventsOn,
    pod: POD,
    configMaps: [{ namespace: 'ingress-nginx', name: 'settings' }],
    nowMs: () => clock.nowMs,
  });
  const take = () => told.splice(0);
  return { report, take, clock };
}

const changed = (name: string, kind = 'Ingress', namespace = 'lab') => ({
  kind,
  namespace,
  name,
  uid: `uid-${name}`,
});
const served = (...names: string[]) => names.map((name) => ({ namespace: 'lab', name }));
const SYNC = (name: string) => `Ingress ${name} Normal Sync Scheduled for sync`;
const RELOAD = 'Pod pod-a Normal RELOAD NGINX reload triggered due to a change in configuration';

test('every served Ingress gets a Sync when it was added or changed, others get none', () => {
  const { report, take } = startChanges();
  for (const name of ['a', 'b', 'strange']) report.objectChanged(changed(name), true);
  report.applied(served('a', 'b'));
  expect(take()).toEqual([SYNC('a'), SYNC('b'), RELOAD]);
  report.applied(served('a', 'b'));
  expect(take()).toEqual([]);
  report.objectChanged(changed('b'), false);
  report.applied(served('a', 'b'));
  expect(take()).toEqual([SYNC('b')]);
});

test('an Ingress that came while a table was on its way gets its Sync with the next', () => {
  const { report, take } = startChanges();
  report.objectChanged(changed('late'), true);
  report.applied(served());
  report.applied(served('late'));
  expect(take()).toEqual([RELOAD, SYNC('late')]);
});

test('no Sync where they are switched off', () => {
  const { report, take } = startChanges(false);
  report.objectChanged(changed('a'), true);
  report.applied(served('a'));
  expect(take()).toEqual([RELOAD]);
});

test('one RELOAD a minute, and a rejection once until a table is applied', () => {
  const { report, take, clock } = startChanges();
  report.applied(served());
  clock.nowMs = 59_999;
  report.applied(served());
  expect(take()).toEqual([RELOAD]);
  clock.nowMs = 60_000;
  report.applied(served());
  expect(take()).toEqual([RELOAD]);
  report.rejected('worker 0: no');
  report.rejected('worker 0: no');
  expect(take()).toEqual(['Pod pod-a Warning RELOAD Error reloading NGINX: worker 0: no']);
  report.applied(served());
  report.rejected('worker 0: no');
  expect(take()).toHaveLength(1);
});

test('the ConfigMap with the settings gets CREATE and UPDATE, others nothing', () => {
  const { report, take } = startChanges();
  report.objectChanged(changed('settings', 'ConfigMap', 'ingress-nginx'), true);
  report.objectChanged(changed('settings', 'ConfigMap', 'ingress-nginx'), false);
  report.objectChanged(changed('headers', 'ConfigMap', 'ingress-nginx'), true);
  expect(take()).toEqual([
    'ConfigMap settings Normal CREATE ConfigMap ingress-nginx/settings',
    'ConfigMap settings Normal UPDATE ConfigMap ingress-nginx/settings',
  ]);
});

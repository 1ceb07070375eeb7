import { describe, expect, test } from 'vitest';
import { defineFeature } from '../features/kit/feature.ts';
import { fakeCounters, noCopies, noSubrequest } from '../features/kit/testing.ts';
import type { FromWorker, TableDelta, TablePart } from '../table/messages.ts';
import { DEFAULT_SETTINGS } from '../table/settings.ts';
import type { HostEntry, UpstreamEndpoints, UpstreamEntry } from '../table/table.ts';
import { createReceiver, type Receiver } from './receiver.ts';
import type { Upstream } from './upstream/upstream.ts';

const refuser = defineFeature({
  name: 'refuser',
  doc: '',
  scope: 'route',
  annotations: {},
  translate: () => undefined,
  createFilter: (policy: { isRefused: boolean }) => {
    if (policy.isRefused) throw new Error('cannot be enforced');
    return { onRequest: () => undefined };
  },
});

function hostEntry(name: string, upstreamId: string, policies: Record<string, unknown> = {}): HostEntry {
  return {
    name,
    aliases: [],
    digest: `${name} ${upstreamId}`,
    isRegex: false,
    hasCertificate: false,
    certificateNames: [],
    policies: {},
    routes: [
      {
        id: `${name}|prefix|/`,
        match: { kind: 'prefix', value: '/' },
        path: '/',
        pathType: 'prefix',
        upstreamId,
        policies: {
          timeouts: { connectTimeoutMs: 1, sendTimeoutMs: 1, readTimeoutMs: 1 },
          body: { maxBodyBytes: 0, isRequestBuffered: true, maxResponseHeadBytes: 1, upstreamHttpMinor: 1 },
          retry: { conditions: [], isNonIdempotentRetried: false, tries: 1, timeoutMs: 0 },
          ...policies,
        },
        labels: { namespace: '', ingress: '', service: '', servicePort: '', path: '/', host: name },
        isSlashRedirected: false,
      },
    ],
  };
}

function deltaOf(generation: number, over: Partial<TableDelta> = {}): TableDelta {
  const nothing = { set: [], removed: [] };
  return { generation, hosts: nothing, upstreams: nothing, certificates: nothing, ...over };
}

function entries(...ids: string[]): { set: UpstreamEntry[]; removed: string[] } {
  return { set: ids.map((id) => ({ id, digest: id, policies: {} })), removed: [] };
}

function endpointsOf(upstreamId: string, port: number): UpstreamEndpoints {
  return { upstreamId, endpoints: [{ address: '10.0.0.1', port, weight: 1, isReady: true }] };
}

interface Rig {
  readonly receiver: Receiver;
  readonly posted: FromWorker[];
  /** What reached upstreams and certificates, in order. */
  readonly done: string[];
  /** Runs what linking has put off. */
  resume(): void;
  /** Lets the time of what was put off longest be over. */
  elapse(): void;
  table(sequence: number, delta: TableDelta, endpoints?: readonly UpstreamEndpoints[]): void;
  part(part: Partial<TablePart>, ...endpoints: UpstreamEndpoints[]): void;
  endpoints(sequence: number, ...changed: UpstreamEndpoints[]): void;
}

/** Time passes by `tickMs` at every look at the clock, so that a slice is over after 4 of them. */
function setUp(tickMs = 0): Rig {
  const posted: FromWorker[] = [];
  const done: string[] = [];
  const deferred: (() => void)[] = [];
  const timers: (() => void)[] = [];
  const handles = new Map<string, Upstream>();
  let nowMs = 0;
  const receiver = createReceiver({
    features: [refuser],
    createSubrequest: noSubrequest,
    createCopier: noCopies,
    metrics: {
      routeSeries: () => ({ observe: () => {} }),
      retain: (ingresses) => done.push(`retain ${[...ingresses].join(' ')}`),
    },
    random: () => 0,
    counters: fakeCounters(),
    ofWorker: (create) => create(),
    upstreams: {
      upstreamOf(id) {
        const known = handles.get(id);
        if (known !== undefined) return known;
        const entry = { id, digest: '', policies: {} };
        const made: Upstream = {
          id,
          entry,
          hasEndpoints: () => false,
          pick: () => undefined,
          next: () => undefined,
          holdsSession: () => false,
        };
        handles.set(id, made);
        return made;
      },
      set: ({ id }) => done.push(`set ${id}`),
      remove(id) {
        handles.delete(id);
        done.push(`remove ${id}`);
      },
      setEndpoints: ({ upstreamId, endpoints }) => done.push(`endpoints ${upstreamId} ${endpoints[0]?.port}`),
    },
    certificates: { apply: () => done.push('certificates') },
    listeners: { apply: async () => void done.push('listeners'), refresh: () => undefined },
    post: (message) => posted.push(message),
    defer: (resume) => deferred.push(resume),
    later: (run) => timers.push(run),
    nowMs: () => (nowMs += tickMs),
  });
  const send = (message: Parameters<Receiver['receive']>[0]) => receiver.receive(message);
  return {
    receiver,
    posted,
    done,
    resume: () => deferred.shift()!(),
    elapse: () => timers.shift()!(),
    table: (sequence, delta, endpoints = []) => send({ kind: 'table', sequence, delta, endpoints }),
    part: (part, ...endpoints) =>
      send({
        kind: 'table-part',
        part: { hosts: [], upstreams: [], certificates: [], ...part },
        endpoints,
      }),
    endpoints: (sequence, ...changed) => send({ kind: 'endpoints', sequence, endpoints: changed }),
  };
}

describe('receiver', () => {
  test('a table is linked, takes its place and is acknowledged', () => {
    const rig = setUp();
    expect(rig.receiver.router()).toBeUndefined();
    rig.table(
      5,
      deltaOf(1, { hosts: { set: [hostEntry('h', 'u')], removed: [] }, upstreams: entries('u') }),
      [endpointsOf('u', 1)],
    );
    expect(rig.receiver.router()!.generation).toBe(1);
    expect(rig.receiver.router()!.settings).toEqual(DEFAULT_SETTINGS);
    expect(rig.receiver.router()!.hostOf('h').match('/')).toMatchObject({
      kind: 'route',
      upstream: { id: 'u' },
    });
    expect(rig.done).toEqual(['certificates', 'set u', 'endpoints u 1']);
    expect(rig.posted).toEqual([{ kind: 'acknowledged', sequence: 5, generation: 1, tookMs: 0 }]);
  });

  test('a table that cannot be linked is rejected by name, the last good one serves, known endpoints move', () => {
    const rig = setUp();
    rig.table(1, deltaOf(1, { hosts: { set: [hostEntry('h', 'u')], removed: [] }, upstreams: entries('u') }));
    const good = rig.receiver.router();
    rig.done.length = 0;
    const bad = hostEntry('bad', 'new', { refuser: { isRefused: true } });
    rig.table(2, deltaOf(2, { hosts: { set: [bad], removed: ['h'] }, upstreams: entries('new') }), [
      endpointsOf('u', 2),
      endpointsOf('new', 3),
    ]);
    expect(rig.posted.at(-1)).toEqual({
      kind: 'rejected',
      sequence: 2,
      generation: 2,
      message: 'bad|prefix|/: refuser: cannot be enforced',
    });
    expect(rig.receiver.router()).toBe(good);
    expect(rig.done).toEqual(['endpoints u 2']);
    rig.table(3, deltaOf(3, { hosts: { set: [hostEntry('ok', 'u')], removed: [] } }));
    expect(rig.receiver.router()!.generation).toBe(3);
  });

  test('endpoints are taken in at once, those of unknown upstreams are not', () => {
    const rig = setUp();
    rig.table(1, deltaOf(1, { upstreams: entries('u') }));
    rig.done.length = 0;
    rig.endpoints(2, endpointsOf('u', 7), endpointsOf('unknown', 8));
    expect(rig.done).toEqual(['endpoints u 7']);
    expect(rig.posted.at(-1)).toMatchObject({ kind: 'acknowledged', sequence: 2, generation: 1 });
  });

  test('a long linking pauses; meanwhile the old router serves, endpoints move, and the newest count', () => {
    const rig = setUp(1);
    rig.table(1, deltaOf(1, { upstreams: entries('u') }));
    const old = rig.receiver.router();
    rig.done.length = 0;
    const hosts = Array.from({ length: 8 }, (_, i) => hostEntry(`h${i}`, 'late'));
    rig.table(2, deltaOf(2, { hosts: { set: hosts, removed: [] }, upstreams: entries('late') }), [
      endpointsOf('u', 1),
      endpointsOf('late', 1),
    ]);
    expect(rig.receiver.router()).toBe(old);
    rig.endpoints(3, endpointsOf('u', 2), endpointsOf('late', 2));
    rig.table(4, deltaOf(3, { hosts: { set: [hostEntry('x', 'u')], removed: [] } }));
    expect(rig.done).toEqual(['endpoints u 1', 'endpoints u 2']);
    while (rig.receiver.router()!.generation < 3) rig.resume();
    expect(rig.done.slice(2)).toEqual(['certificates', 'set late', 'endpoints late 2', 'certificates']);
    expect(rig.posted.map((message) => 'sequence' in message && message.sequence)).toEqual([1, 3, 2, 4]);
    expect(rig.receiver.router()!.hostOf('h7').isConfigured).toBe(true);
  });

  test('what came ahead of a table waits for it, and the newest of its endpoints count', () => {
    const rig = setUp();
    rig.table(1, deltaOf(1, { upstreams: entries('u') }));
    const old = rig.receiver.router();
    rig.done.length = 0;
    rig.part(
      { hosts: [hostEntry('a', 'late')], upstreams: entries('late').set },
      endpointsOf('late', 1),
      endpointsOf('u', 2),
    );
    rig.part({ hosts: [hostEntry('b', 'later')] });
    rig.endpoints(2, endpointsOf('late', 3));
    expect(rig.receiver.router()).toBe(old);
    expect(rig.done).toEqual(['endpoints u 2']);
    rig.table(3, deltaOf(2, { upstreams: entries('later') }), [endpointsOf('later', 4)]);
    const router = rig.receiver.router()!;
    expect(['a', 'b'].map((name) => router.hostOf(name).isConfigured)).toEqual([true, true]);
    expect([...router.upstreamIds]).toEqual(['u', 'late', 'later']);
    const settled = ['certificates', 'set late', 'set later', 'endpoints late 3', 'endpoints later 4'];
    expect(rig.done.slice(1)).toEqual(settled);
    rig.done.length = 0;
    rig.table(4, deltaOf(3, { hosts: { set: [], removed: ['a'] } }));
    expect(rig.receiver.router()!.hostOf('a').isConfigured).toBe(false);
    expect(rig.receiver.router()!.hostOf('b').isConfigured).toBe(true);
  });

  test('an upstream that is gone keeps its endpoints for a while, for requests matched before', () => {
    const rig = setUp();
    rig.table(1, deltaOf(1, { upstreams: entries('u') }));
    rig.table(2, deltaOf(2, { upstreams: { set: [], removed: ['u'] } }));
    expect(rig.done).not.toContain('remove u');
    rig.elapse();
    expect(rig.done.at(-1)).toBe('remove u');
  });

  test('series of an Ingress that is gone are let go of, when no request can be counted there any more', () => {
    const rig = setUp();
    const entryOf = (name: string): HostEntry => ({
      ...hostEntry(name, 'u'),
      first: { namespace: 'a', ingress: name },
      routes: [],
    });
    rig.table(1, deltaOf(1, { hosts: { set: [entryOf('x'), entryOf('y')], removed: [] } }));
    rig.table(2, deltaOf(2, { hosts: { set: [], removed: ['x'] } }));
    rig.table(3, deltaOf(3, { hosts: { set: [entryOf('z')], removed: [] } }));
    expect(rig.done).not.toContain('retain a/y a/z');
    rig.elapse();
    expect(rig.done.filter((one) => one.startsWith('retain'))).toEqual(['retain a/y a/z']);
  });

  test('an upstream that comes back in that time stays, and leaves later', () => {
    const rig = setUp();
    rig.table(1, deltaOf(1, { upstreams: entries('u') }));
    rig.table(2, deltaOf(2, { upstreams: { set: [], removed: ['u'] } }));
    rig.table(3, deltaOf(3, { upstreams: entries('u') }));
    rig.table(4, deltaOf(4, { upstreams: { set: [], removed: ['u'] } }));
    rig.elapse();
    expect(rig.done).not.toContain('remove u');
    rig.elapse();
    expect(rig.done).toContain('remove u');
  });

  test('an upstream that goes away and comes back is linked anew by hosts that did not change', () => {
    const rig = setUp();
    const upstream = () => {
      const match = rig.receiver.router()!.hostOf('h').match('/');
      return match?.kind === 'route' ? match.upstream : undefined;
    };
    rig.table(1, deltaOf(1, { hosts: { set: [hostEntry('h', 'u')], removed: [] }, upstreams: entries('u') }));
    const first = upstream();
    rig.table(2, deltaOf(2, { upstreams: { set: [], removed: ['u'] } }));
    rig.elapse();
    rig.table(3, deltaOf(3, { upstreams: entries('u') }));
    expect(upstream()).toBeDefined();
    expect(upstream()).not.toBe(first);
  });
});

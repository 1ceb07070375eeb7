import { afterEach, beforeEach, expect, test } from 'vitest';
import fc from 'fast-check';
import { startFakeApi, type FakeApiServer } from '../../../test/fakes/api-server.ts';
import { createKubeClient, type KubeClient } from './client.ts';
import { parseApiAccess } from './kubeconfig.ts';
import type { KubeObject } from './kube-object.ts';
import { createReflector, type ReflectorFailure, type ReflectorOptions } from './reflector.ts';
import { SERVICES } from './resources.ts';
import { createSystemTiming } from './timing.ts';

let api: FakeApiServer;
let client: KubeClient;
const stops: (() => Promise<void>)[] = [];

beforeEach(async () => {
  api = await startFakeApi();
  client = createKubeClient({
    access: parseApiAccess(api.kubeconfig()),
    userAgent: 'test',
    answerTimeoutMs: 2_000,
  });
});

afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
  await client.close();
  await api.stop();
});

function service(name: string, port = 80): object {
  return {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { name, namespace: 'lab' },
    spec: { ports: [{ port }] },
  };
}

const QUICK: ReflectorOptions = { backoffFirstMs: 2, backoffCapMs: 20, forbiddenRetryMs: 20 };

/** A reflector that notes what it says; `seen` is the state of its sink. */
function follow(options: ReflectorOptions = {}, mayBeForbidden = false) {
  const seen = new Map<string, KubeObject>();
  const counts = { replaced: 0, least: Infinity };
  const failures: ReflectorFailure[] = [];
  const forbidden: boolean[] = [];
  const versions: string[] = [];
  const note = () => {
    counts.least = Math.min(counts.least, seen.size);
  };
  const reflector = createReflector({
    client,
    resource: SERVICES,
    scope: { namespace: '' },
    timing: createSystemTiming(),
    observer: { failed: (_, failure) => void failures.push(failure), recovered: () => {} },
    options: { ...QUICK, ...options },
    sink: {
      page: (objects) => objects,
      replace(pages) {
        counts.replaced++;
        seen.clear();
        for (const object of pages.flat()) seen.set(object.metadata.name, object);
        note();
      },
      set(object) {
        seen.set(object.metadata.name, object);
        versions.push(object.metadata.resourceVersion ?? '');
        note();
      },
      delete(object) {
        seen.delete(object.metadata.name);
        note();
      },
      ...(mayBeForbidden ? { forbidden: (is: boolean) => void forbidden.push(is) } : {}),
    },
  });
  stops.push(() => reflector.stop());
  reflector.start();
  return { reflector, seen, counts, failures, forbidden, versions };
}

function versionsOf(objects: Iterable<{ metadata: { name: string; resourceVersion?: string } }>): string {
  const versions = Array.from(objects, ({ metadata }) => `${metadata.name}@${metadata.resourceVersion}`);
  return versions.toSorted().join();
}

/** Waits until the sink holds what the server holds. */
async function caughtUp(seen: ReadonlyMap<string, KubeObject>, timeoutMs = 10_000): Promise<void> {
  const startedMs = Date.now();
  const same = () => versionsOf(seen.values()) === versionsOf(api.list('Service'));
  while (!same()) {
    if (Date.now() - startedMs > timeoutMs) {
      expect(versionsOf(seen.values())).toBe(versionsOf(api.list('Service')));
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

test('lists in pages, then follows additions, changes and deletions', async () => {
  for (let index = 0; index < 25; index++) api.apply(service(`s${index}`));
  const { reflector, seen, counts } = follow({ pageSize: 10 });
  await reflector.settled;
  expect(seen.size).toBe(25);
  expect(api.requests.filter(({ verb }) => verb === 'list').map(({ query }) => query.limit)).toEqual([
    '10',
    '10',
    '10',
  ]);
  api.apply(service('s3', 81));
  api.apply(service('new'));
  api.delete('Service', 'lab', 's7');
  await caughtUp(seen);
  expect(seen.has('s7')).toBe(false);
  expect(seen.get('s3')?.spec).toEqual({ ports: [{ port: 81 }] });
  expect(counts.replaced).toBe(1);
});

test('starts the list over when its pages expire, and shows nothing in between', async () => {
  for (let index = 0; index < 30; index++) api.apply(service(`s${index}`));
  let pages = 0;
  const real = client;
  client = {
    ...real,
    async list(...args) {
      if (++pages === 2) api.compact();
      return real.list(...args);
    },
  };
  const { reflector, seen, counts } = follow({ pageSize: 10 });
  await reflector.settled;
  client = real;
  expect(seen.size).toBe(30);
  expect(counts).toEqual({ replaced: 1, least: 30 });
});

test('goes on from where it was when the server ends the watch', async () => {
  api.apply(service('a'));
  const { reflector, seen, counts } = follow();
  await reflector.settled;
  await api.until(() => api.watchCount() === 1);
  api.bookmark();
  api.endWatches();
  api.apply(service('b'));
  await caughtUp(seen);
  expect(counts.replaced).toBe(1);
});

test('bookmarks move the position, so that a compaction behind it costs no list', async () => {
  api.apply(service('a'));
  const { reflector, seen, counts } = follow();
  await reflector.settled;
  await api.until(() => api.watchCount() === 1);
  api.apply({ kind: 'Pod', apiVersion: 'v1', metadata: { name: 'p' } });
  api.bookmark();
  api.compact();
  const watched = api.requests.filter(({ verb }) => verb === 'watch').length;
  api.endWatches();
  await api.until(() => api.requests.filter(({ verb }) => verb === 'watch').length > watched);
  api.apply(service('b'));
  await caughtUp(seen);
  expect(counts.replaced).toBe(1);
});

test('lists again when its position is gone, and never empties the sink for it', async () => {
  api.apply([service('a'), service('b')]);
  const { reflector, seen, counts } = follow();
  await reflector.settled;
  await api.until(() => api.watchCount() === 1);
  await api.goDown();
  api.apply(service('c'));
  api.delete('Service', 'lab', 'a');
  api.compact();
  await api.comeUp();
  await caughtUp(seen);
  expect([...seen.keys()].toSorted()).toEqual(['b', 'c']);
  expect(counts).toEqual({ replaced: 2, least: 2 });
});

test('lists again when the server is behind it, as after the restore of a backup', async () => {
  api.apply(service('a'));
  const { reflector, seen, failures } = follow();
  await reflector.settled;
  await api.until(() => api.watchCount() === 1);
  const { watch } = client;
  let wasAhead = false;
  // The client object is the reflector's own: only its next watch asks for the future.
  (client as { watch: KubeClient['watch'] }).watch = (resource, query, signal) => {
    const resourceVersion = wasAhead ? query.resourceVersion : '999999';
    wasAhead = true;
    return watch(resource, { ...query, resourceVersion }, signal);
  };
  api.bookmark();
  api.endWatches();
  await api.until(() => api.requests.filter(({ verb }) => verb === 'list').length === 2);
  api.apply(service('b'));
  await caughtUp(seen);
  expect(String(failures.at(-1)?.error)).toContain('Too large resource version');
});

test('cuts a silent watch and resumes it', async () => {
  api.apply(service('a'));
  const { reflector, seen, failures } = follow({ stallMs: 60 });
  await reflector.settled;
  await api.until(() => api.requests.filter(({ verb }) => verb === 'watch').length >= 3);
  expect(String(failures[0]?.error)).toContain('the watch was silent for 60 ms');
  api.apply(service('b'));
  await caughtUp(seen);
});

test('a server that hangs with its connections open is caught up with when it answers again', async () => {
  api.apply(service('a'));
  const { reflector, seen, counts, failures } = follow({ stallMs: 50 });
  await reflector.settled;
  await api.until(() => api.watchCount() === 1);
  api.hang();
  api.apply(service('b'));
  while (failures.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
  expect([...seen.keys()]).toEqual(['a']);
  api.resume();
  await caughtUp(seen);
  expect(counts.least).toBe(1);
});

test('a watch cut in the middle of an event loses nothing', async () => {
  api.apply(service('a'));
  const { reflector, seen, counts } = follow();
  await reflector.settled;
  await api.until(() => api.watchCount() === 1);
  api.breakWatches();
  api.apply(service('b'));
  await caughtUp(seen);
  expect(counts.replaced).toBe(1);
});

test('asks the server to end a watch in time', async () => {
  const { reflector } = follow({ watchSeconds: 240 });
  await reflector.settled;
  await api.until(() => api.watchCount() === 1);
  const asked = Number(api.requests.find(({ verb }) => verb === 'watch')?.query.timeoutSeconds);
  expect(asked).toBeGreaterThanOrEqual(240);
  expect(asked).toBeLessThanOrEqual(360);
});

test('waits as long as the server asks', async () => {
  api.failNext(1, 429, 1);
  const { reflector, failures } = follow();
  await reflector.settled;
  expect(failures.map(({ delayMs }) => delayMs)).toEqual([1_000]);
});

test('backs off up to the cap, with jitter, and starts over after a success', async () => {
  api.failNext(12, 500);
  const { reflector, failures } = follow({ backoffFirstMs: 1, backoffCapMs: 8 });
  await reflector.settled;
  expect(failures).toHaveLength(12);
  for (const [index, { delayMs }] of failures.entries()) {
    const fullMs = Math.min(8, 2 ** index);
    expect(delayMs).toBeGreaterThanOrEqual(fullMs / 2);
    expect(delayMs).toBeLessThanOrEqual(fullMs);
  }
  api.failNext(1, 500);
  api.endWatches();
  await api.until(() => api.watchCount() === 1);
  expect(failures.at(-1)?.failures).toBe(1);
});

test('believes a refusal only when it is repeated, and undoes it', async () => {
  api.apply(service('a'));
  const allow = api.forbid({ resource: 'services', verb: 'list' });
  const { reflector, seen, forbidden, failures } = follow({}, true);
  await reflector.settled;
  expect(forbidden).toEqual([true]);
  expect(failures.length).toBeGreaterThanOrEqual(2);
  allow();
  await caughtUp(seen);
  expect(forbidden).toEqual([true, false]);
});

test('a refusal after the first list takes nothing away', async () => {
  api.apply(service('a'));
  const { reflector, seen, forbidden, counts, failures } = follow({}, true);
  await reflector.settled;
  await api.until(() => api.watchCount() === 1);
  const allow = api.forbid({ resource: 'services' });
  api.compact();
  api.cutConnections();
  while (failures.length < 6) await new Promise((resolve) => setTimeout(resolve, 2));
  expect([...seen.keys()]).toEqual(['a']);
  allow();
  api.apply(service('b'));
  await caughtUp(seen);
  expect(forbidden).toEqual([]);
  expect(counts.least).toBe(1);
});

test('ends at once when stopped, whatever it waits for', async () => {
  api.hang();
  const { reflector } = follow();
  await reflector.stop();
  await reflector.settled;
});

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('apply' as const), name: fc.nat(8), port: fc.nat(5) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), name: fc.nat(8) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'bookmark',
        'compact',
        'cut',
        'break',
        'end',
        'hang',
        'resume',
        'down',
        'up',
        'fail-500',
        'fail-410',
        'breathe',
      ),
    }),
  },
);

test('whatever happens to the server at whatever step, the sink ends up with its state and never shows less', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const outerApi = api;
      const outerClient = client;
      api = await startFakeApi();
      const access = parseApiAccess(api.kubeconfig());
      client = createKubeClient({ access, userAgent: 'test', answerTimeoutMs: 100 });
      api.apply(service('anchor'));
      const { reflector, seen, counts } = follow({ stallMs: 80, pageSize: 3 });
      let isDown = false;
      try {
        await reflector.settled;
        for (const action of steps) {
          if (action.do === 'apply') api.apply(service(`s${action.name}`, 1 + action.port));
          else if (action.do === 'delete') {
            if (api.get('Service', 'lab', `s${action.name}`)) api.delete('Service', 'lab', `s${action.name}`);
          } else if (action.do === 'bookmark') api.bookmark();
          else if (action.do === 'compact') api.compact();
          else if (action.do === 'cut') api.cutConnections();
          else if (action.do === 'break') api.breakWatches();
          else if (action.do === 'end') api.endWatches();
          else if (action.do === 'hang') api.hang();
          else if (action.do === 'resume') api.resume();
          else if (action.do === 'down' && !isDown) {
            isDown = true;
            await api.goDown();
          } else if (action.do === 'up' && isDown) {
            isDown = false;
            await api.comeUp();
          } else if (action.do === 'fail-500') api.failNext(2, 500);
          else if (action.do === 'fail-410') api.failNext(1, 410);
          else await new Promise((resolve) => setTimeout(resolve, 3));
        }
        api.resume();
        if (isDown) await api.comeUp();
        await caughtUp(seen, 5_000);
        expect(counts.least).toBeGreaterThanOrEqual(1);
      } finally {
        await reflector.stop();
        await client.close();
        await api.stop();
        api = outerApi;
        client = outerClient;
      }
    }),
    { numRuns: 40 },
  );
}, 120_000);

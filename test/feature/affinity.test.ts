import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { RingHash } from '../../src/lib/ring-hash.ts';
import type { Model } from '../../src/model/model.ts';
import type { AffinityPolicy, CanaryPolicy } from '../../src/model/policy.ts';
import { canaryModel, hostModel, modelOf, routeModel, upstreamModel } from '../fixtures/models.ts';
import {
  endpointsAt,
  startNamedServer,
  startWorkerRig,
  type NamedServer,
  type WorkerRig,
} from '../fixtures/worker-rig.ts';

const PRIMARY = 'test-web-80';
const CANARY = 'test-next-80';
const md5 = (text: string) => createHash('md5').update(text).digest('hex');
const backendKeyOf = (id: string) => md5(md5(id) + id);

const AFFINITY: AffinityPolicy = {
  mode: 'balanced',
  cookieName: 'INGRESSCOOKIE',
  isSameSiteNoneConditional: false,
  isAlwaysSecure: false,
  isChangedOnFailure: false,
};

const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function startServers(...names: string[]): Promise<NamedServer[]> {
  const servers = await Promise.all(names.map(startNamedServer));
  for (const { close } of servers) closers.push(close);
  return servers;
}

/** Answers the first request of each connection and cuts the connection at the second, as one that had just timed out. */
async function startForgetfulServer(name: string): Promise<NamedServer> {
  const served = new WeakSet<object>();
  const server = createServer((request, response) => {
    if (served.has(request.socket)) {
      request.socket.destroy();
      return;
    }
    served.add(request.socket);
    response.end(name);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  closers.push(close);
  return { name, port: (server.address() as AddressInfo).port, server, close };
}

/** `/shop` asks for affinity, `/other` goes to the same upstream and does not. */
function stickyModel(over: Partial<AffinityPolicy>, canary?: Partial<CanaryPolicy>): Model {
  const affinity = { ...AFFINITY, ...over };
  const split = { ...canaryModel(CANARY), policy: { ...canaryModel(CANARY).policy, ...canary } };
  const canaries = canary === undefined ? [] : [split];
  const routes = [
    routeModel('/shop', { upstreamId: PRIMARY, policies: { affinity }, canaries }),
    routeModel('/other', { upstreamId: PRIMARY }),
  ];
  return modelOf(
    [hostModel('web.test', routes)],
    [upstreamModel(PRIMARY, { affinity }), upstreamModel(CANARY)],
  );
}

async function startRig(
  model: Model,
  primary: readonly NamedServer[],
  canary: readonly NamedServer[] = [],
): Promise<WorkerRig> {
  const rig = await startWorkerRig(2, model, [endpointsAt(PRIMARY, primary), endpointsAt(CANARY, canary)]);
  closers.push(rig.stop);
  return rig;
}

const cookieOf = (setCookies: readonly string[]) => setCookies[0]!.split(';')[0]!;

/** Bodies and cookies of several requests, each on a connection of its own: both workers answer. */
async function many(rig: WorkerRig, count: number, cookie?: string) {
  const headers: Record<string, string> = cookie === undefined ? {} : { cookie };
  const answers = await Promise.all(
    Array.from({ length: count }, () => rig.get('web.test', '/shop', headers)),
  );
  return {
    bodies: [...new Set(answers.map(({ body }) => body))],
    setCookies: answers.flatMap(({ setCookies }) => setCookies),
  };
}

for (const mode of ['balanced', 'persistent'] as const) {
  test(`${mode}: a session stays on its endpoint in every worker`, async () => {
    const servers = await startServers('a', 'b', 'c');
    const rig = await startRig(stickyModel({ mode }), servers);
    const sessions = await Promise.all(Array.from({ length: 6 }, () => rig.get('web.test', '/shop')));
    for (const { body, setCookies } of sessions) {
      expect(setCookies).toEqual([
        expect.stringMatching(/^INGRESSCOOKIE=[^|]+\|[0-9a-f]{32}; Path=\/shop; HttpOnly$/),
      ]);
      expect(await many(rig, 10, cookieOf(setCookies))).toEqual({ bodies: [body], setCookies: [] });
    }
    expect(rig.faults).toEqual([]);
  });
}

test('persistent: nobody moves when it scales up, and who was on an endpoint that went gets another', async () => {
  const servers = await startServers('a', 'b', 'c', 'd');
  const rig = await startRig(stickyModel({ mode: 'persistent' }), servers.slice(0, 2));
  const sessions = await Promise.all(Array.from({ length: 8 }, () => rig.get('web.test', '/shop')));
  await rig.publishEndpoints([endpointsAt(PRIMARY, servers)]);
  for (const { body, setCookies } of sessions) {
    expect(await many(rig, 4, cookieOf(setCookies))).toEqual({ bodies: [body], setCookies: [] });
  }
  await rig.publishEndpoints([endpointsAt(PRIMARY, servers.slice(2))]);
  const moved = await rig.get('web.test', '/shop', { cookie: cookieOf(sessions[0]!.setCookies) });
  expect(['c', 'd']).toContain(moved.body);
  expect((await many(rig, 10, cookieOf(moved.setCookies))).bodies).toEqual([moved.body]);
});

test('a failed endpoint keeps its session, or loses it to change-on-failure', async () => {
  const servers = await startServers('a', 'b');
  const rig = await startRig(stickyModel({}), servers);
  const session = await rig.get('web.test', '/shop');
  const cookie = cookieOf(session.setCookies);
  await servers.find(({ name }) => name === session.body)!.close();
  const failed = await rig.get('web.test', '/shop', { cookie });
  expect([failed.status, failed.setCookies]).toEqual([502, []]);

  await rig.publish(stickyModel({ isChangedOnFailure: true }));
  const moved = await rig.get('web.test', '/shop', { cookie });
  expect(moved.status).toBe(200);
  expect(moved.body).not.toBe(session.body);
  expect(await many(rig, 10, cookieOf(moved.setCookies))).toEqual({ bodies: [moved.body], setCookies: [] });
});

test('a kept-alive connection that turns out stale moves no session, change-on-failure or not', async () => {
  const servers = await Promise.all(['a', 'b'].map(startForgetfulServer));
  const rig = await startRig(stickyModel({ isChangedOnFailure: true }), servers);
  const session = await rig.get('web.test', '/shop');
  const cookie = cookieOf(session.setCookies);
  expect(await many(rig, 12, cookie)).toEqual({ bodies: [session.body], setCookies: [] });
  expect(await many(rig, 12, cookie)).toEqual({ bodies: [session.body], setCookies: [] });
});

describe('cookies that ingress-nginx issued', () => {
  test('balanced: the key finds its place on the ring', async () => {
    const servers = await startServers('a', 'b', 'c');
    const rig = await startRig(stickyModel({}), servers);
    const ring = new RingHash(servers.map(({ port }) => `127.0.0.1:${port}`));
    for (let i = 0; i < 8; i++) {
      const key = `1795440332.${804 + i}.10520.${312_478 + i}`;
      const want = servers[ring.find(key)]!.name;
      const cookie = `a=b; INGRESSCOOKIE=${key}|${backendKeyOf(PRIMARY)}`;
      expect(await many(rig, 4, cookie)).toEqual({ bodies: [want], setCookies: [] });
    }
  });

  test('persistent: the digest names the endpoint', async () => {
    const servers = await startServers('a', 'b', 'c');
    const rig = await startRig(stickyModel({ mode: 'persistent' }), servers);
    for (const { name, port } of servers) {
      const cookie = `INGRESSCOOKIE=${md5(`${PRIMARY}127.0.0.1:${port}`)}|${backendKeyOf(PRIMARY)}`;
      expect(await many(rig, 4, cookie)).toEqual({ bodies: [name], setCookies: [] });
    }
  });
});

test('a route whose Ingress asks for no affinity honours a session and begins none', async () => {
  const servers = await startServers('a', 'b', 'c');
  const rig = await startRig(stickyModel({ mode: 'persistent' }), servers);
  expect((await rig.get('web.test', '/other')).setCookies).toEqual([]);
  const { body, setCookies } = await rig.get('web.test', '/shop');
  for (let i = 0; i < 6; i++) {
    const answer = await rig.get('web.test', '/other', { cookie: cookieOf(setCookies) });
    expect([answer.body, answer.setCookies]).toEqual([body, []]);
  }
});

describe('canary', () => {
  const byHeader = { header: 'x-canary' };

  test('sticky: a session stays with the upstream that issued it, whatever header and weight say', async () => {
    const servers = await startServers('old-1', 'old-2', 'new-1', 'new-2');
    const rig = await startRig(
      stickyModel({}, { ...byHeader, weight: 0 }),
      servers.slice(0, 2),
      servers.slice(2),
    );
    const old = await rig.get('web.test', '/shop');
    expect(old.body).toMatch(/^old/);
    const next = await rig.get('web.test', '/shop', { 'x-canary': 'always' });
    expect(next.body).toMatch(/^new/);
    expect(cookieOf(next.setCookies)).toMatch(new RegExp(`\\|${backendKeyOf(CANARY)}$`));
    for (let i = 0; i < 6; i++) {
      const stays = await rig.get('web.test', '/shop', {
        cookie: cookieOf(old.setCookies),
        'x-canary': 'always',
      });
      expect([stays.body, stays.setCookies]).toEqual([old.body, []]);
      const pinned = await rig.get('web.test', '/shop', {
        cookie: cookieOf(next.setCookies),
        'x-canary': 'never',
      });
      expect([pinned.body, pinned.setCookies]).toEqual([next.body, []]);
    }
    await rig.publish(stickyModel({}, { weight: 100 }));
    expect((await many(rig, 6, cookieOf(old.setCookies))).bodies).toEqual([old.body]);
  });

  test('legacy: the canary has no sessions, the primary keeps its own', async () => {
    const servers = await startServers('old', 'new');
    const model = stickyModel({}, { ...byHeader, affinityBehavior: 'legacy' });
    const rig = await startRig(model, servers.slice(0, 1), servers.slice(1));
    const next = await rig.get('web.test', '/shop', { 'x-canary': 'always' });
    expect([next.body, next.setCookies]).toEqual(['new', []]);
    const cookie = `INGRESSCOOKIE=any|${backendKeyOf(CANARY)}`;
    expect((await rig.get('web.test', '/shop', { cookie, 'x-canary': 'never' })).body).toBe('old');
    const old = await rig.get('web.test', '/shop');
    const stays = await rig.get('web.test', '/shop', {
      cookie: cookieOf(old.setCookies),
      'x-canary': 'always',
    });
    expect(stays.body).toBe('old');
  });

  test('without endpoints of its own its sessions go to the primary', async () => {
    const servers = await startServers('old');
    const rig = await startRig(stickyModel({}, { weight: 100 }), servers);
    const cookie = `INGRESSCOOKIE=any|${backendKeyOf(CANARY)}`;
    expect((await many(rig, 4, cookie)).bodies).toEqual(['old']);
  });
});

import { ServerCredentials, status } from '@grpc/grpc-js';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import type { Policies } from '../../src/model/policy.ts';
import { makeAuthority, makeCertificate } from '../fixtures/certificates.ts';
import { EchoClient, startEchoServer, type EchoServer } from '../fixtures/grpc-echo.ts';
import { hostModel, modelOf, routeModel, upstreamModel } from '../fixtures/models.ts';
import { endpointsAt, startWorkerRig, type WorkerRig } from '../fixtures/worker-rig.ts';

const MAIN = 'test-main-80';
const NEXT = 'test-next-80';
const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function servers(...names: string[]): Promise<EchoServer[]> {
  const started = await Promise.all(names.map((name) => startEchoServer(name)));
  for (const server of started) closers.push(() => server.close());
  return started;
}

function grpcModel(policies: Policies = {}, canary?: Readonly<Record<string, unknown>>) {
  const canaries =
    canary === undefined
      ? []
      : [
          {
            upstreamId: NEXT,
            policy: { weight: 0, weightTotal: 100, affinityBehavior: 'sticky', ...canary } as const,
            source: { kind: 'Ingress', namespace: 'test', name: 'next' } as const,
          },
        ];
  const route = routeModel('/', {
    upstreamId: MAIN,
    canaries,
    policies: { 'backend-protocol': { protocol: 'grpc' }, ...policies },
  });
  return modelOf([hostModel('grpc.test', [route])], [upstreamModel(MAIN), upstreamModel(NEXT)]);
}

async function rigOf(main: readonly EchoServer[], workers = 1, model = grpcModel()): Promise<WorkerRig> {
  const rig = await startWorkerRig(workers, model, [endpointsAt(MAIN, main)]);
  closers.push(rig.stop);
  return rig;
}

function clientOf(rig: WorkerRig): EchoClient {
  const client = new EchoClient(rig.port);
  closers.push(() => client.close());
  return client;
}

const text = (value: string) => Buffer.from(value);

describe('calls of a client of gRPC', () => {
  test('unary: empty, small, large', async () => {
    const client = clientOf(await rigOf(await servers('a')));
    for (const size of [0, 10, 900_000]) {
      const message = Buffer.alloc(size, 'x');
      const answer = await client.unary(message);
      expect([answer.code, answer.message?.length]).toEqual([status.OK, size]);
    }
  });

  test('many messages from the client, from the server, and from both in turns', async () => {
    const client = clientOf(await rigOf(await servers('a')));
    const pieces = Array.from({ length: 10 }, (_, i) => Buffer.alloc(i * 1000, i));
    expect((await client.collect(pieces))!.equals(Buffer.concat(pieces))).toBe(true);
    expect((await client.repeat(text('x'))).map((piece) => piece[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const talk = client.talk();
    for (let i = 0; i < 10; i++) {
      talk.write(text(`message ${i}`));
      expect(String((await once(talk, 'data'))[0])).toBe(`message ${i}`);
    }
    const over = once(talk, 'status');
    talk.end();
    expect((await over)[0]).toMatchObject({ code: status.OK });
  });

  test('status, message and metadata, binary too', async () => {
    const client = clientOf(await rigOf(await servers('a')));
    const failed = await client.unary(text('x'), { 'x-status': '5' });
    expect(failed).toMatchObject({ code: status.NOT_FOUND, details: 'as was asked: ä' });
    const token = Buffer.from([0, 1, 254, 255]);
    const { trailers } = await client.unary(text('x'), { 'x-token-bin': token });
    expect([trailers.get('x-server'), trailers.get('x-token-bin')]).toEqual([['a'], [token]]);
    expect((await client.unary(text('x'), {}, undefined, '/test.Echo/Missing')).code).toBe(
      status.UNIMPLEMENTED,
    );
  });

  test('a deadline and a cancelled call reach the server', async () => {
    const [server] = (await servers('a')) as [EchoServer];
    const client = clientOf(await rigOf([server]));
    expect((await client.unary(text('x'), { 'x-never': '1' }, 1_000)).code).toBe(status.DEADLINE_EXCEEDED);
    await expect.poll(() => server.cancelled.count, { timeout: 10_000 }).toBe(1);
    const talk = client.talk();
    talk.on('error', () => {});
    talk.write(text('x'));
    await once(talk, 'data');
    const over = new Promise((resolve) => talk.on('status', resolve));
    talk.cancel();
    expect(await over).toMatchObject({ code: status.CANCELLED });
    await expect.poll(() => server.cancelled.count, { timeout: 10_000 }).toBe(2);
  });

  test('errors of Serin’s own are statuses', async () => {
    const rig = await rigOf([]);
    const client = clientOf(rig);
    expect(await client.unary(text('x'))).toMatchObject({
      code: status.UNAVAILABLE,
      details: '503 Service Temporarily Unavailable',
    });
    const other = new EchoClient(rig.port, undefined, { 'grpc.default_authority': 'unknown.test' });
    closers.push(() => other.close());
    expect((await other.unary(text('x'))).code).toBe(status.UNIMPLEMENTED);
  });
});

test('GRPCS: TLS to the Pods, verified as proxy-ssl-* asks', async () => {
  const authority = makeAuthority();
  const backend = makeCertificate(['backend.test'], { issuer: authority });
  const pair = { cert_chain: Buffer.from(backend.certificate), private_key: Buffer.from(backend.key) };
  const server = await startEchoServer('secure', ServerCredentials.createSsl(null, [pair]));
  closers.push(() => server.close());
  const policiesOf = (serverName: string): Policies => ({
    'backend-protocol': { protocol: 'grpcs' },
    'proxy-ssl': {
      ca: authority.certificate,
      isVerified: true,
      verifyDepth: 1,
      serverName,
      isSniSent: true,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
    },
  });
  const rig = await rigOf([server], 1, grpcModel(policiesOf('backend.test')));
  const client = clientOf(rig);
  expect(await client.unary(text('x'))).toMatchObject({ code: status.OK, message: text('x') });
  await rig.publish(grpcModel(policiesOf('other.test')));
  expect(await client.unary(text('x'))).toMatchObject({
    code: status.UNAVAILABLE,
    details: '502 Bad Gateway',
  });
});

test('the calls of one connection spread over all Pods, those that join too', async () => {
  const all = await servers('a', 'b', 'c', 'd');
  const rig = await rigOf(all.slice(0, 2));
  const client = clientOf(rig);
  for (let i = 0; i < 20; i++) await client.unary(text('x'));
  expect(all.map(({ calls }) => calls.get('unary') ?? 0)).toEqual([10, 10, 0, 0]);
  await rig.publishEndpoints([endpointsAt(MAIN, all)]);
  for (let i = 0; i < 20; i++) await client.unary(text('x'));
  expect(all.map(({ calls }) => calls.get('unary') ?? 0)).toEqual([15, 15, 5, 5]);
});

describe('a canary', () => {
  const whoOf = async (client: EchoClient, metadata: Record<string, string> = {}) =>
    (await client.unary(text('x'), metadata)).trailers.get('x-server')[0];

  test('is chosen for each call, by header, cookie and weight', async () => {
    const [main, next] = (await servers('main', 'next')) as [EchoServer, EchoServer];
    const model = grpcModel({}, { header: 'x-canary', cookie: 'canary', weight: 30 });
    const rig = await startWorkerRig(1, model, [endpointsAt(MAIN, [main]), endpointsAt(NEXT, [next])]);
    closers.push(rig.stop);
    const client = clientOf(rig);
    expect(await whoOf(client, { 'x-canary': 'always' })).toBe('next');
    expect(await whoOf(client, { 'x-canary': 'never' })).toBe('main');
    expect(await whoOf(client, { cookie: 'canary=always' })).toBe('next');
    const seen = await Promise.all(Array.from({ length: 300 }, () => whoOf(client)));
    const share = seen.filter((who) => who === 'next').length;
    expect(share).toBeGreaterThan(45);
    expect(share).toBeLessThan(135);
  });
});

describe('changes', () => {
  test(
    '1,000 streams live through 100 changes of configuration, byte for byte',
    { timeout: 120_000 },
    async () => {
      const all = await servers('a', 'b', 'c');
      const rig = await rigOf(all, 2);
      const clients = Array.from({ length: 10 }, () => clientOf(rig));
      const streams = Array.from({ length: 1000 }, (_, i) => {
        const call = clients[i % clients.length]!.talk();
        const received = createHash('sha256');
        const sent = createHash('sha256');
        const turn = { isWaiting: false };
        let told = (): void => {};
        call.on('data', (piece: Buffer) => {
          received.update(piece);
          turn.isWaiting = false;
          told();
        });
        call.on('error', () => {});
        return {
          over: once(call, 'status'),
          say(message: string) {
            const piece = text(message);
            sent.update(piece);
            call.write(piece);
            turn.isWaiting = true;
          },
          async heard() {
            while (turn.isWaiting) {
              await new Promise<void>((resolve) => {
                told = resolve;
              });
            }
          },
          end: () => call.end(),
          isSame: () => sent.digest('hex') === received.digest('hex'),
        };
      });
      for (let change = 0; change < 100; change++) {
        // Every stream speaks on each tenth of the changes.
        const speaking = streams.filter((_, i) => i % 10 === change % 10);
        for (const [i, stream] of speaking.entries()) stream.say(`${change} ${i} ${'x'.repeat(i * 3)}`);
        await rig.publish(
          grpcModel({
            timeouts: { connectTimeoutMs: 5_000, sendTimeoutMs: 60_000 + change, readTimeoutMs: 60_000 },
          }),
        );
        await Promise.all(speaking.map((stream) => stream.heard()));
      }
      for (const stream of streams) stream.end();
      const codes = await Promise.all(
        streams.map(async ({ over }) => ((await over)[0] as { code: number }).code),
      );
      expect(codes.filter((code) => code !== status.OK)).toEqual([]);
      expect(streams.filter((stream) => !stream.isSame())).toEqual([]);
      expect(rig.faults).toEqual([]);
      expect(all.map(({ calls }) => calls.get('talk') ?? 0).reduce((sum, count) => sum + count)).toBe(1000);
    },
  );

  test('an update of the Pods, 10 to 2 and back, fails no unary call', { timeout: 60_000 }, async () => {
    const first = await servers(...'abcdefghij');
    const rig = await rigOf(first, 2);
    const failures: string[] = [];
    const traffic = { isOver: false };
    let calls = 0;
    const runs = Array.from({ length: 8 }, async () => {
      const client = clientOf(rig);
      while (!traffic.isOver) {
        const { code, details } = await client.unary(text('x'));
        calls++;
        if (code !== status.OK) failures.push(`${code} ${details}`);
      }
    });
    const enough = async (): Promise<void> => {
      const before = calls;
      await expect.poll(() => calls - before, { timeout: 10_000 }).toBeGreaterThan(200);
    };
    await enough();
    // A Pod ends while the news of it is on its way: some calls still meet it.
    for (const leaving of first.slice(2)) {
      const drained = leaving.drain();
      const left = first.filter(
        (server) => first.indexOf(server) < 2 || first.indexOf(server) > first.indexOf(leaving),
      );
      await rig.publishEndpoints([endpointsAt(MAIN, left)]);
      await drained;
    }
    await enough();
    const second = await servers(...'klmnopqr');
    await rig.publishEndpoints([endpointsAt(MAIN, [...first.slice(0, 2), ...second])]);
    await enough();
    traffic.isOver = true;
    await Promise.all(runs);
    expect(failures).toEqual([]);
    for (const server of second) expect(server.calls.get('unary')).toBeGreaterThan(0);
  });
});

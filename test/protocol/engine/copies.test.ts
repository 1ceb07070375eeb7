import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defineFeature } from '../../../src/features/kit/feature.ts';
import { mirror, type MirrorPolicy } from '../../../src/features/mirror/mirror.ts';
import { serveModel } from '../../fixtures/feature-rig.ts';
import { hostModel, modelOf, routeModel } from '../../fixtures/models.ts';
import { endpointsAt } from '../../fixtures/worker-rig.ts';
import { Bench, eventually, OK, type Answering, type Served } from './harness.ts';

/* Copies of requests (mirror-target) over real sockets: what they are, and that nothing of them touches the exchange. */

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const POLICY: MirrorPolicy = {
  upstreamId: 'copy',
  target: '$request_uri',
  host: 'copy.test',
  isBodySent: true,
};

/** Denies who says so. */
const denying = defineFeature({
  name: 'denying',
  doc: '',
  scope: 'route',
  stage: 'access',
  annotations: {},
  translate: () => undefined,
  createFilter: () => ({
    checkAccess: (request) => (request.header('x-deny') === undefined ? undefined : { status: 403 }),
  }),
});

interface Rig extends Served {
  readonly backend: Answering;
  readonly copies: Answering;
}

/** A backend that answers `ok`, and one that gets the copies. */
async function serve(
  policy: Partial<MirrorPolicy> = {},
  answer: Parameters<Bench['answering']>[0] = () => OK,
  body: object = {},
): Promise<Rig> {
  const backend = await bench.answering(() => OK);
  const copies = await bench.answering(answer);
  const route = routeModel('/', {
    upstreamId: 'web',
    policies: {
      mirror: { ...POLICY, ...policy },
      denying: {},
      body: {
        maxBodyBytes: 0,
        isRequestBuffered: true,
        maxResponseHeadBytes: 4_096,
        upstreamHttpMinor: 1,
        ...body,
      },
    },
  });
  const model = modelOf([hostModel('a.test', [route])]);
  const endpoints = [endpointsAt('web', [backend.endpoint]), endpointsAt('copy', [copies.endpoint])];
  return { ...(await serveModel(bench, model, [mirror, denying], endpoints)), backend, copies };
}

const GET = 'GET /x?y=1 HTTP/1.1\r\nHost: a.test\r\nX-A: 1\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n';

/** Copies without the line that tells them. */
const unmarked = ({ copies }: Rig): readonly string[] =>
  copies.requests.map((request) => request.replace(/^X-Serin-Copied: [\da-f]{16}\r\n/m, ''));

async function ask({ port }: Rig, request: string): Promise<string> {
  const client = await bench.connect(port);
  client.send(request);
  return client.response();
}

describe('a copy', () => {
  test('is what the client sent, with the Host and target of the mirror', async () => {
    const rig = await serve({ target: '/in$request_uri' });
    expect(await ask(rig, GET)).toContain('200 OK');
    await eventually(() => rig.oddities.copiesAnswered === 1);
    expect(unmarked(rig)).toEqual([
      'GET /in/x?y=1 HTTP/1.1\r\nHost: copy.test\r\nX-A: 1\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n',
    ]);
    expect(rig.backend.requests.length).toBe(1);
  });

  for (const isRequestBuffered of [true, false]) {
    test(`has the body, buffered: ${isRequestBuffered}`, async () => {
      const rig = await serve({}, () => OK, { isRequestBuffered });
      const withLength = 'POST /p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody';
      expect(await ask(rig, withLength)).toContain('200 OK');
      const inChunks =
        'PUT /c HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n';
      expect(await ask(rig, inChunks)).toContain('200 OK');
      await eventually(() => rig.oddities.copiesAnswered === 2);
      expect(unmarked(rig)).toEqual([
        'POST /p HTTP/1.1\r\nHost: copy.test\r\nContent-Length: 4\r\n\r\nbody',
        'PUT /c HTTP/1.1\r\nHost: copy.test\r\nContent-Length: 5\r\n\r\nabcde',
      ]);
    });
  }

  test('has no body where it is not wanted, and a length of nothing where the client said so', async () => {
    const without = await serve({ isBodySent: false });
    await ask(without, 'POST /p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody');
    await eventually(() => without.copies.requests.length === 1);
    expect(unmarked(without)).toEqual(['POST /p HTTP/1.1\r\nHost: copy.test\r\n\r\n']);
    const empty = await serve();
    await ask(empty, 'POST /p HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n');
    await eventually(() => empty.copies.requests.length === 1);
    expect(unmarked(empty)).toEqual(['POST /p HTTP/1.1\r\nHost: copy.test\r\nContent-Length: 0\r\n\r\n']);
  });

  test('that comes back to where it was made is not copied again, or it would be for ever', async () => {
    const rig = await serve();
    await ask(rig, GET);
    await eventually(() => rig.oddities.copiesAnswered === 1);
    const back = rig.copies.requests[0]!.replace('Host: copy.test', 'Host: a.test');
    expect(await ask(rig, back)).toContain('200 OK');
    // What another route marked, or a client, is copied, and has both marks then.
    expect(await ask(rig, back.replace(/Copied: \w+/, 'Copied: 0123456789abcdef'))).toContain('200 OK');
    await eventually(() => rig.oddities.copiesAnswered === 2);
    expect(rig.copies.requests).toHaveLength(2);
    expect(rig.copies.requests[1]!.match(/^X-Serin-Copied: /gm)).toHaveLength(2);
  });

  test('is not made of a request that is denied', async () => {
    const rig = await serve();
    const denied = 'POST / HTTP/1.1\r\nHost: a.test\r\nX-Deny: 1\r\nContent-Length: 4\r\n\r\nbody';
    expect(await ask(rig, denied)).toContain('403 Forbidden');
    expect(await ask(rig, GET)).toContain('200 OK');
    await eventually(() => rig.copies.requests.length === 1);
    expect(rig.copies.requests[0]).toContain('GET /x');
    expect(rig.context.copies.heldBytes).toBe(0);
  });

  test('is not made of a request whose client leaves in the middle', async () => {
    const rig = await serve();
    const client = await bench.connect(rig.port);
    client.send('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\nbody');
    await eventually(() => rig.context.copies.heldBytes > 0);
    client.socket.destroy();
    await eventually(() => rig.context.copies.heldBytes === 0);
    expect(await ask(rig, GET)).toContain('200 OK');
    await eventually(() => rig.copies.requests.length === 1);
    expect(rig.copies.requests[0]).toContain('GET /x');
  });

  test('goes over a connection that is kept, and over another one when that is gone', async () => {
    // The third copy meets a server that closes without an answer, as one does that had enough of the connection.
    const rig = await serve({}, (_request, socket, index) => (index === 2 ? void socket.destroy() : OK));
    for (let i = 1; i <= 3; i++) {
      await ask(rig, GET);
      await eventually(() => rig.oddities.copiesAnswered === i);
    }
    expect([rig.copies.sockets.length, rig.copies.requests.length]).toEqual([2, 4]);
    expect(rig.oddities.copiesFailed).toBeUndefined();
  });
});

describe('the exchange goes on', () => {
  test('while a mirror says nothing, and when there is no room for more copies', async () => {
    const rig = await serve({}, () => undefined);
    for (let i = 0; i < 130; i++) expect(await ask(rig, GET)).toContain('200 OK');
    await eventually(() => rig.copies.requests.length === 128);
    expect([rig.context.copies.underWay, rig.oddities.copiesDropped]).toEqual([128, 2]);
  });

  test('when a mirror cannot be reached, answers nonsense, or sends without end', async () => {
    const nowhere = await serve({ upstreamId: 'nowhere' });
    expect(await ask(nowhere, GET)).toContain('200 OK');
    await eventually(() => nowhere.oddities.copiesFailed === 1);
    const nonsense = await serve({}, () => 'nonsense\r\n\r\n');
    expect(await ask(nonsense, GET)).toContain('200 OK');
    await eventually(() => nonsense.oddities.copiesFailed === 1);
    const endless = await serve({}, () => `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(1_000_000)}`);
    expect(await ask(endless, GET)).toContain('200 OK');
    await eventually(() => endless.oddities.copiesAnswered === 1);
    for (const { context, faults } of [nowhere, nonsense, endless]) {
      expect([context.copies.underWay, context.copies.heldBytes, faults]).toEqual([0, 0, []]);
    }
  });

  test('with a body that is too large to be held twice', async () => {
    const rig = await serve();
    const body = 'x'.repeat(1_048_577);
    expect(
      await ask(rig, `POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`),
    ).toContain('200 OK');
    expect([rig.oddities.copiesDropped, rig.context.copies.heldBytes]).toEqual([1, 0]);
    expect(rig.copies.requests).toEqual([]);
  });

  test('with a target that would be two requests', async () => {
    const rig = await serve({ target: '$uri' });
    expect(await ask(rig, 'GET /a%0d%0aX:%20y HTTP/1.1\r\nHost: a.test\r\n\r\n')).toContain('200 OK');
    expect([rig.oddities.copiesDropped, rig.faults]).toEqual([1, []]);
    expect(rig.copies.requests).toEqual([]);
  });
});

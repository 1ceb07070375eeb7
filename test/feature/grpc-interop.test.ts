import { Client, credentials, Metadata, status, type StatusObject } from '@grpc/grpc-js';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  HEALTH,
  INTEROP,
  type InteropServer,
  payload,
  REFLECTION,
  SERVICES,
  startInteropServer,
} from '../fixtures/grpc-interop.ts';
import { hostModel, modelOf, routeModel, upstreamModel } from '../fixtures/models.ts';
import { encodeFields, Message } from '../fixtures/protobuf-fields.ts';
import { endpointsAt, startWorkerRig, type WorkerRig } from '../fixtures/worker-rig.ts';

/* The calls of gRPC's interoperability tests through Serin, under the names that they have there. */

const UPSTREAM = 'test-main-80';
const EMPTY = Buffer.alloc(0);
/** Sizes that the descriptions name. */
const RESPONSES = [31_415, 9, 2_653, 58_979];
const REQUESTS = [27_182, 8, 1_828, 45_904];

let server: InteropServer;
let rig: WorkerRig;
let client: Client;

beforeAll(async () => {
  server = await startInteropServer();
  const route = routeModel('/', {
    upstreamId: UPSTREAM,
    policies: { 'backend-protocol': { protocol: 'grpc' } },
  });
  const model = modelOf([hostModel('grpc.test', [route])], [upstreamModel(UPSTREAM)]);
  rig = await startWorkerRig(1, model, [endpointsAt(UPSTREAM, [server])]);
  client = new Client(`127.0.0.1:${rig.port}`, credentials.createInsecure(), {
    'grpc.default_authority': 'grpc.test',
    'grpc.enable_retries': 0,
  });
});
afterAll(async () => {
  client?.close();
  await rig?.stop();
  server?.close();
});

const asIs = (bytes: Buffer): Buffer => bytes;
const toMessage = (bytes: Buffer): Message => new Message(bytes);
const sized = (responses: readonly number[], requested: number): Buffer =>
  encodeFields([
    ...responses.map((octets) => [2, encodeFields([[1, octets]])] as const),
    [3, payload(requested)],
  ]);
const lengthOf = (response: Message): number => response.message(1).bytes(2).length;

interface Unary {
  readonly head: Metadata;
  readonly message: Message | undefined;
  readonly status: StatusObject;
}

function unary(
  path: string,
  request: Buffer,
  metadata = new Metadata(),
  deadlineMs?: number,
): Promise<Unary> {
  const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
  return new Promise((resolve) => {
    let message: Message | undefined;
    let head = new Metadata();
    const call = client.makeUnaryRequest(path, asIs, toMessage, request, metadata, options, (_, value) => {
      message = value;
    });
    call.on('metadata', (received) => (head = received));
    call.on('status', (received) => setImmediate(() => resolve({ head, message, status: received })));
  });
}

const duplex = (metadata = new Metadata(), options: { deadline?: number } = {}) => {
  const call = client.makeBidiStreamRequest(`${INTEROP}FullDuplexCall`, asIs, toMessage, metadata, options);
  call.on('error', () => {});
  return call;
};
const statusOf = (call: NodeJS.EventEmitter): Promise<StatusObject> =>
  new Promise((resolve) => call.once('status', resolve));

test('empty_unary', async () => {
  const { message, status: over } = await unary(`${INTEROP}EmptyCall`, EMPTY);
  expect([over.code, message]).toEqual([status.OK, new Message(EMPTY)]);
});

test('large_unary', async () => {
  const request = encodeFields([
    [2, 314_159],
    [3, payload(271_828)],
  ]);
  const { message, status: over } = await unary(`${INTEROP}UnaryCall`, request);
  expect([over.code, lengthOf(message!)]).toEqual([status.OK, 314_159]);
});

test('client_streaming', async () => {
  const sum = await new Promise<Message>((resolve, reject) => {
    const call = client.makeClientStreamRequest(
      `${INTEROP}StreamingInputCall`,
      asIs,
      toMessage,
      (error, value) => (error === null ? resolve(value!) : reject(error)),
    );
    for (const octets of REQUESTS) call.write(encodeFields([[1, payload(octets)]]));
    call.end();
  });
  expect(sum.number(1)).toBe(74_922);
});

test('server_streaming', async () => {
  const path = `${INTEROP}StreamingOutputCall`;
  const lengths: number[] = [];
  for await (const response of client.makeServerStreamRequest(path, asIs, toMessage, sized(RESPONSES, 0))) {
    lengths.push(lengthOf(response as Message));
  }
  expect(lengths).toEqual(RESPONSES);
});

test('ping_pong', async () => {
  const call = duplex();
  for (const [i, octets] of RESPONSES.entries()) {
    call.write(sized([octets], REQUESTS[i]!));
    expect(lengthOf(((await once(call, 'data')) as [Message])[0])).toBe(octets);
  }
  const over = statusOf(call);
  call.end();
  expect((await over).code).toBe(status.OK);
});

test('empty_stream', async () => {
  const call = duplex();
  const responses: Message[] = [];
  call.on('data', (response: Message) => responses.push(response));
  const over = statusOf(call);
  call.end();
  expect([(await over).code, responses]).toEqual([status.OK, []]);
});

test('cancel_after_begin', async () => {
  const before = server.cancelled.count;
  const call = client.makeClientStreamRequest(`${INTEROP}StreamingInputCall`, asIs, toMessage, () => {});
  call.on('error', () => {});
  const over = statusOf(call);
  call.write(encodeFields([[1, payload(1)]]));
  call.cancel();
  expect((await over).code).toBe(status.CANCELLED);
  // Of a call that was cancelled before it left the server need not hear.
  expect(server.cancelled.count - before).toBeLessThanOrEqual(1);
});

test('cancel_after_first_response', async () => {
  const before = server.cancelled.count;
  const call = duplex();
  call.write(sized([31_415], 27_182));
  await once(call, 'data');
  const over = statusOf(call);
  call.cancel();
  expect((await over).code).toBe(status.CANCELLED);
  await expect.poll(() => server.cancelled.count, { timeout: 10_000 }).toBe(before + 1);
});

test('timeout_on_sleeping_server', async () => {
  const before = server.cancelled.count;
  const call = duplex(new Metadata(), { deadline: Date.now() + 1_500 });
  const over = statusOf(call);
  // It has reached the server, which says nothing more.
  call.write(sized([9], 27_182));
  await once(call, 'data');
  expect((await over).code).toBe(status.DEADLINE_EXCEEDED);
  await expect.poll(() => server.cancelled.count, { timeout: 10_000 }).toBe(before + 1);
});

test('custom_metadata', async () => {
  const metadata = new Metadata();
  const trailing = Buffer.from([0xab, 0xab, 0xab]);
  metadata.set('x-grpc-test-echo-initial', 'test_initial_metadata_value');
  metadata.set('x-grpc-test-echo-trailing-bin', trailing);
  const one = await unary(`${INTEROP}UnaryCall`, encodeFields([[2, 314_159]]), metadata);
  const call = duplex(metadata);
  const head = once(call, 'metadata') as Promise<[Metadata]>;
  const over = statusOf(call);
  call.on('data', () => {});
  call.write(sized([314_159], 271_828));
  call.end();
  for (const [first, last] of [
    [one.head, one.status.metadata],
    [(await head)[0], (await over).metadata],
  ] as const) {
    expect(first.get('x-grpc-test-echo-initial')).toEqual(['test_initial_metadata_value']);
    expect(last.get('x-grpc-test-echo-trailing-bin')).toEqual([trailing]);
  }
});

const SPECIAL = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';
for (const [name, message] of [
  ['status_code_and_message', 'test status message'],
  ['special_status_message', SPECIAL],
] as const) {
  test(name, async () => {
    const echo = encodeFields([
      [
        7,
        encodeFields([
          [1, 2],
          [2, message],
        ]),
      ],
    ]);
    const want = { code: status.UNKNOWN, details: message };
    expect((await unary(`${INTEROP}UnaryCall`, echo)).status).toMatchObject(want);
    const call = duplex();
    const over = statusOf(call);
    call.on('data', () => {});
    call.write(echo);
    call.end();
    expect(await over).toMatchObject(want);
  });
}

for (const [name, path] of [
  ['unimplemented_method', `${INTEROP}UnimplementedCall`],
  ['unimplemented_service', '/grpc.testing.UnimplementedService/UnimplementedCall'],
] as const) {
  test(name, async () => {
    expect((await unary(path, EMPTY)).status.code).toBe(status.UNIMPLEMENTED);
  });
}

test('server reflection lists the services', async () => {
  const call = client.makeBidiStreamRequest(REFLECTION, asIs, toMessage, new Metadata());
  call.write(encodeFields([[7, '*']]));
  const [answer] = (await once(call, 'data')) as [Message];
  const names = answer
    .message(6)
    .messages(1)
    .map((service) => service.bytes(1).toString());
  const over = statusOf(call);
  call.end();
  expect([names, (await over).code]).toEqual([SERVICES, status.OK]);
});

test('health: Check answers, and Watch stays', async () => {
  expect((await unary(`${HEALTH}Check`, EMPTY)).message!.number(1)).toBe(1);
  const before = server.cancelled.count;
  const watch = client.makeServerStreamRequest(`${HEALTH}Watch`, asIs, toMessage, EMPTY);
  watch.on('error', () => {});
  expect(((await once(watch, 'data')) as [Message])[0].number(1)).toBe(1);
  watch.cancel();
  await expect.poll(() => server.cancelled.count, { timeout: 10_000 }).toBe(before + 1);
});

import { once } from 'node:events';
import { createServer, request as requestHttp1, type IncomingMessage, type Server } from 'node:http';
import { connect } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hostModel, modelOf, routeModel, upstreamModel } from '../fixtures/models.ts';
import { endpointsAt, startWorkerRig, type WorkerRig } from '../fixtures/worker-rig.ts';

/* gRPC-Web is plain HTTP to whoever is between: its trailers are the last frame of the body (flag 0x80). The server speaks it itself. */

const UPSTREAM = 'test-main-80';

function webFrame(flag: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}
const TRAILERS = webFrame(0x80, Buffer.from('grpc-status:0\r\ngrpc-message:\r\n'));

let backend: Server;
let rig: WorkerRig;
/** The response that is to end. */
let finish: (() => void) | undefined;

beforeAll(async () => {
  backend = createServer(async (request, response) => {
    const asked = await buffer(request);
    const isText = request.headers['content-type']!.startsWith('application/grpc-web-text');
    const encode = (bytes: Buffer): Buffer => (isText ? Buffer.from(bytes.toString('base64')) : bytes);
    const message = isText ? Buffer.from(asked.toString(), 'base64') : asked;
    response.setHeader('Content-Type', request.headers['content-type']!);
    response.setHeader('X-Got', String(request.headers['x-grpc-web']));
    response.write(encode(message));
    finish = () => response.end(encode(TRAILERS));
  });
  await once(backend.listen(0, '127.0.0.1'), 'listening');
  const model = modelOf(
    [hostModel('web.test', [routeModel('/', { upstreamId: UPSTREAM })])],
    [upstreamModel(UPSTREAM)],
  );
  rig = await startWorkerRig(1, model, [endpointsAt(UPSTREAM, [backend.address() as AddressInfo])]);
});
afterAll(async () => {
  await rig?.stop();
  backend?.close();
});

interface Answer {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: NodeJS.ReadableStream;
  close(): void;
}

async function overHttp1(headers: Record<string, string>, body: Buffer): Promise<Answer> {
  const request = requestHttp1({
    host: '127.0.0.1',
    port: rig.port,
    path: '/shop.Cart/Add',
    method: 'POST',
    headers,
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { headers: response.headers, body: response, close: () => request.destroy() };
}

async function overHttp2({ host, ...headers }: Record<string, string>, body: Buffer): Promise<Answer> {
  const session = connect(`http://127.0.0.1:${rig.port}`);
  const stream = session.request({
    ...headers,
    ':method': 'POST',
    ':path': '/shop.Cart/Add',
    ':authority': host!,
  });
  stream.end(body);
  const [received] = (await once(stream, 'response')) as [Record<string, unknown>];
  return { headers: received, body: stream, close: () => session.destroy() };
}

for (const [wire, call] of [
  ['HTTP/1.1', overHttp1],
  ['HTTP/2', overHttp2],
] as const) {
  for (const type of ['application/grpc-web+proto', 'application/grpc-web-text']) {
    test(`${type} over ${wire}: messages as they come, and the trailers behind them`, async () => {
      const isText = type.endsWith('text');
      const message = webFrame(0, Buffer.from('hello'));
      const answer = await call(
        { host: 'web.test', 'content-type': type, 'x-grpc-web': '1' },
        isText ? Buffer.from(message.toString('base64')) : message,
      );
      expect(answer.headers).toMatchObject({ 'content-type': type, 'x-got': '1' });
      // The first message is here before the response ends.
      const [first] = (await once(answer.body, 'data')) as [Buffer];
      const rest = buffer(answer.body);
      finish!();
      const decode = (bytes: Buffer): Buffer => (isText ? Buffer.from(bytes.toString(), 'base64') : bytes);
      expect([decode(first), decode(await rest)]).toEqual([message, TRAILERS]);
      answer.close();
    });
  }
}

import { Server, request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';

/** A message as Node's own parser understood it; bytes as latin1. */
export interface OtherMessage {
  readonly startLine: readonly [string, string, string];
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
  readonly rawTrailers: readonly string[];
  readonly body: string;
  readonly isComplete: boolean;
}

export interface OtherReading {
  readonly messages: readonly OtherMessage[];
  readonly error: string | undefined;
}

/** Requests that node:http reads from these bytes on one connection. */
export async function readRequestsByNode(bytes: Buffer): Promise<OtherReading> {
  const seen: { request: IncomingMessage; chunks: Buffer[] }[] = [];
  let error: string | undefined;
  const server = new Server({
    keepAliveTimeout: 0,
    requestTimeout: 0,
    headersTimeout: 0,
    maxHeaderSize: 65_536,
  });
  const onRequest = (incoming: IncomingMessage, response: { end(): void }): void => {
    const chunks: Buffer[] = [];
    seen.push({ request: incoming, chunks });
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', () => {});
    response.end();
  };
  server.on('request', onRequest);
  server.on('checkContinue', onRequest);
  server.on('checkExpectation', onRequest);
  server.on('clientError', (cause: NodeJS.ErrnoException) => {
    error ??= cause.code ?? String(cause);
  });
  const duplex = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  duplex.on('error', () => {});
  server.emit('connection', duplex);
  duplex.push(bytes);
  await settle();
  const messages = seen.map(({ request: incoming, chunks }) => toMessage(incoming, chunks, 'request'));
  duplex.destroy();
  return { messages, error };
}

/** The response that node:http reads from these bytes, which end the connection. */
export async function readResponseByNode(bytes: Buffer, method: string): Promise<OtherReading> {
  const duplex = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  let error: string | undefined;
  const chunks: Buffer[] = [];
  let response: IncomingMessage | undefined;
  const outgoing = request({ method, createConnection: () => duplex, host: 'a.test', maxHeaderSize: 65_536 });
  outgoing.on('error', (cause: NodeJS.ErrnoException) => {
    error ??= cause.code ?? String(cause);
  });
  outgoing.on('upgrade', (incoming) => {
    response = incoming;
  });
  outgoing.on('response', (incoming) => {
    response = incoming;
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', (cause: NodeJS.ErrnoException) => {
      error ??= cause.code ?? String(cause);
    });
  });
  outgoing.end();
  await settle();
  duplex.push(bytes);
  await settle();
  duplex.push(null);
  await settle();
  const messages = response === undefined ? [] : [toMessage(response, chunks, 'response')];
  outgoing.destroy();
  duplex.destroy();
  return { messages, error };
}

function toMessage(
  incoming: IncomingMessage,
  chunks: readonly Buffer[],
  kind: 'request' | 'response',
): OtherMessage {
  return {
    startLine:
      kind === 'request'
        ? [incoming.method!, incoming.url!, incoming.httpVersion]
        : [incoming.httpVersion, String(incoming.statusCode), incoming.statusMessage!],
    rawHeaders: incoming.rawHeaders,
    rawTrailers: incoming.rawTrailers,
    body: Buffer.concat(chunks).toString('latin1'),
    isComplete: incoming.complete,
  };
}

/** Lets every stream hand on what it has: they do so in ticks of this very loop, none of them waits for time. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

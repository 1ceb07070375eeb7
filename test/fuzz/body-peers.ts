import { createHash, type Hash } from 'node:crypto';
import type { Socket } from 'node:net';
import { bytesOf, type BodyPlan, type ExchangePlan } from './body-plan.ts';
import { MessageReader } from './message-reader.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What came of one exchange, as its client saw it. */
export interface Seen {
  readonly status: number;
  /** Digest of the body that the backend got, as it says. */
  readonly uploadDigest: string;
  readonly downloadDigest: string;
}

/** Writes a body as planned; ends early when the socket does. */
async function sendBody(socket: Socket, plan: BodyPlan): Promise<void> {
  const bytes = bytesOf(plan);
  let at = 0;
  for (const size of plan.pieces) {
    if (socket.destroyed) return;
    const piece = bytes.subarray(at, at + size);
    at += size;
    socket.cork();
    if (plan.isChunked) socket.write(`${size.toString(16)}\r\n`);
    socket.write(piece);
    const isTaken = plan.isChunked ? socket.write('\r\n') : socket.writableLength < 65_536;
    socket.uncork();
    if (!isTaken && socket.writableNeedDrain) await drained(socket);
    else if (at % 5 === 0) await turn();
  }
  if (plan.isChunked && !socket.destroyed) socket.write('0\r\n\r\n');
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      socket.off('drain', go);
      socket.off('close', go);
      resolve();
    };
    socket.on('drain', go);
    socket.on('close', go);
  });
}

function framingOf(plan: BodyPlan): string {
  return plan.isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${plan.size}`;
}

/** Reads slowly: stops after each read for some turns of the event loop, or once for many. */
function readSlowly(socket: Socket, kind: 'slow' | 'pausing'): void {
  let reads = 0;
  socket.on('data', () => {
    reads++;
    const turns = kind === 'slow' ? 2 : reads === 2 ? 60 : 0;
    if (turns === 0) return;
    socket.pause();
    void (async () => {
      for (let i = 0; i < turns; i++) await turn();
      socket.resume();
    })();
  });
}

/** Serves one connection of a backend: answers each request as the plan of its exchange says, with the digest of what it got. */
export function serveBackend(
  socket: Socket,
  plans: ReadonlyMap<string, ExchangePlan>,
  resets: Set<string>,
): void {
  let hash: Hash;
  let id = '';
  let got = 0;
  let isSlowed = false;
  const resetIfDue = (): boolean => {
    const plan = plans.get(id)!;
    if (plan.backend !== 'resetting' || resets.has(id) || got < plan.resetAfter) return false;
    resets.add(id);
    socket.resetAndDestroy();
    return true;
  };
  const reader = new MessageReader({
    onHead(head) {
      id = /\r\nx-exchange: (\S+)\r\n/i.exec(head)![1]!;
      hash = createHash('sha1');
      got = 0;
      const { backend } = plans.get(id)!;
      if ((backend === 'slow' || backend === 'pausing') && !isSlowed) {
        isSlowed = true;
        readSlowly(socket, backend);
      }
      resetIfDue();
    },
    onBody(bytes) {
      if (socket.destroyed) return;
      hash.update(bytes);
      got += bytes.length;
      resetIfDue();
    },
    onEnd() {
      if (socket.destroyed) return;
      const { backend, response } = plans.get(id)!;
      const close = backend === 'cold' ? 'Connection: close\r\n' : '';
      socket.write(
        `HTTP/1.1 200 OK\r\nX-Digest: ${hash.digest('hex')}\r\n${close}${framingOf(response)}\r\n\r\n`,
      );
      void sendBody(socket, response).then(() => {
        if (backend === 'cold' || backend === 'closing') socket.end();
      });
    },
  });
  socket.on('data', (chunk: Buffer) => {
    if (socket.destroyed) return;
    try {
      reader.push(chunk);
    } catch {
      // What the proxy sent cannot be read: no digest is the answer.
      socket.destroy();
    }
  });
  socket.on('end', () => socket.end());
}

/** A client that sends one planned request after another on its connection. */
export class BodyClient {
  readonly #socket: Socket;
  readonly #reader: MessageReader;
  #status = 0;
  #uploadDigest = '';
  #hash: Hash = createHash('sha1');
  #settle: (seen: Seen) => void = () => {};
  #isLast = false;
  #isSlowed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#reader = new MessageReader({
      onHead: (head) => {
        this.#status = Number(head.slice(9, 12));
        this.#uploadDigest = /\r\nx-digest: (\S+)\r\n/i.exec(head)?.[1] ?? '';
        this.#isLast = /\r\nconnection: close\r\n/i.test(head);
        this.#hash = createHash('sha1');
      },
      onBody: (bytes) => void this.#hash.update(bytes),
      onEnd: () => this.#end(),
    });
    socket.on('data', (chunk: Buffer) => this.#reader.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.#settle({ status: 0, uploadDigest: '', downloadDigest: '' }));
  }

  get isUsable(): boolean {
    return !this.#isLast && !this.#socket.destroyed && !this.#socket.readableEnded;
  }

  play(id: string, plan: ExchangePlan): Promise<Seen> {
    return new Promise((resolve) => {
      this.#settle = resolve;
      const socket = this.#socket;
      if (plan.isClientSlow && !this.#isSlowed) {
        this.#isSlowed = true;
        readSlowly(socket, 'slow');
      }
      socket.write(
        `${plan.method} /${plan.holding} HTTP/1.1\r\nHost: a.test\r\nX-Exchange: ${id}\r\n${framingOf(plan.request)}\r\n\r\n`,
      );
      void sendBody(socket, plan.request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #end(): void {
    const settle = this.#settle;
    this.#settle = () => {};
    settle({
      status: this.#status,
      uploadDigest: this.#uploadDigest,
      downloadDigest: this.#hash.digest('hex'),
    });
  }
}

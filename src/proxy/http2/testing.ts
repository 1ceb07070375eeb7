import { Timers } from '../../lib/timer-wheel.ts';
import type { HeadLimits } from '../message/head-parser.ts';
import { NO_LINES, parsedLines } from '../message/head-text.ts';
import { ClientSession } from './client-session.ts';
import type { FieldList } from './field-list.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { writeInteger, writeString } from './hpack-primitives.ts';
import { type ServerTimes, ServerSession } from './server-session.ts';
import type { SessionSink } from './session-options.ts';
import type { Session } from './session.ts';
import type { Stream, StreamHandler } from './stream.ts';
import { Wakeups } from './wakeups.ts';
import { FRAME, H2_ERROR, PREFACE } from './wire-codes.ts';
import { WireShared } from './wire-shared.ts';

/* What tests of sessions need: frames as bytes, a peer that reads what a session writes, and handlers that note what they are told. */

/** A frame; `length` says what its header claims, where that is not so. */
export function frame(
  type: number,
  flags: number,
  id: number,
  payload: Buffer | string = '',
  length?: number,
): Buffer {
  const bytes = Buffer.from(payload as string, 'latin1');
  const header = Buffer.alloc(9);
  header.writeUIntBE(length ?? bytes.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(id, 5);
  return Buffer.concat([header, bytes]);
}

export function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A field block of literals without indexing. */
export function block(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(
    fields.map(([name, value]) => {
      const into = Buffer.alloc(name.length + value.length + 32);
      let at = writeInteger(0, 4, 0, into, 0);
      at = writeString(name, into, at);
      return into.subarray(0, writeString(value, into, at));
    }),
  );
}

export type Fields = readonly (readonly [name: string, value: string])[];

export const GET: Fields = [
  [':method', 'GET'],
  [':scheme', 'https'],
  [':authority', 'a.test'],
  [':path', '/'],
];
export const POST: Fields = [[':method', 'POST'], ...GET.slice(1)];

export function headers(id: number, fields: Fields, flags = 5): Buffer {
  return frame(FRAME.headers, flags, id, block(fields));
}

export function data(id: number, payload: Buffer | string, flags = 0): Buffer {
  return frame(FRAME.data, flags, id, payload);
}

export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(pairs.length * 6);
  for (const [i, [id, value]] of pairs.entries()) {
    payload.writeUInt16BE(id, i * 6);
    payload.writeUInt32BE(value, i * 6 + 2);
  }
  return frame(FRAME.settings, 0, 0, payload);
}

export const reset = (id: number, code: number): Buffer => frame(FRAME.rstStream, 0, id, word(code));
export const windowUpdate = (id: number, increment: number): Buffer =>
  frame(FRAME.windowUpdate, 0, id, word(increment));
export const ping = (flags = 0): Buffer => frame(FRAME.ping, flags, 0, 'pingpong');
export const goaway = (lastId: number, code: number): Buffer =>
  frame(FRAME.goaway, 0, 0, Buffer.concat([word(lastId), word(code)]));

const TYPES: readonly string[] = Object.keys(FRAME);
const ERRORS: readonly string[] = Object.keys(H2_ERROR);

/** Takes what a session writes, and tells it as one line for each frame. */
export class TestSink implements SessionSink {
  isTaking = true;
  areBytesFree = true;
  isEnded = false;
  isReading = true;
  /** Writes, each as its bytes. */
  readonly writes: Buffer[] = [];
  readonly #decoder = new HpackDecoder();
  #unread = Buffer.alloc(0);

  write(buffer: Buffer, start: number, end: number): boolean {
    this.writes.push(Buffer.from(buffer.subarray(start, end)));
    return this.isTaking;
  }

  end(): void {
    this.isEnded = true;
  }

  setReading(isReading: boolean): void {
    this.isReading = isReading;
  }

  /** All frames since the last call. */
  take(): string[] {
    let bytes = Buffer.concat([this.#unread, ...this.writes]);
    this.writes.length = 0;
    const lines: string[] = [];
    if (bytes.subarray(0, PREFACE.length).equals(PREFACE)) bytes = bytes.subarray(PREFACE.length);
    let at = 0;
    while (bytes.length - at >= 9 && bytes.length - at - 9 >= bytes.readUIntBE(at, 3)) {
      const length = bytes.readUIntBE(at, 3);
      lines.push(this.#describe(bytes.subarray(at, at + 9), bytes.subarray(at + 9, at + 9 + length)));
      at += 9 + length;
    }
    this.#unread = bytes.subarray(at);
    if (this.isEnded) lines.push('end');
    return lines;
  }

  #describe(header: Buffer, payload: Buffer): string {
    const type = header[3]!;
    const flags = header[4]!;
    const id = header.readUInt32BE(5);
    const end = (flags & 1) === 0 ? '' : ' end';
    switch (type) {
      case FRAME.data:
        return `data ${id} ${payload.length > 40 ? payload.length : JSON.stringify(payload.toString('latin1'))}${end}`;
      case FRAME.headers: {
        const fields: string[] = [];
        this.#decoder.decode(payload, 0, payload.length, {
          isOpen: true,
          add: ({ name, value }) => void fields.push(`${name}: ${value}`),
          neverIndexed: () => {},
        });
        return `headers ${id} {${fields.join(', ')}}${end}`;
      }
      case FRAME.rstStream:
        return `reset ${id} ${ERRORS[payload.readUInt32BE(0)]}`;
      case FRAME.goaway:
        return `goaway ${payload.readUInt32BE(0)} ${ERRORS[payload.readUInt32BE(4)]}`;
      case FRAME.windowUpdate:
        return `windowUpdate ${id} ${payload.readUInt32BE(0)}`;
      case FRAME.settings:
        return flags === 1 ? 'settings ack' : `settings ${payload.length / 6}`;
      case FRAME.ping:
        return flags === 1 ? `ping ack ${payload.toString('latin1')}` : 'ping';
      default:
        return `${TYPES[Object.values(FRAME).indexOf(type as never)] ?? type} ${id}`;
    }
  }
}

/** Notes what it is told. */
export class TestHandler implements StreamHandler {
  readonly events: string[];
  readonly #onHead: (stream: Stream, handler: TestHandler) => void;
  body = '';

  constructor(events: string[], onHead: (stream: Stream, handler: TestHandler) => void) {
    this.events = events;
    this.#onHead = onHead;
  }

  onHead(stream: Stream): void {
    const { fields } = stream;
    const what = fields.method ?? stream.status;
    this.events.push(
      `head ${stream.id} ${what} ${fields.path ?? ''}${fields.error === undefined ? '' : fields.error}`.trim(),
    );
    this.#onHead(stream, this);
  }

  onInterimHead(stream: Stream, fields: FieldList): void {
    this.events.push(`interim ${stream.id} ${fields.status}`);
  }

  onData(stream: Stream, buffer: Buffer, start: number, end: number): void {
    const text = buffer.toString('latin1', start, end);
    this.body += text;
    this.events.push(`data ${stream.id} ${end - start > 40 ? end - start : JSON.stringify(text)}`);
  }

  onRead(): void {}

  onEnd(stream: Stream, trailers: FieldList | undefined): void {
    const text = trailers === undefined ? '' : ` {${trailers.text.replaceAll('\r\n', ';')}}`;
    this.events.push(`end ${stream.id}${text}`);
  }

  onDrain(stream: Stream): void {
    this.events.push(`drain ${stream.id}`);
  }

  onReset(stream: Stream, code: number, isUntouched: boolean): void {
    this.events.push(`reset ${stream.id} ${ERRORS[code]}${isUntouched ? ' untouched' : ''}`);
    stream.release();
  }

  onLate(stream: Stream): void {
    this.events.push(`late ${stream.id}`);
  }
}

export const LIMITS: HeadLimits = {
  maxTargetBytes: 8192,
  maxHeaderLineBytes: 8192,
  maxHeadBytes: 32_768,
  maxHeaders: 100,
  areUnderscoresAllowed: false,
  areInvalidHeadersIgnored: true,
};

export const TIMES: ServerTimes = {
  headerTimeoutMs: 10_000,
  bodyTimeoutMs: 10_000,
  minBodyBytesPerSecond: 0,
  sendTimeoutMs: 10_000,
  keepAliveTimeoutMs: 20_000,
  keepAliveRequests: 1000,
};

/** What both kinds of peer have: a session, its sink, a clock and the turns of the event loop. */
export class Peer<S extends Session> {
  readonly sink: TestSink;
  readonly session: S;
  /** What it shares with the worker's other sessions. */
  readonly shared: WireShared;
  readonly events: string[] = [];
  readonly errors: string[] = [];
  readonly clock: { nowMs: number };
  readonly timers: Timers;
  readonly #jobs: (() => void)[];

  constructor(make: (parts: PeerParts) => S) {
    const jobs: (() => void)[] = [];
    this.#jobs = jobs;
    this.shared = new WireShared(new Wakeups((job) => jobs.push(job)), (job) => jobs.push(job));
    this.sink = new TestSink();
    this.clock = { nowMs: 1000 };
    this.timers = new Timers({ now: () => this.clock.nowMs });
    this.session = make({
      sink: this.sink,
      shared: this.shared,
      now: () => this.clock.nowMs,
      limits: () => LIMITS,
      onError: (code, flood) => this.errors.push(`${ERRORS[code]}${flood === undefined ? '' : ` ${flood}`}`),
      onLate: (kind) => this.errors.push(kind),
      timers: this.timers,
      events: this.events,
    });
  }

  /** Hands bytes over in one piece, and lets the session take its turn. */
  send(...pieces: readonly Buffer[]): this {
    const bytes = Buffer.concat(pieces);
    let at = this.session.receive(bytes, 0, bytes.length);
    this.turn();
    while (at < bytes.length) {
      at = this.session.receive(bytes, at, bytes.length);
      this.turn();
    }
    return this;
  }

  turn(): this {
    for (let job = this.#jobs.shift(); job !== undefined; job = this.#jobs.shift()) job();
    return this;
  }

  /** So many milliseconds go by. */
  wait(ms: number): this {
    for (let passed = 0; passed < ms; passed += 50) {
      this.clock.nowMs += 50;
      this.timers.advance(1);
    }
    this.timers.close();
    return this.turn();
  }

  take(): string[] {
    return this.sink.take();
  }
}

export interface PeerParts {
  readonly sink: TestSink;
  readonly shared: WireShared;
  readonly now: () => number;
  readonly limits: () => HeadLimits;
  readonly onError: (code: number, flood: string | undefined) => void;
  readonly onLate: (kind: string) => void;
  readonly timers: Timers;
  readonly events: string[];
}

/** A server session that answers as `onHead` says; by default it reads every request and answers it at once. */
export function clientOf(
  onHead: (stream: Stream, session: ServerSession) => void = answer,
  options: { readonly maxConcurrentStreams?: number; readonly times?: Partial<ServerTimes> } = {},
): Peer<ServerSession> {
  const peer: Peer<ServerSession> = new Peer(
    (parts) =>
      new ServerSession({
        ...parts,
        maxConcurrentStreams: options.maxConcurrentStreams ?? 8,
        times: () => ({ ...TIMES, ...options.times }),
        handlerFor: () => new TestHandler(parts.events, (stream) => onHead(stream, peer.session)),
      }),
  );
  peer.turn();
  return peer;
}

export function answer(stream: Stream, session: ServerSession): void {
  stream.resume();
  session.respond(stream, 200, NO_LINES, parsedLines('x-a: b\r\n'), -1, NO_LINES);
  if (!stream.isRemoteEnded) return;
  const body = Buffer.from('ok');
  stream.write(body, 0, body.length);
  stream.end('');
  stream.release();
}

/** A client session. */
export function serverOf(onHead: (stream: Stream) => void = () => {}): {
  peer: Peer<ClientSession>;
  handler: TestHandler;
} {
  const peer: Peer<ClientSession> = new Peer(
    (parts) => new ClientSession({ ...parts, onCapacity: () => {} }),
  );
  peer.turn();
  return { peer, handler: new TestHandler(peer.events, onHead) };
}

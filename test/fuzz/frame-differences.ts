import { HpackDecoder } from '../../src/proxy/http2/hpack-decoder.ts';
import { FRAME, PADDED } from '../../src/proxy/http2/wire-codes.ts';
import { isFit, type FieldLines } from './hpack-generate.ts';
import { FrameCutter } from './memory-socket.ts';

/** How Serin and node:http2 differ. */
export interface Difference {
  readonly kind: 'node-ends' | 'serin-ends' | 'pings' | 'node-answers' | 'serin-answers';
  /** Of which stream; 0: of the connection. */
  readonly id: number;
  /** What who ends it says. */
  readonly reason: string;
  readonly text: string;
}

interface SentFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

/** What was sent, as far as it can be read. */
class Sent {
  readonly frames: SentFrame[] = [];
  /** Whether the last frame is not complete. */
  readonly isCut: boolean;
  /** Field lines of each stream; undefined: of none can be said more. */
  readonly #lines: ReadonlyMap<number, FieldLines>;

  constructor(bytes: Buffer) {
    let octets = 0;
    new FrameCutter().push(bytes, (type, flags, id, payload) => {
      octets += 9 + payload.length;
      this.frames.push({ type, flags, id, payload: Buffer.from(payload) });
    });
    this.isCut = octets < bytes.length;
    this.#lines = linesOf(this.frames);
  }

  some(holds: (frame: SentFrame) => boolean): boolean {
    return this.frames.some(holds);
  }

  linesOf(id: number): FieldLines {
    return this.#lines.get(id) ?? [];
  }

  valueOf(id: number, name: string): string | undefined {
    return this.linesOf(id).find((line) => line[0] === name)?.[1];
  }

  /** Octets of its body, padding included. */
  octetsOf(id: number): number {
    const payloads = this.frames.filter((frame) => frame.type === FRAME.data && frame.id === id);
    return payloads.reduce((sum, { payload }) => sum + payload.length, 0);
  }

  /** The same without padding. */
  bodyOctetsOf(id: number): number {
    const ofPadding = this.frames
      .filter((frame) => frame.type === FRAME.data && frame.id === id && (frame.flags & PADDED) !== 0)
      .reduce((sum, { payload }) => sum + 1 + (payload[0] ?? 0), 0);
    return this.octetsOf(id) - ofPadding;
  }

  get ids(): number[] {
    return [...this.#lines.keys()];
  }
}

/** Differences that are none of Serin's faults, each with what says so. */
const ALLOWED: readonly {
  readonly why: string;
  holds(difference: Difference, sent: Sent): boolean;
}[] = [
  {
    why: 'RFC 9113 §4.1: a frame that is not complete says nothing yet',
    holds: ({ kind }, { isCut }) => kind === 'node-ends' && isCut,
  },
  {
    why: 'RFC 9113 §4.2: a frame that is too large is an error as soon as it says so, a CONTINUATION too',
    holds: ({ kind, reason }) =>
      kind === 'serin-ends' && /^6 frame of type \d+ on stream \d+ is too large$/.test(reason),
  },
  {
    why: 'RFC 9113 §6: a frame that cannot be is an error as soon as its header says so, whether the rest of it comes or not',
    holds: ({ kind, reason }, { isCut }) =>
      isCut && kind === 'serin-ends' && /^[16] bad frame of type \d+$/.test(reason),
  },
  {
    why: 'RFC 9113 §5.1: what comes for a stream whose client has ended it is an error of that stream',
    holds: ({ kind, reason }) =>
      kind === 'node-ends' && /^5 (DATA|HEADERS): stream (in half-closed\(remote\)|closed)/.test(reason),
  },
  {
    why: 'RFC 9113 §5.1: what comes for a stream that is over may be an error of the connection',
    holds: ({ kind, reason }) =>
      kind === 'serin-ends' && /^5 (DATA|HEADERS) on a stream that is over/.test(reason),
  },
  {
    why: 'RFC 9113 §5.3.2: what a stream depends on is read by nobody any more, itself included',
    holds: ({ kind, reason }) =>
      kind === 'node-ends' && /^1 (request HEADERS|PRIORITY): depend on itself/.test(reason),
  },
  {
    why: 'RFC 9113 §6.1: padding that is longer than its frame is an error of the connection, whatever became of its stream',
    holds: ({ kind, reason }) => kind === 'serin-ends' && reason === '1 padding is longer than its frame',
  },
  {
    why: 'RFC 9113 §6.3, §6.8: PRIORITY is of a stream, and GOAWAY of the connection',
    holds: ({ kind, reason }) => kind === 'serin-ends' && /^1 bad frame of type [27]$/.test(reason),
  },
  {
    why: 'RFC 9113 §6.8: a client that goes may wait for its answers, whatever it names as the last stream of ours',
    holds: ({ kind, reason }, sent) =>
      kind === 'node-ends' &&
      /^(0 |1 GOAWAY: )/.test(reason) &&
      sent.some(({ type }) => type === FRAME.goaway),
  },
  {
    why: 'RFC 9110 §9.1: a method that nobody knows is refused, here and by the upstream',
    holds: ({ kind, id }, sent) =>
      kind === 'node-answers' &&
      !/^(GET|POST|PUT|HEAD|DELETE|OPTIONS)$/.test(sent.valueOf(id, ':method') ?? ''),
  },
  {
    why: 'RFC 9113 §6.3: the wrong length of a PRIORITY is an error of its stream',
    holds: ({ kind, reason }, sent) =>
      kind === 'node-ends' &&
      reason === '6 ' &&
      sent.some(({ type, payload }) => type === FRAME.priority && payload.length !== 5),
  },
  {
    why: 'RFC 9113 §6.5.3: an acknowledgement that nobody waits for is no error',
    holds: ({ kind, reason }) => kind === 'node-ends' && reason === '1 SETTINGS: unexpected ACK',
  },
  {
    why: 'RFC 9113 §6.7: neither is the one of a PING',
    holds: ({ kind, reason }, sent) =>
      kind === 'node-ends' &&
      reason === '2 ' &&
      sent.some(({ type, flags }) => type === FRAME.ping && (flags & 1) === 1),
  },
  {
    why: 'RFC 9113 §6.9: a stream that is widened by nothing is an error of the stream',
    holds: ({ kind, reason }) =>
      kind === 'node-ends' && reason.startsWith('1 WINDOW_UPDATE: window_size_increment == 0'),
  },
  {
    why: 'RFC 9113 §6.9.1: so is one that is widened by too much',
    holds: ({ kind, reason }) =>
      kind === 'node-ends' && reason.startsWith('3 WINDOW_UPDATE: window size overflow'),
  },
  {
    why: 'RFC 9113 §8.1: a request of which all is there, by its length, may be answered before its stream ends',
    holds: ({ kind, id }, sent) =>
      kind === 'serin-answers' && sent.valueOf(id, 'content-length') === String(sent.bodyOctetsOf(id)),
  },
  {
    why: 'RFC 9113 §8.1.1: a body that is not of its length is an error of its stream',
    holds: ({ kind, reason }, sent) =>
      kind === 'node-ends' &&
      reason === '2 ' &&
      sent.ids.some((id) => {
        const length = sent.valueOf(id, 'content-length');
        return length !== undefined && length !== String(sent.octetsOf(id));
      }),
  },
  {
    why: 'RFC 9113 §8.2.1: a field that is not fit makes its message malformed; node:http2 passes over it',
    holds: ({ kind, id }, sent) =>
      kind === 'node-answers' && sent.linesOf(id).some((line) => line[0] !== 'host' && !isFit(line)),
  },
  {
    why: 'RFC 9113 §8.3.1: Host and authority that are not the same, or none, make a request malformed',
    holds: ({ kind, id }, sent) =>
      kind === 'node-answers' &&
      (sent.linesOf(id).some(([name, value]) => name === 'host' && value !== 'a.test') ||
        !/^[a-z0-9.-]+(:\d+)?$/i.test(sent.valueOf(id, ':authority') ?? '')),
  },
  {
    why: 'RFC 9218 §7.1: PRIORITY_UPDATE is of the connection, and names a request',
    holds: ({ kind, reason }, sent) =>
      kind === 'serin-ends' &&
      /^[16] (bad frame of type 16|priority of no request)$/.test(reason) &&
      sent.some(({ type }) => type === FRAME.priorityUpdate),
  },
  {
    why: 'RFC 3986 §2.1: a target with a bad escape is none; and the upstream here takes nothing but ASCII',
    holds: ({ kind, id }, sent) =>
      kind === 'node-answers' &&
      !/^\/([\x21\x22\x24\x26-\x7e]|%[0-9a-f]{2})*$/i.test(sent.valueOf(id, ':path') ?? ''),
  },
];

/** Why the difference is none to mend; undefined: it is one. */
export function whyAllowed(difference: Difference, bytes: Buffer): string | undefined {
  const sent = new Sent(bytes);
  return ALLOWED.find(({ holds }) => holds(difference, sent))?.why;
}

function linesOf(frames: readonly SentFrame[]): ReadonlyMap<number, FieldLines> {
  const decoder = new HpackDecoder();
  const streams = new Map<number, FieldLines>();
  let fragments: Buffer[] = [];
  for (const { type, flags, id, payload } of frames) {
    if (type === FRAME.headers) {
      const start = ((flags & 8) === 0 ? 0 : 1) + ((flags & 0x20) === 0 ? 0 : 5);
      const end = payload.length - ((flags & 8) === 0 ? 0 : payload[0]!);
      fragments = [payload.subarray(start, Math.max(start, end))];
    } else if (type === FRAME.continuation) fragments.push(payload);
    else continue;
    if ((flags & 4) === 0) continue;
    const block = Buffer.concat(fragments);
    const lines = streams.get(id) ?? [];
    streams.set(id, lines);
    const isDecoded = decoder.decode(block, 0, block.length, {
      isOpen: true,
      add: ({ name, value }) => void lines.push([name, value]),
      neverIndexed: () => {},
    });
    if (!isDecoded) break;
  }
  return streams;
}

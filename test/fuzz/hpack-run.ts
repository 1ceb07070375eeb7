import http2, { type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import { HpackDecoder } from '../../src/proxy/http2/hpack-decoder.ts';
import { BlockBuffer, HpackEncoder } from '../../src/proxy/http2/hpack-encoder.ts';
import { KnownLines } from '../../src/proxy/http2/known-lines.ts';
import { frame, settings } from '../../src/proxy/http2/testing.ts';
import { FRAME, PREFACE, SETTING } from '../../src/proxy/http2/wire-codes.ts';
import { parsedLines } from '../../src/proxy/message/head-text.ts';
import { createRandom, type Random } from './generate.ts';
import { type FieldLines, LineSource, pick, upTo } from './hpack-generate.ts';
import { FrameCutter, MemorySocket } from './memory-socket.ts';

const SECRETS = ['x-secret', 'authorization'];
const TABLE_SIZES = [0, 1, 32, 64, 200, 1_000, 4_096, 10_000];
/** Requests on one connection, through which its tables change. */
const REQUESTS = 40;

/** What one block was decoded to. */
interface Decoded {
  readonly lines: FieldLines;
  readonly secret: string[];
}

/** node:http2's client at one end, Serin's decoder and encoder at the other. */
class HpackPair {
  readonly #random: Random;
  readonly #session: ClientHttp2Session;
  readonly #socket: MemorySocket;
  readonly #decoder = new HpackDecoder();
  readonly #block = new BlockBuffer();
  readonly #encoder = new HpackEncoder(this.#block, new KnownLines());
  readonly #cutter = new FrameCutter(PREFACE.length);
  readonly #answers = new Map<number, { status: number; lines: FieldLines }>();
  /** Sizes that the client was told of, and has not acknowledged. */
  readonly #sizes: number[] = [];
  #fragments: Buffer[] = [];
  decoded: Decoded | undefined = undefined;
  fault: string | undefined = undefined;

  constructor(random: Random) {
    this.#random = random;
    this.#socket = new MemorySocket((bytes) =>
      this.#cutter.push(bytes, (type, flags, id, payload) => this.#onFrame(type, flags, id, payload)),
    );
    this.#session = http2.connect('http://a.test', { createConnection: () => this.#socket });
    this.#session.on('error', (error) => (this.fault ??= `node:http2 failed: ${error.message}`));
    this.#say(settings());
    this.#sizes.push(4_096);
  }

  /** One exchange; answers what is wrong with it. */
  async exchange(sent: FieldLines, status: number, answered: FieldLines): Promise<string | undefined> {
    this.decoded = undefined;
    if (this.#random() < 0.2) this.#changeSizes();
    const stream = this.#session.request(
      {
        ':path': '/x',
        ...Object.fromEntries(sent),
        [http2.sensitiveHeaders]: SECRETS.filter((name) => sent.some(([sentName]) => sentName === name)),
      },
      { endStream: true },
    );
    stream.on('error', (error) => (this.fault ??= `the stream failed: ${error.message}`));
    // Numbers of streams are not known before they are sent.
    this.#answers.set(0, { status, lines: answered });
    const head = await new Promise<IncomingHttpHeaders | undefined>((resolve) => {
      stream.once('response', resolve);
      stream.once('close', () => resolve(undefined));
    });
    if (this.fault !== undefined || head === undefined) return this.fault ?? 'no response';
    stream.resume();
    return differenceOf(this.decoded, sent) ?? answerDifferenceOf(head, status, answered);
  }

  close(): void {
    this.#session.destroy();
  }

  #say(...frames: readonly Buffer[]): void {
    this.#socket.push(Buffer.concat(frames));
  }

  /** Either side says that its decoder's table may have another size. */
  #changeSizes(): void {
    const size = pick(this.#random, TABLE_SIZES);
    if (this.#random() < 0.5) {
      this.#sizes.push(size);
      this.#say(settings([SETTING.headerTableSize, size]));
    } else {
      this.#session.settings({ headerTableSize: size });
    }
  }

  #onFrame(type: number, flags: number, id: number, payload: Buffer): void {
    if (type === FRAME.settings && (flags & 1) === 1) {
      const size = this.#sizes.shift();
      if (size !== undefined) this.#decoder.allowTableSize(size);
    } else if (type === FRAME.settings) {
      for (let at = 0; at < payload.length; at += 6) {
        if (payload.readUInt16BE(at) === SETTING.headerTableSize) {
          this.#encoder.allowTableSize(payload.readUInt32BE(at + 2));
        }
      }
      this.#say(frame(FRAME.settings, 1, 0));
    } else if (type === FRAME.headers || type === FRAME.continuation) {
      const start = type === FRAME.headers && (flags & 0x20) !== 0 ? 5 : 0;
      this.#fragments.push(Buffer.from(payload.subarray(start)));
      if ((flags & 4) !== 0) this.#onBlock(id);
    } else if (type === FRAME.goaway && payload.readUInt32BE(4) !== 0) {
      this.fault ??= `node:http2 says GOAWAY ${payload.readUInt32BE(4)}`;
    }
  }

  #onBlock(id: number): void {
    const bytes = Buffer.concat(this.#fragments);
    this.#fragments = [];
    const lines: FieldLines = [];
    const secret: string[] = [];
    const isDecoded = this.#decoder.decode(bytes, 0, bytes.length, {
      isOpen: true,
      add: ({ name, value }) => void lines.push([name, value]),
      neverIndexed: (name) => void secret.push(name),
    });
    if (isDecoded) this.decoded = { lines, secret };
    else this.fault ??= `does not decode: ${bytes.toString('hex')}`;
    this.#answer(id);
  }

  /** Answers with a block in one frame, or in several. */
  #answer(id: number): void {
    const { status, lines } = this.#answers.get(0)!;
    const encoder = this.#encoder;
    encoder.begin();
    encoder.status(status);
    const text = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    if (text !== '') encoder.lines(parsedLines(text));
    const bytes = Buffer.from(this.#block.buffer.subarray(0, this.#block.length));
    const cut = this.#random() < 0.7 ? bytes.length : upTo(this.#random, bytes.length);
    const isWhole = cut === bytes.length;
    this.#say(
      frame(FRAME.headers, isWhole ? 5 : 1, id, bytes.subarray(0, cut)),
      ...(isWhole ? [] : [frame(FRAME.continuation, 4, id, bytes.subarray(cut))]),
    );
  }
}

function differenceOf(decoded: Decoded | undefined, sent: FieldLines): string | undefined {
  const got = JSON.stringify(decoded?.lines.filter(([name]) => !name.startsWith(':')));
  const want = JSON.stringify(sent);
  if (got !== want) return `decoded ${got}, sent was ${want}`;
  const secret = sent.map(([name]) => name).filter((name) => SECRETS.includes(name));
  if (secret.some((name) => !decoded!.secret.includes(name))) return `not all of ${secret} is secret`;
  return undefined;
}

function answerDifferenceOf(head: IncomingHttpHeaders, status: number, sent: FieldLines): string | undefined {
  const { ':status': got, ...fields } = head as Record<string, string | string[]>;
  if (Number(got) !== status) return `node:http2 decoded the status ${got}, ${status} was sent`;
  const lines = Object.entries(fields).map(([name, value]) => [
    name,
    Array.isArray(value) ? value[0] : value,
  ]);
  const [a, b] = [JSON.stringify(lines.toSorted()), JSON.stringify(sent.toSorted())];
  return a === b ? undefined : `node:http2 decoded ${a}, sent was ${b}`;
}

export interface HpackResult {
  readonly cases: number;
  readonly found: string | undefined;
}

/** Random field lists both ways between node:http2 and Serin; the same seed gives the same cases. */
export async function fuzzHpackPairs(seed: number, isOver: (cases: number) => boolean): Promise<HpackResult> {
  const random = createRandom(seed);
  let cases = 0;
  while (!isOver(cases)) {
    const pair = new HpackPair(random);
    const source = new LineSource(random);
    for (let i = 0; i < REQUESTS; i++, cases++) {
      const status = pick(random, [200, 204, 304, 404, 500, 201, 503, 299]);
      const found = await pair.exchange(source.lines(12), status, source.lines(12));
      if (found !== undefined) return { cases, found };
    }
    pair.close();
  }
  return { cases, found: undefined };
}

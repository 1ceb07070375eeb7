import {
  data,
  type Fields,
  frame,
  goaway,
  headers,
  ping,
  settings,
  windowUpdate,
} from '../../src/proxy/http2/testing.ts';
import { FRAME, SETTING } from '../../src/proxy/http2/wire-codes.ts';
import { plainWire } from '../../src/proxy/upstream/wire-key.ts';
import { Bench, type Engine } from '../protocol/engine/harness.ts';
import { rawHttp2, type RawConnection } from '../protocol/engine/raw-http2.ts';
import { corpusLine } from './corpus.ts';
import { blockFrames, dataFrame, mutateFrames, noise, offence, weighted } from './frame-generate.ts';
import { createRandom, type Random } from './generate.ts';
import { LineSource, pick, upTo } from './hpack-generate.ts';

/** A response as frames of its stream, 1; `want` is what a client has to get of it, where nothing is wrong with it. */
export interface Script {
  readonly frames: Buffer[];
  readonly want: { readonly status: number; readonly body: string } | undefined;
}

const OK: Fields = [
  [':status', '200'],
  ['content-length', '2'],
];
const MOST_WAITING_MS = 15_000;
const MAX_BODY_BYTES = 40_000;
/** Heads beyond that may be refused. */
const MAX_HEAD_BYTES = 3_500;

/** What servers may say beside responses. */
function chatter(random: Random): Buffer {
  return weighted<() => Buffer>(random, [
    [3, () => ping()],
    [2, () => windowUpdate(pick(random, [0, 1]), 1 + upTo(random, 70_000))],
    [2, () => frame(FRAME.priority, 0, 1, Buffer.alloc(5))],
    [2, () => frame(0x42, upTo(random, 255), pick(random, [0, 1]), 'unknown')],
    [2, () => settings([SETTING.initialWindowSize, upTo(random, 100_000)])],
    [2, () => settings([SETTING.headerTableSize, upTo(random, 5_000)], [SETTING.maxConcurrentStreams, 1])],
    [1, () => goaway(1 + upTo(random, 8), 0)],
  ])();
}

export function generateScript(random: Random, source: LineSource): Script {
  const frames: Buffer[] = [];
  let want: { status: number; body: string } | undefined;
  for (let i = random() < 0.2 ? upTo(random, 3) : 0; i > 0; i--) {
    frames.push(...blockFrames(random, 1, [[':status', '103'], ...source.lines(2)], false));
  }
  const status = pick(random, [200, 200, 200, 204, 304, 404, 500]);
  const hasBody = status !== 204 && status !== 304 && random() < 0.8;
  const octets = hasBody ? upTo(random, pick(random, [0, 10, 300, MAX_BODY_BYTES])) : 0;
  const hasTrailers = hasBody && random() < 0.2;
  const lines = source.lines(5).filter(([name]) => name !== 'set-cookie' || random() < 0.5);
  if (hasBody && random() < 0.5) lines.push(['content-length', String(octets)]);
  frames.push(...blockFrames(random, 1, [[':status', String(status)], ...lines], !hasBody));
  let left = octets;
  let isDue = hasBody;
  while (left > 0 || isDue) {
    const taken = Math.min(left, 16_000, random() < 0.5 ? left : 1 + upTo(random, 3_000));
    left -= taken;
    isDue = false;
    if (random() < 0.3) frames.push(chatter(random));
    frames.push(dataFrame(random, 1, taken, left === 0 && !hasTrailers));
  }
  if (hasTrailers) frames.push(...blockFrames(random, 1, [['x-trailer', 'a']], true));
  want = { status, body: 'd'.repeat(octets) };
  const wrong = random();
  const headBytes = lines.reduce((sum, [name, value]) => sum + name.length + value.length + 4, 0);
  if (wrong < 0.6 || headBytes > MAX_HEAD_BYTES) want = undefined;
  if (wrong < 0.2) frames.splice(upTo(random, frames.length), 0, offence(random, [1]));
  else if (wrong < 0.3) frames.splice(upTo(random, frames.length), 0, noise(random, [1, 3]));
  else if (wrong < 0.6)
    for (let i = upTo(random, 2); i >= 0 && frames.length > 0; i--) mutateFrames(random, frames);
  return { frames, want };
}

/** Serin between a client and a server that says what it likes. */
export class HostileRig {
  readonly #bench = new Bench();
  #script: Buffer | undefined = undefined;
  engine!: Engine;

  async open(): Promise<this> {
    const server = await rawHttp2(this.#bench, (connection, id) => this.#answer(connection, id));
    this.engine = await this.#bench.engine({
      endpoints: [server.endpoint],
      wire: plainWire('h2'),
      retry: { tries: 1 },
    });
    return this;
  }

  /** Has the server answer with it; answers what is wrong with what the client gets, or with what is left. */
  async play({ frames, want }: Script): Promise<string | undefined> {
    this.#script = Buffer.concat(frames);
    const text = await this.#ask();
    this.#script = undefined;
    if (text === undefined) return 'the client waits in vain';
    // Of a response that is cut at once nothing may have left.
    const isNothing = text === '' && want === undefined;
    if (!isNothing && !/^HTTP\/1\.1 \d{3} /.test(text))
      return `the client got ${JSON.stringify(text.slice(0, 200))}`;
    if (want !== undefined) {
      const [head, body] = partsOf(text);
      if (!head.startsWith(`HTTP/1.1 ${want.status} `) || body !== want.body) {
        return `the client got ${head.slice(0, 20)} with ${body.length} octets for ${want.status} with ${want.body.length}`;
      }
    }
    if (this.engine.router.endpoints[0]!.inFlight !== 0) return 'the request is still under way';
    const next = await this.#ask();
    if (next?.endsWith('ok') !== true) return `the next client got ${JSON.stringify(next)}`;
    if (this.engine.faults.length > 0) return `a fault: ${String((this.engine.faults[0] as Error).stack)}`;
    return undefined;
  }

  close(): Promise<void> {
    return this.#bench.close();
  }

  #answer(connection: RawConnection, id: number): void {
    connection.send(this.#script ?? Buffer.concat([headers(id, OK, 4), data(id, 'ok', 1)]));
    // Streams are numbered anew for each, and what is not complete is over.
    connection.end();
  }

  /** What a client of HTTP/1.1 gets until its connection ends; undefined: that does not happen. */
  async #ask(): Promise<string | undefined> {
    const client = await this.engine.connect();
    client.send('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), MOST_WAITING_MS);
    });
    const text = await Promise.race([client.ended(), late]);
    clearTimeout(timer);
    client.socket.destroy();
    return text;
  }
}

/** Head and body of a response, without heads before it and without chunks. */
function partsOf(text: string): [head: string, body: string] {
  let rest = text;
  while (/^HTTP\/1\.1 1\d\d /.test(rest)) rest = rest.slice(rest.indexOf('\r\n\r\n') + 4);
  const at = rest.indexOf('\r\n\r\n');
  const head = rest.slice(0, at + 2);
  let body = rest.slice(at + 4);
  if (!/\r\ntransfer-encoding: chunked\r\n/i.test(head)) return [head, body];
  let joined = '';
  for (;;) {
    const line = body.indexOf('\r\n');
    const size = Number.parseInt(body.slice(0, line), 16);
    if (!(size > 0)) return [head, joined];
    joined += body.slice(line + 2, line + 2 + size);
    body = body.slice(line + 4 + size);
  }
}

/** Responses of servers, valid and not; the same seed gives the same cases. */
export async function fuzzUpstreamFrames(
  seed: number,
  isOver: (cases: number) => boolean,
): Promise<{ cases: number; found: string | undefined }> {
  const random = createRandom(seed);
  const source = new LineSource(random);
  const rig = await new HostileRig().open();
  let cases = 0;
  let found: string | undefined;
  try {
    while (found === undefined && !isOver(cases)) {
      cases++;
      const script = generateScript(random, source);
      const problem = await rig.play(script);
      if (problem !== undefined) found = `${problem}\n${corpusLine(script.frames)}`;
    }
  } finally {
    await rig.close();
  }
  return { cases, found };
}

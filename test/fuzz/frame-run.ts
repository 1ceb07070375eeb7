import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { data, headers, ping, POST, settings } from '../../src/proxy/http2/testing.ts';
import { PREFACE } from '../../src/proxy/http2/wire-codes.ts';
import { Bench, type Engine } from '../protocol/engine/harness.ts';
import { corpusLine } from './corpus.ts';
import { answerOf } from './frame-answer.ts';
import { type Difference, whyAllowed } from './frame-differences.ts';
import { generateFrames } from './frame-generate.ts';
import { connectFrames, type FrameClient, quiet, type StreamView } from './frame-peers.ts';
import { createRandom } from './generate.ts';
import { LineSource } from './hpack-generate.ts';

const MOST_WAITING_MS = 15_000;
/** How often they are looked at meanwhile. */
const LOOK_MS = 5;

/** node:http2 and Serin, side by side. */
export class FrameRig {
  readonly #bench = new Bench();
  readonly #upstream: Server;
  #node: ChildProcess | undefined = undefined;
  #nodePort = 0;
  /** Somebody else's connection, with a request that ends when all is over. */
  #bystander: FrameClient | undefined = undefined;
  engine!: Engine;
  /** How often node:http2 ended its process; what did so says nothing. */
  crashes = 0;

  constructor() {
    this.#upstream = createServer((request, response) => {
      let octets = 0;
      request.on('data', (chunk: Buffer) => (octets += chunk.length));
      request.on('end', () => response.end(answerOf(request.method!, request.url!, octets)));
    });
  }

  async open(): Promise<this> {
    this.#upstream.listen(0, '127.0.0.1');
    await once(this.#upstream, 'listening');
    const { port } = this.#upstream.address() as AddressInfo;
    this.engine = await this.#bench.engine({ endpoints: [{ address: '127.0.0.1', port }] });
    await this.#startNode();
    this.#bystander = await connectFrames(this.engine.port);
    this.#bystander.send(Buffer.concat([PREFACE, settings(), headers(1, POST, 4)]));
    return this;
  }

  /** Sends frames to both; answers how they differ where that is not allowed. */
  async compare(frames: readonly Buffer[], mostWaitingMs = MOST_WAITING_MS): Promise<string | undefined> {
    const { text, why } = await this.play(frames, mostWaitingMs);
    return why === undefined ? text : undefined;
  }

  /** Sends frames to both; answers how they differ, and why that is allowed. */
  async play(
    frames: readonly Buffer[],
    mostWaitingMs = MOST_WAITING_MS,
  ): Promise<{ readonly text?: string; readonly why?: string }> {
    const { engine } = this;
    const node = await connectFrames(this.#nodePort);
    const serin = await connectFrames(engine.port);
    const bytes = Buffer.concat([...frames, ping()]);
    for (const client of [node, serin]) client.send(Buffer.concat([PREFACE, settings(), bytes]));
    const untilMs = performance.now() + mostWaitingMs;
    let difference: Difference | undefined;
    let why: string | undefined;
    do {
      await quiet([node, serin], LOOK_MS);
      difference = differenceOf(node, serin);
      why = difference && whyAllowed(difference, bytes);
    } while (
      difference !== undefined &&
      why === undefined &&
      !this.#isCrashed &&
      performance.now() < untilMs
    );
    node.close();
    serin.close();
    if (engine.faults.length > 0) return { text: `a fault: ${String((engine.faults[0] as Error).stack)}` };
    if (this.#isCrashed) {
      this.crashes++;
      await this.#startNode();
      return {};
    }
    return difference === undefined ? {} : { text: difference.text, why };
  }

  /** What connections that are gone have left behind. */
  async leftovers(): Promise<string | undefined> {
    const { context, router } = this.engine;
    const bystander = this.#bystander!;
    bystander.send(data(1, 'body', 1));
    const isServed = (): boolean => bystander.streams.get(1)?.body === answerOf('POST', '/', 4);
    const isClean = (): boolean =>
      context.connections.size === 0 &&
      context.bodies.budget.memoryBytes === 0 &&
      router.endpoints[0]!.inFlight === 0;
    const untilMs = performance.now() + MOST_WAITING_MS;
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    while (!isServed() && performance.now() < untilMs) await turn();
    bystander.close();
    if (!isServed()) return `another client got ${JSON.stringify(bystander.streams.get(1))}`;
    while (!isClean() && performance.now() < untilMs) await turn();
    if (isClean()) return undefined;
    const { memoryBytes } = context.bodies.budget;
    return `left: ${context.connections.size} connections, ${router.endpoints[0]!.inFlight} requests, ${memoryBytes} octets`;
  }

  async close(): Promise<void> {
    this.#node?.disconnect();
    this.#upstream.closeAllConnections();
    this.#upstream.close();
    await this.#bench.close();
  }

  get #isCrashed(): boolean {
    const { exitCode, signalCode } = this.#node!;
    return exitCode !== null || signalCode !== null;
  }

  async #startNode(): Promise<void> {
    this.#node = fork(new URL('./node-http2-server.ts', import.meta.url), { stdio: 'ignore' });
    [this.#nodePort] = (await once(this.#node, 'message')) as [number];
  }
}

const tell = (frames: FrameClient): string => `${frames.goaway?.code} ${frames.goaway?.reason}`;

function differenceOf(node: FrameClient, serin: FrameClient): Difference | undefined {
  if (serin.isRefused) {
    if (node.isRefused) return undefined;
    return { kind: 'serin-ends', id: 0, reason: tell(serin), text: `Serin alone ends it: ${tell(serin)}` };
  }
  if (node.isRefused) {
    return { kind: 'node-ends', id: 0, reason: tell(node), text: `node:http2 alone ends it: ${tell(node)}` };
  }
  if (node.pings !== serin.pings) {
    const text = `${node.pings} pings of node:http2, ${serin.pings} of Serin`;
    return { kind: 'pings', id: 0, reason: '', text };
  }
  for (const [id, want] of node.streams) {
    const got = serin.streams.get(id);
    if (!isAnswered(want) || (isAnswered(got) && got.body === want.body)) continue;
    const text = `stream ${id}: node:http2 answers ${JSON.stringify(want)}, Serin ${JSON.stringify(got)}`;
    return { kind: 'node-answers', id, reason: '', text };
  }
  for (const [id, got] of serin.streams) {
    const want = node.streams.get(id);
    if (!isAnswered(got) || isAnswered(want)) continue;
    const text = `stream ${id}: Serin answers ${JSON.stringify(got)}, node:http2 ${JSON.stringify(want)}`;
    return { kind: 'serin-answers', id, reason: '', text };
  }
  return undefined;
}

function isAnswered(view: StreamView | undefined): view is StreamView {
  return view !== undefined && view.isComplete && view.status === 200;
}

export interface FramesResult {
  readonly cases: number;
  readonly found: string | undefined;
}

/** Frame sequences, valid and not, sent to both; the same seed gives the same cases. */
export async function fuzzFrames(seed: number, isOver: (cases: number) => boolean): Promise<FramesResult> {
  const random = createRandom(seed);
  const source = new LineSource(random);
  const rig = await new FrameRig().open();
  let cases = 0;
  let found: string | undefined;
  try {
    while (found === undefined && !isOver(cases)) {
      cases++;
      const frames = generateFrames(random, source);
      const difference = await rig.compare(frames);
      if (difference !== undefined) found = `${difference}\n${corpusLine(frames)}`;
    }
    found ??= await rig.leftovers();
  } finally {
    await rig.close();
  }
  return { cases, found };
}

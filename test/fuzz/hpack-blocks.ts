import http2, { type ServerHttp2Stream } from 'node:http2';
import { HpackDecoder } from '../../src/proxy/http2/hpack-decoder.ts';
import { frame, ping, settings } from '../../src/proxy/http2/testing.ts';
import { FRAME, H2_ERROR, MAX_FRAME_BYTES, PREFACE } from '../../src/proxy/http2/wire-codes.ts';
import { corpusLine } from './corpus.ts';
import { createRandom, type Random } from './generate.ts';
import { BlockWriter, type FieldLines, isFit, LineSource, mutate, upTo } from './hpack-generate.ts';
import { FrameCutter, MemorySocket } from './memory-socket.ts';

/** What a decoder makes of the blocks of one connection, until one does not decode. */
interface Reading {
  /** Fields of each block that was accepted as a request, by the number of the block. */
  readonly requests: Map<number, FieldLines>;
  /** Whether all blocks decoded. */
  readonly isDecoded: boolean;
}

export interface BlocksResult {
  readonly cases: number;
  /** Cases in which some block did not decode. */
  readonly refused: number;
  readonly found: string | undefined;
}

/** Blocks for one connection: the last of them may be no block at all. */
export function generateBlocks(random: Random, source: LineSource): Buffer[] {
  const writer = new BlockWriter(random);
  const blocks: Buffer[] = [];
  for (let i = upTo(random, 3); i >= 0; i--) {
    const block = writer.request(source.lines(8), i === 0 ? 0.03 : 0);
    blocks.push(i === 0 && random() < 0.6 ? mutate(random, block) : block);
  }
  // Longer ones would need CONTINUATION.
  return blocks.filter(({ length }) => length <= MAX_FRAME_BYTES);
}

/** Blocks as Serin decodes them. */
function readBySerin(blocks: readonly Buffer[]): Reading {
  const decoder = new HpackDecoder();
  const requests = new Map<number, FieldLines>();
  for (const [index, block] of blocks.entries()) {
    const lines: FieldLines = [];
    const isDecoded = decoder.decode(block, 0, block.length, {
      isOpen: true,
      add: ({ name, value }) => void lines.push([name, value]),
      neverIndexed: () => {},
    });
    if (!isDecoded) return { requests, isDecoded };
    requests.set(index, lines);
  }
  return { requests, isDecoded: true };
}

/** Blocks as node:http2 decodes them; of those that are no requests it tells nothing. */
async function readByNode(blocks: readonly Buffer[]): Promise<Reading> {
  const requests = new Map<number, FieldLines>();
  return new Promise((resolve) => {
    const cutter = new FrameCutter();
    const socket = new MemorySocket((bytes) =>
      cutter.push(bytes, (type, flags, _id, payload) => {
        if (type === FRAME.goaway) over(payload.readUInt32BE(4) !== H2_ERROR.compressionError);
        else if (type === FRAME.ping && flags === 1) over(true);
      }),
    );
    const session = http2.performServerHandshake(socket);
    const over = (isDecoded: boolean): void => {
      // Streams are told of behind what they were written with.
      setImmediate(() => {
        session.destroy();
        resolve({ requests, isDecoded });
      });
    };
    session.on('error', () => {});
    session.on('stream', (stream: ServerHttp2Stream, _headers, _flags, rawHeaders: readonly string[]) => {
      stream.on('error', () => {});
      const lines: FieldLines = [];
      for (let i = 0; i < rawHeaders.length; i += 2) lines.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
      requests.set((stream.id! - 1) / 2, lines);
    });
    socket.push(
      Buffer.concat([
        PREFACE,
        settings(),
        ...blocks.map((block, i) => frame(FRAME.headers, 5, i * 2 + 1, block)),
        ping(),
      ]),
    );
  });
}

/** Size updates that a block begins with. */
function updatesOf(block: Buffer): number {
  let updates = 0;
  for (let at = 0; at < block.length && block[at]! >> 5 === 1; updates++) {
    const isLong = (block[at++]! & 0x1f) === 0x1f;
    if (isLong) while (at < block.length && block[at++]! >= 0x80);
  }
  return updates;
}

/** node:http2 passes over fields that make a message malformed (RFC 9113 §8.2.1), and looks at Host more closely. */
function isCompared(line: readonly [string, string]): boolean {
  return line[0] !== 'host' && isFit(line);
}

/** What the two make of the same blocks, where it is not the same. */
export async function compareBlocks(
  blocks: readonly Buffer[],
): Promise<{ isDecoded: boolean; found?: string }> {
  const [serin, node] = [readBySerin(blocks), await readByNode(blocks)];
  const { isDecoded } = serin;
  if (isDecoded !== node.isDecoded) {
    // One that says the size of the table more often than twice is none (RFC 7541 §4.2); node:http2 does not count.
    if (!isDecoded && updatesOf(blocks[serin.requests.size]!) > 2) return { isDecoded };
    return { isDecoded, found: `${isDecoded ? 'Serin' : 'node:http2'} alone decodes it` };
  }
  for (const [index, lines] of node.requests) {
    const own = JSON.stringify(serin.requests.get(index)!.filter(isCompared));
    const other = JSON.stringify(lines.filter(isCompared));
    if (own !== other) return { isDecoded, found: `block ${index}: Serin ${own}, node:http2 ${other}` };
  }
  return { isDecoded };
}

/** Random and mutated blocks, decoded by both; the same seed gives the same cases. */
export async function fuzzHpackBlocks(
  seed: number,
  isOver: (cases: number) => boolean,
): Promise<BlocksResult> {
  const random = createRandom(seed);
  const source = new LineSource(random);
  let cases = 0;
  let refused = 0;
  while (!isOver(cases)) {
    cases++;
    const blocks = generateBlocks(random, source);
    const { isDecoded, found } = await compareBlocks(blocks);
    if (!isDecoded) refused++;
    if (found !== undefined) {
      return { cases, refused, found: `${found}\n${corpusLine(blocks)}` };
    }
  }
  return { cases, refused, found: undefined };
}

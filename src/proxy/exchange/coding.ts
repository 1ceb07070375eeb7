import type { Transform } from 'node:stream';
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gzipSync,
  zstdCompressSync,
} from 'node:zlib';
import type { CodingName, CodingSettings } from '../../table/compression.ts';

/** Longest body that is held until all of it has come. */
const HELD_BYTES = 32_768;
/** Two reads of an upstream may wait for a thread. */
const WAITING_BYTES = 131_072;
/** log2 of how far back brotli and zstd look: as gzip's 15, they would lose what makes them better; more takes more memory. */
const WINDOW_BITS = 18;

/** How one content coding is made. */
export interface Coding {
  readonly name: CodingName;
  readonly minLength: number;
  readonly types: ReadonlySet<string>;
  /** Whole bodies up to this take a fraction of a millisecond, and are compressed at once. */
  readonly atOnceBytes: number;
  /** What a stream of its own holds, roughly. */
  readonly streamBytes: number;
  compress(body: Buffer): Buffer;
  /** A stream on zlib's threads, which gives back all that it got after each write. */
  createStream(): Transform;
}

export function createCoding({ name, level, minLength, types }: CodingSettings): Coding {
  return { name, minLength, types: new Set(types), ...MAKERS[name](level) };
}

type Maker = (level: number) => Pick<Coding, 'atOnceBytes' | 'streamBytes' | 'compress' | 'createStream'>;

const MAKERS: Record<CodingName, Maker> = {
  gzip(level) {
    const stream = { level, flush: constants.Z_SYNC_FLUSH, writableHighWaterMark: WAITING_BYTES };
    return {
      atOnceBytes: level <= 6 ? HELD_BYTES : HELD_BYTES / 4,
      streamBytes: 327_680,
      compress: (body) => gzipSync(body, { level }),
      createStream: () => createGzip(stream),
    };
  },
  br(level) {
    const params = { [constants.BROTLI_PARAM_QUALITY]: level, [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS };
    const stream = { params, flush: constants.BROTLI_OPERATION_FLUSH, writableHighWaterMark: WAITING_BYTES };
    return {
      atOnceBytes: level <= 4 ? HELD_BYTES : level <= 9 ? HELD_BYTES / 8 : 0,
      streamBytes: level <= 4 ? 2_097_152 : 8_388_608,
      compress: (body) => brotliCompressSync(body, { params }),
      createStream: () => createBrotliCompress(stream),
    };
  },
  zstd(level) {
    const params = {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_windowLog]: WINDOW_BITS,
    };
    const stream = { params, flush: constants.ZSTD_e_flush, writableHighWaterMark: WAITING_BYTES };
    return {
      atOnceBytes: level <= 6 ? HELD_BYTES : level <= 12 ? HELD_BYTES / 8 : 0,
      streamBytes: level <= 6 ? 2_097_152 : 8_388_608,
      compress: (body) => zstdCompressSync(body, { params }),
      createStream: () => createZstdCompress(stream),
    };
  },
};

import type { ResponseEditor } from '../../features/kit/filter.ts';
import { createMapTest } from '../../lib/map-patterns.ts';
import type { CodingName, CompressionSettings } from '../../table/compression.ts';
import { CodingChoice } from '../message/accept-encoding.ts';
import type { HeaderBlock } from '../message/heads.ts';
import { HEADER } from '../message/known-headers.ts';
import { type Coding, createCoding } from './coding.ts';
import type { CompressorRoom } from './compressor-room.ts';

/** What compression looks at of a request. */
export interface CodingRequest {
  readonly requestLine: string;
  header(lowerName: string): string | undefined;
}

const NO_TRANSFORM = /(?:^|[\s,])no-transform(?:$|[\s,;])/i;

/** Which responses are compressed how (docs/reference/settings.md §2.9). */
export class Compression {
  readonly #codings: readonly Coding[];
  readonly #gzipBit: number;
  readonly #isWithoutGzip: ((agent: string) => boolean) | undefined;
  /** By the codings that there are to choose from, each a bit. */
  readonly #choices: CodingChoice<CodingName>[] = [];
  /** The type of the last response that was asked about, as responses in a row are often alike. */
  #lastType: string | undefined = undefined;
  #isLastTypeTaken = false;

  /** Undefined: nothing is compressed. */
  static of({ codings, agentsWithoutGzip }: CompressionSettings): Compression | undefined {
    if (codings.length === 0) return undefined;
    return new Compression(codings.map(createCoding), agentsWithoutGzip);
  }

  private constructor(codings: readonly Coding[], agentsWithoutGzip: string | undefined) {
    this.#codings = codings;
    const gzip = codings.findIndex(({ name }) => name === 'gzip');
    this.#gzipBit = gzip < 0 ? 0 : 1 << gzip;
    this.#isWithoutGzip = agentsWithoutGzip === undefined ? undefined : createMapTest([agentsWithoutGzip]);
    for (let bits = 0; bits < 2 ** codings.length; bits++) {
      const names = codings.filter((_, i) => (bits & (1 << i)) !== 0).map(({ name }) => name);
      this.#choices.push(new CodingChoice(names));
    }
  }

  /** Whether it has anything to say of a response, by what the upstream sent. */
  concerns(status: number, headers: HeaderBlock): boolean {
    return isStatusMeant(status) && this.#takesType(headers.byId(HEADER['content-type']));
  }

  /**
   * Makes the head that of the coding that its body is to have; undefined: the body is sent as it is. `contentLength` is the upstream's, or
   * -1. Without room for another stream only what is short is compressed.
   */
  choose(
    response: ResponseEditor,
    request: CodingRequest,
    contentLength: number,
    room: CompressorRoom,
  ): Coding | undefined {
    if (!isStatusMeant(response.status)) return undefined;
    const type = response.get('content-type');
    if (!this.#takesType(type)) return undefined;
    const encoding = response.get('content-encoding');
    if (encoding !== undefined && encoding !== '') return undefined;
    if (NO_TRANSFORM.test(response.get('cache-control') ?? '')) return undefined;
    let bits = this.#bitsOf(type!, contentLength);
    if (bits === 0) return undefined;
    response.append('Vary', 'Accept-Encoding');
    const accepted = request.header('accept-encoding');
    if (accepted === undefined || request.requestLine.endsWith(' HTTP/1.0')) return undefined;
    if (this.#isWithoutGzip !== undefined && this.#isAgentWithoutGzip(request)) bits &= ~this.#gzipBit;
    const name = this.#choices[bits]!.of(accepted);
    const coding = this.#codings.find((each) => each.name === name);
    if (coding === undefined) return undefined;
    if (room.isFull && (contentLength < 0 || contentLength > coding.atOnceBytes)) return undefined;
    response.set('Content-Encoding', coding.name);
    response.remove('accept-ranges');
    weaken(response);
    return coding;
  }

  #takesType(type: string | undefined): boolean {
    if (type === undefined) return false;
    if (type === this.#lastType) return this.#isLastTypeTaken;
    const essence = essenceOf(type);
    this.#lastType = type;
    this.#isLastTypeTaken = this.#codings.some((coding) => takes(coding, essence));
    return this.#isLastTypeTaken;
  }

  #bitsOf(type: string, contentLength: number): number {
    const essence = essenceOf(type);
    let bits = 0;
    for (let i = 0; i < this.#codings.length; i++) {
      const coding = this.#codings[i]!;
      const isLongEnough = contentLength < 0 || contentLength >= coding.minLength;
      if (isLongEnough && takes(coding, essence)) bits |= 1 << i;
    }
    return bits;
  }

  /** Of a client that takes too long to tell it is not known. */
  #isAgentWithoutGzip(request: CodingRequest): boolean {
    try {
      return this.#isWithoutGzip!(request.header('user-agent') ?? '');
    } catch {
      return true;
    }
  }
}

/** As in nginx: what else there is has no body of its own, or not all of it. */
function isStatusMeant(status: number): boolean {
  return status === 200 || status === 403 || status === 404;
}

function essenceOf(type: string): string {
  const end = type.indexOf(';');
  return (end < 0 ? type : type.slice(0, end)).trim().toLowerCase();
}

/** Messages of gRPC have a compression of their own, and trailers behind them. */
function takes({ types }: Coding, essence: string): boolean {
  if (essence === 'text/html' || types.has(essence)) return true;
  return types.has('*') && !essence.startsWith('application/grpc');
}

/** Another body than the one the tag was given for; what is no tag goes. */
function weaken(response: ResponseEditor): void {
  const tag = response.get('etag');
  if (tag === undefined || tag.startsWith('W/')) return;
  if (tag.startsWith('"')) response.set('ETag', `W/${tag}`);
  else response.remove('etag');
}

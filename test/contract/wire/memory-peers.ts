import type { Channel, ChannelEnd, MemoryHead } from './memory-channel.ts';
import { type BodyLength, type Fields, PeerHead, PeerStream, ServerStream } from './peers.ts';

export function memoryHead(
  start: readonly string[],
  fields: Fields,
  body: BodyLength,
  upgrade: string | undefined = undefined,
): MemoryHead {
  const contentLength = typeof body === 'number' ? body : -1;
  return {
    head: new PeerHead(start, contentLength < 0 ? fields : [...fields, ['content-length', String(body)]]),
    fields,
    hasBody: body === 'stream' || contentLength > 0,
    contentLength,
    upgrade,
  };
}

/** Lets a peer's stream hear what a channel brings. */
export function endOf(stream: PeerStream): ChannelEnd {
  return {
    onHead({ head, hasBody }) {
      if (head.start[0]!.startsWith('1') && head.start[0] !== '101') {
        stream.onInterim(head);
        return;
      }
      stream.onHead(head);
      if (!hasBody && head.start[0] !== '101') stream.onEnd(undefined);
    },
    onBytes: (bytes) => stream.onBody(bytes.toString('latin1')),
    onEnd: (trailers) => stream.onEnd(trailers === undefined ? undefined : new PeerHead([], trailers)),
    onCut: () => stream.onCut(),
  };
}

/** A request as a server in memory has it. */
export class MemoryServerStream extends ServerStream {
  readonly #incoming: Channel;
  readonly #outgoing: Channel;
  #isHead = false;

  constructor(incoming: Channel, outgoing: Channel) {
    super();
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  override onHead(head: PeerHead): void {
    this.#isHead = head.start[0] === 'HEAD';
    super.onHead(head);
  }

  interim(status: number, fields: Fields): void {
    this.#outgoing.head(memoryHead([String(status)], fields, 'none'));
  }

  answer(status: number, fields: Fields, body: BodyLength): void {
    const head = memoryHead([String(status)], fields, body);
    const hasBody = head.hasBody && !this.#isHead && status !== 204 && status !== 304;
    this.#outgoing.head({ ...head, hasBody });
    this.isAnswered = !hasBody;
  }

  grant(protocol: string): void {
    this.isEnded = false;
    this.#outgoing.head(memoryHead(['101'], [], 'stream', protocol));
  }

  send(text: string): void {
    this.#outgoing.write(Buffer.from(text, 'latin1'));
  }

  end(trailers?: Fields): void {
    if (this.isAnswered) return;
    this.isAnswered = true;
    this.#outgoing.end(trailers);
  }

  reset(): void {
    this.#incoming.close();
    this.#outgoing.cut();
  }

  pause(): void {
    this.#incoming.pause();
  }

  resume(): void {
    this.#incoming.resume();
  }
}

/** A request as a client in memory has it. */
export class MemoryClientStream extends PeerStream {
  readonly #outgoing: Channel;
  readonly #incoming: Channel;
  readonly #hasBody: boolean;

  constructor(outgoing: Channel, incoming: Channel, hasBody: boolean) {
    super();
    this.#outgoing = outgoing;
    this.#incoming = incoming;
    this.#hasBody = hasBody;
  }

  send(text: string): void {
    this.#outgoing.write(Buffer.from(text, 'latin1'));
  }

  end(trailers?: Fields): void {
    if (this.#hasBody || this.head?.start[0] === '101') this.#outgoing.end(trailers);
  }

  reset(): void {
    this.#incoming.close();
    this.#outgoing.cut();
  }

  pause(): void {
    this.#incoming.pause();
  }

  resume(): void {
    this.#incoming.resume();
  }
}

import type { ServeContext } from '../../../src/proxy/exchange/context.ts';
import type { UpstreamWires } from '../../../src/proxy/upstream/pooled-connection.ts';
import type { WireKey } from '../../../src/proxy/upstream/wire-key.ts';

export type Fields = readonly (readonly [name: string, value: string])[];

/** How long a body is; `stream`: until it ends. */
export type BodyLength = 'none' | 'stream' | number;

/** A head as a peer read it; names in lower case. */
export class PeerHead {
  /** Method and target, or the status. */
  readonly start: readonly string[];
  readonly #fields: Fields;

  constructor(start: readonly string[], fields: Fields) {
    this.start = start;
    this.#fields = fields.map(([name, value]) => [name.toLowerCase(), value]);
  }

  field(lowerName: string): string | undefined {
    return this.#fields.find(([name]) => name === lowerName)?.[1];
  }
}

/** One request and its response, as the other side of the wire under test has them. */
export abstract class PeerStream {
  head: PeerHead | undefined = undefined;
  readonly interims: PeerHead[] = [];
  body = '';
  trailers: PeerHead | undefined = undefined;
  /** What is received is complete; of a tunnel: the other half ended. */
  isEnded = false;
  /** It ended before it was complete. */
  isCut = false;
  #waiting: (() => void)[] = [];

  /** Resolves when it holds; rejects where the stream was cut before. */
  async until(holds: (stream: this) => boolean): Promise<void> {
    while (!holds(this)) {
      if (this.isCut) throw new Error(`the stream was cut behind ${this.body.length} bytes`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async untilCut(): Promise<void> {
    while (!this.isCut) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves when nothing more comes, complete or not: the end of a tunnel says no more. */
  async untilOver(): Promise<void> {
    while (!this.isCut && !this.isEnded) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Whether nothing is left that could be cut. */
  protected get isOver(): boolean {
    return this.isEnded;
  }

  /** Sends bytes of the body, or of a tunnel. */
  abstract send(text: string): void;
  /** Ends what is sent. */
  abstract end(trailers?: Fields): void;
  /** Cuts it off. */
  abstract reset(): void;
  /** Reads no more until `resume`. */
  abstract pause(): void;
  abstract resume(): void;

  onHead(head: PeerHead): void {
    this.head = head;
    this.#wake();
  }

  onInterim(head: PeerHead): void {
    this.interims.push(head);
    this.#wake();
  }

  onBody(text: string): void {
    this.body += text;
    this.#wake();
  }

  onEnd(trailers: PeerHead | undefined): void {
    this.trailers = trailers;
    this.isEnded = true;
    this.#wake();
  }

  onCut(): void {
    if (this.isOver) return;
    this.isCut = true;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** As a server has it. */
export abstract class ServerStream extends PeerStream {
  /** Whether the answer is complete. */
  isAnswered = false;

  protected override get isOver(): boolean {
    return this.isEnded && this.isAnswered;
  }

  abstract interim(status: number, fields: Fields): void;
  abstract answer(status: number, fields: Fields, body: BodyLength): void;
  /** Takes up another protocol. */
  abstract grant(protocol: string): void;
}

export interface Asked {
  readonly method?: string;
  readonly target?: string;
  readonly fields?: Fields;
  readonly body?: BodyLength;
  readonly upgrade?: string;
}

/** A client's connection. */
export interface ClientPeer {
  ask(asked?: Asked): PeerStream;
  /** Ends what is sent on the connection. */
  endHalf(): void;
  /** Whether the other side has closed it. */
  readonly isClosed: boolean;
  destroy(): void;
}

/** A server that speaks a wire. */
export interface ServerPeer {
  readonly wires: UpstreamWires;
  readonly endpoint: { readonly address: string; readonly port: number };
  /** Connections that were made so far. */
  readonly connections: number;
  /** The next request. */
  next(): Promise<ServerStream>;
  /** Closes the connections that have no request. */
  closeIdle(): void;
  /** Takes no more connections. */
  refuse(): Promise<void>;
  close(): Promise<void>;
}

/** A wire's side towards servers. */
export interface UpstreamSubject {
  readonly name: string;
  readonly key: WireKey;
  /** Whether a connection carries several streams at once. */
  readonly isShared: boolean;
  /** Whether it takes up other protocols than HTTP. */
  readonly hasTunnels: boolean;
  open(): Promise<ServerPeer>;
}

/** A wire's side towards clients. */
export interface ClientSubject {
  readonly name: string;
  /** Whether answers come in the order of the requests. */
  readonly isInTurn: boolean;
  /** Connects a client to an engine, which accepts HTTP/1.1 on that port. */
  connect(context: ServeContext, port: number): Promise<ClientPeer>;
}

/** Resolves when nothing has changed for as many turns of the event loop. */
export async function quiet(measure: () => number, turns = 200): Promise<number> {
  let last = measure();
  for (let same = 0; same < turns; same++) {
    await new Promise((resolve) => setImmediate(resolve));
    const now = measure();
    if (now !== last) same = 0;
    last = now;
  }
  return last;
}

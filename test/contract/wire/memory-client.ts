import type { ClientConnection, ServeContext } from '../../../src/proxy/exchange/context.ts';
import { ConnectionMemo } from '../../../src/proxy/exchange/connection-memo.ts';
import type { Downstream, ResponseBodyKind } from '../../../src/proxy/exchange/downstream.ts';
import { Lifecycle } from '../../../src/proxy/exchange/lifecycle.ts';
import type { ConnectionInfo } from '../../../src/proxy/message/connection-info.ts';
import type { HeadText } from '../../../src/proxy/message/head-text.ts';
import type { HeaderBlock, RequestHead } from '../../../src/proxy/message/heads.ts';
import { Channel, type ChannelEnd, type MemoryHead } from './memory-channel.ts';
import { blockOf, fieldsOf, trailersOf } from './memory-heads.ts';
import { endOf, memoryHead, MemoryClientStream } from './memory-peers.ts';
import type { Asked, ClientPeer, PeerStream } from './peers.ts';

const INFO: ConnectionInfo = {
  serial: 1,
  listener: 'http',
  scheme: 'http',
  peerAddress: '127.0.0.1',
  peerPort: 1,
  clientAddress: '127.0.0.1',
  clientPort: 1,
  localAddress: '127.0.0.1',
  localPort: 80,
  proxied: undefined,
  proxiedPort: undefined,
  serverName: undefined,
  tlsProtocol: '',
  tlsCipher: '',
};

/** One stream of a client's connection, as the proxy has it; used again for another one when its exchange is over. */
class MemoryDownstream implements Downstream, ChannelEnd {
  readonly info = INFO;
  readonly memo: ConnectionMemo;
  readonly #connection: MemoryClientConnection;
  #lifecycle: Lifecycle | undefined = undefined;
  #incoming: Channel | undefined = undefined;
  #outgoing: Channel | undefined = undefined;
  /** What was written and not sent. */
  #pending: ((outgoing: Channel) => void)[] = [];
  #isUnsent = false;
  #isBlocked = false;
  #isTunnel = false;
  #isBodyComplete = false;
  #hasBody = false;

  constructor(connection: MemoryClientConnection) {
    this.#connection = connection;
    this.memo = connection.memo;
  }

  open(incoming: Channel, outgoing: Channel): void {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#pending = [];
    this.#isBlocked = false;
    this.#isTunnel = false;
    outgoing.onDrain = () => {
      this.#isBlocked = false;
      this.#lifecycle!.onDownstreamDrain();
    };
  }

  close(): void {
    this.#incoming!.close();
    this.#outgoing!.cut();
    this.#lifecycle?.onClientGone();
  }

  onHead({ head, fields, hasBody, contentLength, upgrade }: MemoryHead): void {
    const [method, target] = head.start as [string, string];
    const request: RequestHead = {
      headers: blockOf(fields),
      method,
      target,
      requestLine: `${method} ${target} MEMORY`,
      receivedLine: '',
      hasBody,
      contentLength,
      upgrade,
      host: 'a.test',
    };
    this.#isBodyComplete = !hasBody;
    // Nothing more is read before somebody asks for the body.
    if (hasBody) this.#incoming!.pause();
    const lifecycle = (this.#lifecycle ??= new Lifecycle(this.#connection.context, this, request));
    lifecycle.begin(request, 0, this.#connection.count());
  }

  onBytes(bytes: Buffer): void {
    if (this.#isTunnel) this.#lifecycle!.onTunnelData(bytes);
    else if (this.#lifecycle!.onBodyData(bytes, 0, bytes.length)) this.#lifecycle!.onBodyRead();
  }

  onEnd(): void {
    if (this.#isTunnel) {
      this.#lifecycle!.onTunnelEnd();
      return;
    }
    this.#isBodyComplete = true;
    this.#lifecycle!.onBodyEnd();
  }

  onCut(): void {
    this.#incoming!.close();
    this.#lifecycle?.onClientGone();
    this.#connection.forget(this);
  }

  readBody(): void {
    this.#incoming!.resume();
  }

  pauseReading(): void {
    this.#incoming!.pause();
  }

  resumeReading(): void {
    this.#incoming!.resume();
  }

  writeInterim(status: number, _reason: string, lines: HeadText): void {
    this.#outgoing!.head(memoryHead([String(status)], fieldsOf(lines), 'none'));
  }

  writeHead(
    status: number,
    _reason: string,
    lines: HeadText,
    trailingLines: HeadText,
    kind: ResponseBodyKind,
    contentLength: number,
  ): void {
    const fields = fieldsOf(lines, trailingLines);
    const head = memoryHead([String(status)], fields, contentLength < 0 ? 'none' : contentLength);
    this.#hasBody = kind !== 'none';
    this.#isUnsent = true;
    this.#pending.push((outgoing) => outgoing.head({ ...head, hasBody: kind !== 'none' }));
  }

  writeBody(buffer: Buffer, start: number, end: number): void {
    const bytes = Buffer.from(buffer.subarray(start, end));
    this.#lifecycle!.exchange.accounting.bytesSent += bytes.length;
    this.#pending.push((outgoing) => {
      if (!outgoing.write(bytes)) this.#isBlocked = true;
    });
  }

  writeText(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.writeBody(bytes, 0, bytes.length);
  }

  flush(): boolean {
    if (this.#pending.length > 0) this.#isUnsent = false;
    for (const send of this.#pending.splice(0)) send(this.#outgoing!);
    return !this.#isBlocked;
  }

  endResponse(trailers: HeaderBlock | undefined): void {
    if (this.#hasBody) this.#pending.push((outgoing) => outgoing.end(trailersOf(trailers)));
    this.flush();
  }

  retract(): boolean {
    if (!this.#isUnsent) return false;
    this.#pending = [];
    this.#lifecycle!.exchange.accounting.bytesSent = 0;
    return true;
  }

  abort(): void {
    this.#incoming!.close();
    this.#outgoing!.cut();
    this.#connection.forget(this);
  }

  closeAfterResponse(): void {}

  endExchange(): void {
    // Who asked need not send the rest.
    if (!this.#isBodyComplete) this.#incoming!.close();
    this.#connection.forget(this);
  }

  beginTunnel(_reason: string, upgrade: string, lines: HeadText): void {
    this.#isTunnel = true;
    this.#outgoing!.head(memoryHead(['101'], fieldsOf(lines), 'stream', upgrade));
    this.#incoming!.resume();
  }

  writeTunnel(buffer: Buffer, start: number, end: number): boolean {
    return this.#outgoing!.write(buffer.subarray(start, end));
  }

  endTunnel(): void {
    this.#outgoing!.end();
  }
}

/** A client's connection in memory, both ends of it: many exchanges at once, of which each is used again. */
class MemoryClientConnection implements ClientConnection, ClientPeer {
  readonly context: ServeContext;
  readonly memo: ConnectionMemo = new ConnectionMemo();
  isClosed = false;
  #requestCount = 0;
  #isHalf = false;
  readonly #free: MemoryDownstream[] = [];
  readonly #busy = new Set<MemoryDownstream>();

  constructor(context: ServeContext) {
    this.context = context;
    context.connections.add(this);
  }

  count(): number {
    this.context.stats.requests++;
    return ++this.#requestCount;
  }

  ask({ method = 'GET', target = '/', fields = [], body = 'none', upgrade }: Asked = {}): PeerStream {
    const head = memoryHead([method, target], [['Host', 'a.test'], ...fields], body, upgrade);
    const downstream = this.#free.pop() ?? new MemoryDownstream(this);
    this.#busy.add(downstream);
    const incoming = new Channel(() => downstream);
    let end: ChannelEnd | undefined;
    const outgoing = new Channel(() => (end ??= endOf(stream)));
    const stream = new MemoryClientStream(incoming, outgoing, head.hasBody);
    downstream.open(incoming, outgoing);
    incoming.head(head);
    return stream;
  }

  endHalf(): void {
    this.#isHalf = true;
    this.#closeIfDone();
  }

  startDraining(): void {
    this.#closeIfDone();
  }

  destroy(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.context.connections.delete(this);
    for (const downstream of this.#busy) downstream.close();
  }

  forget(downstream: MemoryDownstream): void {
    if (!this.#busy.delete(downstream)) return;
    this.#free.push(downstream);
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.#busy.size === 0 && (this.#isHalf || this.context.isDraining)) this.destroy();
  }
}

export async function connectMemory(context: ServeContext): Promise<ClientPeer> {
  return new MemoryClientConnection(context);
}

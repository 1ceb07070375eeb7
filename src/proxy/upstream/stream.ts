import type { HeadText, TargetText } from '../message/head-text.ts';
import type { HeaderBlock, ResponseHead } from '../message/heads.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';

/** The head of a request to a server, whatever wire carries it. Read while it is sent, not later. */
export interface UpstreamRequest {
  readonly method: string;
  readonly target: TargetText;
  /** The client's request line where `target` is the one in it; else empty. */
  readonly receivedLine: string;
  /** All header lines, Host among them, without those that frame the body and those between two hops. */
  readonly lines: HeadText;
  readonly hasBody: boolean;
  /** Declared length; -1: none is. A body without one lasts until it ends. */
  readonly contentLength: number;
  /** Protocol asked for in place of HTTP; undefined: none. */
  readonly upgrade: string | undefined;
  /** Whether the client says that it takes trailers, where that is to be passed on. */
  readonly areTrailersTaken: boolean;
  /** What Connection has to say, on wires that have it; undefined: what they see fit. */
  readonly connectionHeader: 'close' | 'keep-alive' | undefined;
  readonly maxResponseHeadBytes: number;
  /** Longest gap between two reads, counted while the server has to say something. */
  readonly readTimeoutMs: number;
  /** Longest time the server may take nothing of what is sent. */
  readonly sendTimeoutMs: number;
}

/** One request to a server and its response. Calls of it never call its handler before they return. */
export interface UpstreamStream {
  /** Whether a request can be sent now; else `onUpstreamReady` says when. */
  readonly isReady: boolean;
  /** When the server last sent something. */
  readonly readAtMs: number;
  /** Of a stream that failed: whether it did so as on a connection that had been kept, and was gone meanwhile. That says nothing of the server. */
  readonly isStale: boolean;
  /** Whether nothing of what it was given to send is in use any more; not there: that cannot be said. */
  readonly isFlushed?: boolean;
  /** Takes the head. It leaves with what `send` brings first, in one write. */
  sendHead(request: UpstreamRequest): void;
  /**
   * Sends bytes of the body, which stay as they are from then on; there may be none. False: `onUpstreamDrain` says when more may come.
   * With `isLast` nothing follows, and the server's silence begins to count.
   */
  send(parts: readonly Buffer[], bytes: number, isLast: boolean): boolean;
  /** Stops reading until `resume`; meanwhile nothing times out here. */
  pause(): void;
  resume(): void;
  /** Sends bytes of a tunnel, which stay as they are; false: `onUpstreamDrain` says when more may come. */
  sendTunnel(bytes: Buffer): boolean;
  /** Ends our half of a tunnel. */
  endTunnel(): void;
  /** Lets go of it, complete or not; its handler hears nothing more. */
  reset(): void;
}

/** Who a response is read for. Everything is called synchronously, and nothing after `onResponseEnd`, `onUpstreamFailed` or a reset. */
export interface UpstreamHandler {
  /** The head can be sent: the stream had to wait for its connection. */
  onUpstreamReady(): void;
  /** A head before the final one; valid during the call only. */
  onInterimHead(head: ResponseHead): void;
  /** The final head; valid until the end of the response. */
  onResponseHead(head: ResponseHead): void;
  /** The server grants the upgrade that was asked for: from now on bytes go both ways until both sides have ended. */
  onTunnel(head: ResponseHead): void;
  /** Bytes are valid during the call only. */
  onResponseBody(buffer: Buffer, start: number, end: number): void;
  /** The response is complete, and the stream gone. */
  onResponseEnd(trailers: HeaderBlock | undefined, endedAtMs: number): void;
  /** All of one read was handed over. */
  onReadDone(): void;
  /** The response will not be complete; the stream is gone. `isUntouched`: the server cannot have seen anything of the request. */
  onUpstreamFailed(code: ProxyErrorCode, isUntouched: boolean): void;
  /** What was sent has been taken. */
  onUpstreamDrain(): void;
  onTunnelData(buffer: Buffer, start: number, end: number): void;
  /** The server ended its half of the tunnel. */
  onTunnelEnd(): void;
}

/** Streams to one endpoint by one wire. */
export interface UpstreamPool {
  /** A stream for one request. `isFreshNeeded`: not on a connection that rested, and may be gone. */
  acquire(handler: UpstreamHandler, isFreshNeeded: boolean, connectTimeoutMs: number): UpstreamStream;
  /** Takes no more requests, and closes what is not in use. */
  destroy(): void;
}

/** Sees a request body as it comes, whatever becomes of it. It may end without `onBodyEnd`: `RequestView.watch` tells. */
export interface BodyTap {
  /** Bytes, valid during the call only. */
  onBodyData(buffer: Buffer, start: number, end: number): void;
  /** All of it has come. */
  onBodyEnd(): void;
}

/** Changes a response body on its way to the client. It sends nothing before it was given something, or told of the end. */
export interface BodyStage {
  /** Takes bytes, valid during the call only. False: it wants no more until it calls `ready`. */
  write(buffer: Buffer, start: number, end: number): boolean;
  /** All that came at once was written, and what follows may take its time. False: it wants no more until it calls `ready`. */
  flush?(): boolean;
  /** Nothing follows; it calls `end` when it has sent all. */
  end(): void;
  /** The client takes more. */
  drain(): void;
  /** The exchange is over: it is to let go of what it holds. */
  close(): void;
}

/** Where a stage sends to; once the exchange is over nothing happens any more. */
export interface BodyOut {
  /** Sends bytes, which stay as they are. False: `drain` says when the client takes more. */
  write(bytes: Buffer): boolean;
  /** It takes more after a `write` of its own was false. */
  ready(): void;
  /** Nothing follows but these bytes, which stay as they are. */
  end(last?: Buffer): void;
  /** It cannot go on: the response is cut off. */
  fail(fault: unknown): void;
}

import type { FieldList } from './field-list.ts';
import { DEFAULT_URGENCY } from './priority.ts';

/** Who a stream is read for. Nothing is called after `release`. */
export interface StreamHandler {
  /** The head is in `stream.fields`; valid until the stream is released. */
  onHead(stream: Stream): void;
  /** A head before the final one, in `fields`, which are valid during the call. */
  onInterimHead(stream: Stream, fields: FieldList): void;
  /** Body bytes, valid during the call. */
  onData(stream: Stream, buffer: Buffer, start: number, end: number): void;
  /** All of one read was handed over, and more will follow. */
  onRead(stream: Stream): void;
  /** The message is complete; trailers are valid during the call. */
  onEnd(stream: Stream, trailers: FieldList | undefined): void;
  /** Everything that was written has left the stream. */
  onDrain(stream: Stream): void;
  /** The stream is over before its time. `isUntouched`: the other side has not done anything with it. */
  onReset(stream: Stream, code: number, isUntouched: boolean): void;
  /** The other side takes too long, with what it sends or with what it should take. */
  onLate(stream: Stream): void;
}

/** What a stream asks of its session. */
export interface StreamHome {
  now(): number;
  sendBytes(stream: Stream, buffer: Buffer, start: number, end: number): void;
  endStream(stream: Stream): void;
  resetStream(stream: Stream, code: number): void;
  resumeStream(stream: Stream): void;
  releaseStream(stream: Stream): void;
}

/** The home of a stream that no session has: nothing of one is kept alive by it. */
const NOWHERE: StreamHome = {
  now: () => 0,
  sendBytes() {},
  endStream() {},
  resetStream() {},
  resumeStream() {},
  releaseStream() {},
};

/** One stream, reused for another one once it is over and its handler has let go of it. */
export class Stream {
  home: StreamHome;
  fields: FieldList;
  handler: StreamHandler | undefined = undefined;
  id = 0;
  /** Whether the session knows it: it is open, or half closed. */
  isActive = false;
  isReleased = true;

  /** Whether the other side has ended it. */
  isRemoteEnded = false;
  /** Whether what it sends is handed over as it comes. */
  isReading = false;
  /** Whether the end was handed over. */
  isEndTold = false;
  /** Octets it may send before it is given more. */
  receiveWindow = 0;
  /** What the window is kept at. */
  windowTarget = 0;
  /** Octets that were used and not given back yet. */
  credit = 0;
  received = 0;
  /** Content-Length; -1: none. */
  expected = -1;
  /** A request's: octets of the block that its head came in. */
  headBytes = 0;
  /** Whether both halves are those of a tunnel: one does not end with the other. */
  isTunnel = false;
  /** A client's: status of the response, and the length that its head says. */
  status = 0;
  declared = -1;
  isHeadRead = false;
  /** A response that has no body, whatever its head says. */
  isBodiless = false;
  /** Set when we end it for what the other side has sent on it. */
  isFaulty = false;
  /** Set when that was a head, or trailers, of more than is taken. */
  isTooLarge = false;
  /** Set while it waits to be told that one read is over. */
  isTouched = false;
  /** Set while it waits to be handed what was held. */
  isResumeDue = false;
  /** What came while nobody read. */
  readonly held: Buffer[] = [];
  heldBytes = 0;
  /** Trailers that came while nobody read. */
  heldTrailers: FieldList | undefined = undefined;
  /** Since when it is read, without the time in which it was not; 0: it never was. */
  readSinceMs = 0;
  lastReadMs = 0;
  pausedAtMs = 0;

  /** Whether the end was written to the output. */
  isLocalEnded = false;
  isHeadSent = false;
  sendWindow = 0;
  readonly queue: Buffer[] = [];
  /** Where the bytes of each of the queue end. */
  readonly queueEnds: number[] = [];
  /** Offset in the first of the queue. */
  queueStart = 0;
  queuedBytes = 0;
  isEndQueued = false;
  /** Trailer lines that end it; empty: none. */
  trailerLines = '';
  /** Whether the handler waits for `onDrain`. */
  isDrainDue = false;
  lastSentMs = 0;
  /** Where the flags of its last frame are, for as long as the output is at that epoch. */
  flagsAt = -1;
  flagsEpoch = -1;

  urgency = DEFAULT_URGENCY;
  isIncremental = false;
  /** Place among those that wait to send. */
  isQueued = false;
  previous: Stream | undefined = undefined;
  next: Stream | undefined = undefined;

  constructor(home: StreamHome, fields: FieldList) {
    this.home = home;
    this.fields = fields;
  }

  /** Makes it the stream of that number of a session. */
  begin(home: StreamHome, id: number, receiveWindow: number, sendWindow: number): void {
    this.home = home;
    this.handler = undefined;
    this.id = id;
    this.isActive = true;
    this.isReleased = false;
    this.isRemoteEnded = false;
    this.isReading = false;
    this.isEndTold = false;
    this.receiveWindow = receiveWindow;
    this.windowTarget = receiveWindow;
    this.credit = 0;
    this.received = 0;
    this.expected = -1;
    this.headBytes = 0;
    this.isTunnel = false;
    this.status = 0;
    this.declared = -1;
    this.isHeadRead = false;
    this.isBodiless = false;
    this.isFaulty = false;
    this.isTooLarge = false;
    this.isTouched = false;
    this.isResumeDue = false;
    this.heldTrailers = undefined;
    this.readSinceMs = 0;
    this.lastReadMs = 0;
    this.pausedAtMs = 0;
    this.isLocalEnded = false;
    this.isHeadSent = false;
    this.sendWindow = sendWindow;
    this.queueStart = 0;
    this.isEndQueued = false;
    this.trailerLines = '';
    this.isDrainDue = false;
    this.lastSentMs = 0;
    this.flagsAt = -1;
    this.flagsEpoch = -1;
    this.urgency = DEFAULT_URGENCY;
    this.isIncremental = false;
  }

  /** Adds bytes of the body; they may be used again after the call. */
  write(buffer: Buffer, start: number, end: number): void {
    if (this.isActive && end > start) this.home.sendBytes(this, buffer, start, end);
  }

  /** Ends what is sent, with trailer lines or without. */
  end(trailerLines: string): void {
    if (!this.isActive || this.isEndQueued) return;
    this.trailerLines = trailerLines;
    this.home.endStream(this);
  }

  /** Whether it holds nothing that has to wait; false: `onDrain` follows. */
  askDrained(): boolean {
    if (!this.isActive || this.queuedBytes === 0) return true;
    this.isDrainDue = true;
    return false;
  }

  /** No more data until `resume`. */
  pause(): void {
    if (!this.isReading) return;
    this.isReading = false;
    this.pausedAtMs = this.home.now();
  }

  /** Data may come again, after the caller has returned. */
  resume(): void {
    if (!this.isReleased) this.home.resumeStream(this);
  }

  reset(code: number): void {
    if (this.isActive) this.home.resetStream(this, code);
  }

  /** The handler has no more use for it. */
  release(): void {
    if (this.isReleased) return;
    this.isReleased = true;
    this.home.releaseStream(this);
  }

  /** No session has it any more. */
  rest(): void {
    this.home = NOWHERE;
    this.handler = undefined;
    this.fields.release();
  }

  /** Forgets what was not sent. */
  clearQueue(): void {
    while (this.queue.length > 0) this.queue.pop();
    while (this.queueEnds.length > 0) this.queueEnds.pop();
    this.queueStart = 0;
    this.queuedBytes = 0;
  }

  /** Forgets what was not handed over; answers how much that was. */
  clearHeld(): number {
    const { heldBytes } = this;
    while (this.held.length > 0) this.held.pop();
    this.heldBytes = 0;
    this.heldTrailers = undefined;
    return heldBytes;
  }
}

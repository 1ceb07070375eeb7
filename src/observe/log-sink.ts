import { closeSync, constants, fstatSync, openSync, write, writeSync } from 'node:fs';

/** Takes log lines and writes them out in batches. */
export interface LogSink {
  /** One line with its line end, bytes as latin1. Never blocks and never throws. */
  write(line: string): void;
  /** Resolves when all that was written before is out, or lost. */
  flush(): Promise<void>;
  /** Opens the file anew; nothing when it is no file. */
  reopen(): void;
  /** Lines that were lost, because the reader was too far behind or the file could not be written. */
  readonly droppedLines: number;
  close(): Promise<void>;
}

export interface LogSinkOptions {
  /** `/dev/stdout`, `/dev/stderr` or a file path. */
  readonly path: string;
  /** Told of the first failure in a row; lines are counted, not reported. */
  readonly report?: (error: unknown) => void;
  /** Told how many lines were lost. */
  readonly dropped?: (lines: number) => void;
  readonly flushBytes?: number;
  readonly flushMs?: number;
  /** Above this many bytes not written yet, lines are dropped. */
  readonly maxBehindBytes?: number;
}

const FLUSH_BYTES = 65_536;
const FLUSH_MS = 100;
const MAX_BEHIND_BYTES = 16 * 1024 * 1024;
/** PIPE_BUF: what a pipe takes in one piece, whoever else writes to it. */
const ATOMIC_BYTES = 4096;
/** Text that is worth a call. */
const TEXT_LENGTH = 4096;
const RETRY_MS = 5;

/** Creates a sink. A file that cannot be opened loses its lines until `reopen` succeeds; that is reported, not thrown. */
export function createLogSink(options: LogSinkOptions): LogSink {
  return new BatchedSink(options);
}

class BatchedSink implements LogSink {
  droppedLines = 0;
  readonly #path: string;
  readonly #report: (error: unknown) => void;
  readonly #dropped: (lines: number) => void;
  readonly #flushBytes: number;
  readonly #flushMs: number;
  readonly #maxBehindBytes: number;
  #fd = -1;
  /** A pipe that takes writes without waiting: its pieces go out at once. */
  #isNonBlocking = false;
  /** Pieces end at line ends, so that lines of several workers on one pipe never mix. */
  #isPieced = false;
  #pieces: Buffer[] = [];
  /** Being filled. */
  #piece: Buffer | undefined = undefined;
  #pieceBytes = 0;
  /** Lines that go into it in one call. No more: thousands of short strings would wait for the batch and outlive the young generation. */
  #text = '';
  /** Bytes that the kernel has not taken yet. */
  #behindBytes = 0;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isWriting = false;
  /** The pipe is full: it is tried again by the clock, not by every line. */
  #isBlocked = false;
  #isReopening = false;
  #isClosed = false;
  #hasFailed = false;
  #idle: (() => void)[] = [];

  constructor(options: LogSinkOptions) {
    this.#path = options.path;
    this.#report = options.report ?? (() => {});
    this.#dropped = options.dropped ?? (() => {});
    this.#flushBytes = options.flushBytes ?? FLUSH_BYTES;
    this.#flushMs = options.flushMs ?? FLUSH_MS;
    this.#maxBehindBytes = options.maxBehindBytes ?? MAX_BEHIND_BYTES;
    this.#open();
  }

  write(line: string): void {
    const { length } = line;
    if (this.#fd < 0 || this.#behindBytes + length > this.#maxBehindBytes) {
      this.#lose(1);
      return;
    }
    this.#behindBytes += length;
    const piece = this.#piece;
    if (piece === undefined || this.#pieceBytes + this.#text.length + length > piece.length) {
      this.#endPiece();
      this.#piece = Buffer.allocUnsafeSlow(
        // A batch of a file's goes out when it is full: the line that filled it has room as well, or there would be two to join.
        Math.max(length, this.#isPieced ? ATOMIC_BYTES : this.#flushBytes + ATOMIC_BYTES),
      );
    }
    this.#text += line;
    if (this.#text.length >= TEXT_LENGTH) this.#fillPiece();
    if (this.#behindBytes >= this.#flushBytes && !this.#isBlocked) this.#pump();
    else this.#timer ??= setTimeout(this.#onTimer, this.#flushMs).unref();
  }

  flush(): Promise<void> {
    this.#pump();
    if (this.#behindBytes === 0) return Promise.resolve();
    // A retry that someone waits for must keep the process alive.
    this.#timer?.ref();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  reopen(): void {
    if (isStandard(this.#path) || this.#isClosed) return;
    if (this.#isWriting) {
      this.#isReopening = true;
      return;
    }
    const previous = this.#fd;
    this.#open();
    if (previous >= 0 && previous !== this.#fd) closeQuietly(previous);
  }

  async close(): Promise<void> {
    await this.flush();
    this.#isClosed = true;
    if (this.#fd > 2) closeQuietly(this.#fd);
    this.#fd = -1;
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    this.#pump();
  };

  #open(): void {
    try {
      this.#fd = isStandard(this.#path)
        ? openStandard(this.#path === '/dev/stderr' ? 2 : 1)
        : openSync(
            this.#path,
            constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NONBLOCK,
            0o644,
          );
      const isFile = fstatSync(this.#fd).isFile();
      this.#isPieced = !isFile;
      this.#isNonBlocking = !isFile && this.#fd > 2;
    } catch (error) {
      this.#fd = -1;
      this.#fail(error);
    }
  }

  #pump(): void {
    this.#isBlocked = false;
    if (this.#isWriting || this.#behindBytes === 0) return;
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
    }
    this.#endPiece();
    if (this.#isNonBlocking) this.#writeNow();
    else this.#writeNext();
  }

  #fillPiece(): void {
    this.#pieceBytes += this.#piece!.write(this.#text, this.#pieceBytes, 'latin1');
    this.#text = '';
  }

  #endPiece(): void {
    if (this.#text !== '') this.#fillPiece();
    if (this.#piece !== undefined && this.#pieceBytes > 0) {
      this.#pieces.push(this.#piece.subarray(0, this.#pieceBytes));
    }
    this.#piece = undefined;
    this.#pieceBytes = 0;
  }

  /** A pipe that never waits: as many pieces as it takes, each in one call. */
  #writeNow(): void {
    const pieces = this.#pieces;
    let written = 0;
    try {
      for (; written < pieces.length; written++) {
        const bytes = pieces[written]!;
        const taken = writeSync(this.#fd, bytes);
        this.#settle(taken);
        this.#hasFailed = false;
        if (taken === bytes.length) continue;
        // Only a line above PIPE_BUF is ever taken in part.
        pieces[written] = bytes.subarray(taken);
        break;
      }
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN') {
        this.#drop(pieces[written]!);
        this.#fail(error);
        written++;
      }
    }
    pieces.splice(0, written);
    if (pieces.length > 0) this.#retry();
    this.#notifyIdle();
  }

  /** A file, or a pipe that may wait: one write in flight, on the thread pool. */
  #writeNext(): void {
    const pieces = this.#pieces;
    if (pieces.length === 0) return;
    // Lines of a file cannot mix: O_APPEND takes any size in one piece.
    const bytes = this.#isPieced || pieces.length === 1 ? pieces.shift()! : Buffer.concat(pieces);
    if (!this.#isPieced) pieces.length = 0;
    this.#writeBytes(bytes, 0);
  }

  #writeBytes(bytes: Buffer, offset: number): void {
    this.#isWriting = true;
    write(this.#fd, bytes, offset, bytes.length - offset, null, (error, taken) => {
      if (error === null) {
        this.#hasFailed = false;
        this.#settle(taken);
        if (offset + taken < bytes.length) return this.#writeBytes(bytes, offset + taken);
      } else if (codeOf(error) === 'EAGAIN') {
        setTimeout(() => this.#writeBytes(bytes, offset), RETRY_MS);
        return;
      } else {
        this.#drop(bytes.subarray(offset));
        this.#fail(error);
      }
      this.#isWriting = false;
      if (this.#isReopening) {
        this.#isReopening = false;
        this.reopen();
      }
      if (this.#pieces.length > 0) this.#writeNext();
      else if (this.#behindBytes >= this.#flushBytes || this.#idle.length > 0) this.#pump();
      else if (this.#behindBytes > 0) this.#timer ??= setTimeout(this.#onTimer, this.#flushMs).unref();
      this.#notifyIdle();
    });
  }

  #retry(): void {
    this.#isBlocked = true;
    this.#timer ??= setTimeout(this.#onTimer, RETRY_MS);
    if (this.#idle.length === 0) this.#timer.unref();
  }

  #settle(bytes: number): void {
    this.#behindBytes -= bytes;
  }

  #drop(bytes: Buffer): void {
    this.#settle(bytes.length);
    this.#lose(bytes.toString('latin1').split('\n').length - 1);
  }

  #lose(lines: number): void {
    this.droppedLines += lines;
    this.#dropped(lines);
  }

  #notifyIdle(): void {
    if (this.#behindBytes > 0 || this.#idle.length === 0) return;
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }

  #fail(error: unknown): void {
    if (!this.#hasFailed) this.#report(error);
    this.#hasFailed = true;
  }
}

function isStandard(path: string): boolean {
  return path === '/dev/stdout' || path === '/dev/stderr';
}

/**
 * The standard stream, opened anew when it is a pipe: not waiting is then a matter of this descriptor alone, where fd 1 itself is
 * shared with whoever else holds the pipe.
 */
function openStandard(fd: number): number {
  if (!fstatSync(fd).isFIFO()) return fd;
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return fd;
  }
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It was closed already; nothing hangs on it.
  }
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

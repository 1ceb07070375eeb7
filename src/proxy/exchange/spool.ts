import { randomBytes } from 'node:crypto';
import { close, open, read, unlink, writev } from 'node:fs';
import { join } from 'node:path';

type Done = (isDone: boolean) => void;

/** So often at most a failing disk is reported. */
const REPORT_INTERVAL_MS = 60_000;

/** Temporary files of one worker: without a name from the moment they are open, so that nothing outlives the process. */
export class Spool {
  readonly #directory: string;
  readonly #report: (fault: unknown) => void;
  readonly #now: () => number;
  readonly #prefix = `serin-body-${process.pid}-${randomBytes(6).toString('hex')}`;
  #count = 0;
  #reportedAtMs = Number.NEGATIVE_INFINITY;

  constructor(directory: string, report: (fault: unknown) => void, now: () => number) {
    this.#directory = directory;
    this.#report = report;
    this.#now = now;
  }

  /** Opens a file; `done` gets undefined where that failed. */
  open(done: (file: SpoolFile | undefined) => void): void {
    const path = join(this.#directory, `${this.#prefix}-${this.#count++}`);
    open(path, 'wx+', 0o600, (error, descriptor) => {
      if (error !== null) {
        this.failed(error);
        done(undefined);
        return;
      }
      unlink(path, (problem) => {
        const file = new SpoolFile(this, descriptor);
        if (problem === null) {
          done(file);
          return;
        }
        this.failed(problem);
        file.close();
        done(undefined);
      });
    });
  }

  /** Says what the disk refused. */
  failed(cause: Error): void {
    const nowMs = this.#now();
    if (nowMs - this.#reportedAtMs < REPORT_INTERVAL_MS) return;
    this.#reportedAtMs = nowMs;
    this.#report(new Error(`request bodies cannot be spooled to "${this.#directory}"`, { cause }));
  }
}

/** One temporary file. One call at a time; what is under way when it is closed ends first, and is told to nobody. */
export class SpoolFile {
  readonly #spool: Spool;
  readonly #descriptor: number;
  #length = 0;
  #isBusy = false;
  #isClosed = false;

  constructor(spool: Spool, descriptor: number) {
    this.#spool = spool;
    this.#descriptor = descriptor;
  }

  get length(): number {
    return this.#length;
  }

  /** Adds bytes at its end; they must stay as they are until `done`. */
  append(blocks: readonly Buffer[], done: Done): void {
    this.#isBusy = true;
    writev(this.#descriptor, blocks, this.#length, (error, written) => {
      this.#isBusy = false;
      if (error !== null) this.#spool.failed(error);
      else this.#length += written;
      if (this.#isClosed) {
        this.#close();
        return;
      }
      const rest = error === null ? behind(blocks, written) : [];
      if (rest.length > 0 && written > 0) this.append(rest, done);
      else done(error === null && rest.length === 0);
    });
  }

  /** Reads into all of the buffer from `position`, where there must be so much. */
  read(buffer: Buffer, position: number, done: Done): void {
    this.#isBusy = true;
    read(this.#descriptor, buffer, 0, buffer.length, position, (error, count) => {
      this.#isBusy = false;
      if (error !== null) this.#spool.failed(error);
      if (this.#isClosed) this.#close();
      else if (error === null && count > 0 && count < buffer.length)
        this.read(buffer.subarray(count), position + count, done);
      else done(error === null && count === buffer.length);
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (!this.#isBusy) this.#close();
  }

  #close(): void {
    close(this.#descriptor, (error) => {
      if (error != null) this.#spool.failed(error);
    });
  }
}

/** The blocks without their first bytes. */
function behind(blocks: readonly Buffer[], bytes: number): Buffer[] {
  const rest: Buffer[] = [];
  let left = bytes;
  for (const block of blocks) {
    if (left < block.length) rest.push(left === 0 ? block : block.subarray(left));
    left = Math.max(0, left - block.length);
  }
  return rest;
}

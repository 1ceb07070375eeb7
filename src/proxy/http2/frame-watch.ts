import type { FrameReader } from './frame-reader.ts';

/** Knows since when a frame other than DATA is not complete. */
export class FrameWatch {
  /** 0: none is. */
  sinceMs = 0;
  #frame = 0;

  /** To be called behind each read. */
  look({ isInFrame, frames }: FrameReader, nowMs: number): void {
    if (!isInFrame) this.sinceMs = 0;
    else if (this.sinceMs === 0 || this.#frame !== frames) {
      this.sinceMs = nowMs;
      this.#frame = frames;
    }
  }
}

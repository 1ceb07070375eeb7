import { URGENCIES } from './priority.ts';
import type { Stream } from './stream.ts';

/**
 * Streams that have something to send and may, in the order of RFC 9218 §10: the more urgent first; among equals those that are of use as
 * a whole one after the other, those that are of use piece by piece in turns.
 */
export class SendOrder {
  readonly #first: (Stream | undefined)[] = Array.from({ length: URGENCIES }, () => undefined);
  readonly #last: (Stream | undefined)[] = Array.from({ length: URGENCIES }, () => undefined);
  count = 0;

  add(stream: Stream): void {
    if (stream.isQueued) return;
    stream.isQueued = true;
    this.count++;
    let before = this.#last[stream.urgency];
    if (!stream.isIncremental) {
      // Behind those that were opened earlier, before those that take turns.
      while (before !== undefined && (before.isIncremental || before.id > stream.id)) {
        before = before.previous;
      }
    }
    this.#insert(stream, before);
  }

  remove(stream: Stream): void {
    if (!stream.isQueued) return;
    const { urgency, previous, next } = stream;
    stream.isQueued = false;
    this.count--;
    if (previous === undefined) this.#first[urgency] = next;
    else previous.next = next;
    if (next === undefined) this.#last[urgency] = previous;
    else next.previous = previous;
    stream.previous = undefined;
    stream.next = undefined;
  }

  /** Whose turn it is. */
  get first(): Stream | undefined {
    if (this.count === 0) return undefined;
    for (let urgency = 0; urgency < URGENCIES; urgency++) {
      const stream = this.#first[urgency];
      if (stream !== undefined) return stream;
    }
    return undefined;
  }

  /** It had its turn. */
  took(stream: Stream): void {
    if (!stream.isIncremental || stream.next === undefined) return;
    this.remove(stream);
    this.add(stream);
  }

  /** Gives it another place. */
  reprioritise(stream: Stream, urgency: number, isIncremental: boolean): void {
    const isQueued = stream.isQueued;
    this.remove(stream);
    stream.urgency = urgency;
    stream.isIncremental = isIncremental;
    if (isQueued) this.add(stream);
  }

  #insert(stream: Stream, before: Stream | undefined): void {
    const { urgency } = stream;
    const next = before === undefined ? this.#first[urgency] : before.next;
    stream.previous = before;
    stream.next = next;
    if (before === undefined) this.#first[urgency] = stream;
    else before.next = stream;
    if (next === undefined) this.#last[urgency] = stream;
    else next.previous = stream;
  }
}

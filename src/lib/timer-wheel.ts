/** Told when its timer is due. */
export interface TimerOwner {
  onTimer(): void;
}

const NEVER = -1;

/** One per connection; which wait it stands for is its owner's knowledge. Armed and disarmed by `Timers` only. */
export class Timer {
  readonly owner: TimerOwner;
  /** Tick it is due at; NEVER while disarmed. */
  dueTick = NEVER;
  /** Tick whose slot it is linked in; NEVER while unlinked. */
  linkedTick = NEVER;
  previous: Timer | undefined = undefined;
  next: Timer | undefined = undefined;

  constructor(owner: TimerOwner) {
    this.owner = owner;
  }
}

/** Slots of the wheel; a longer wait goes round more than once. A power of two. */
const SLOTS = 1024;
/** After a stall of the event loop, waits get longer rather than all come due before their input is read. */
const MAX_TICKS_AT_ONCE = 2;

export interface TimersOptions {
  /** Granularity; a timer fires up to two ticks late, never early. Default 50. */
  readonly tickMs?: number;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}

/**
 * Coarse timers of one worker on one wheel and one interval. Arming for later costs one store, because a timer that is found too early
 * in its slot moves on to the slot of its due tick.
 */
export class Timers {
  readonly #tickMs: number;
  readonly #now: () => number;
  readonly #slots: (Timer | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  #tick = 0;
  #linkedCount = 0;
  #interval: NodeJS.Timeout | undefined = undefined;
  #advancedAtMs = 0;

  constructor({ tickMs = 50, now = () => performance.now() }: TimersOptions = {}) {
    this.#tickMs = tickMs;
    this.#now = now;
  }

  /** Makes the timer due in that many milliseconds, whatever it was armed for before; 0 or less disarms it. */
  arm(timer: Timer, delayMs: number): void {
    if (delayMs <= 0) {
      timer.dueTick = NEVER;
      return;
    }
    const dueTick = this.#tick + Math.ceil(delayMs / this.#tickMs) + 1;
    timer.dueTick = dueTick;
    if (timer.linkedTick === NEVER) {
      this.#link(timer, dueTick);
    } else if (dueTick < timer.linkedTick) {
      this.#unlink(timer);
      this.#link(timer, dueTick);
    }
  }

  /** Keeps it from firing; it may be armed again. */
  disarm(timer: Timer): void {
    timer.dueTick = NEVER;
  }

  /** Disarms it and lets go of its owner. */
  cancel(timer: Timer): void {
    timer.dueTick = NEVER;
    if (timer.linkedTick !== NEVER) this.#unlink(timer);
  }

  /** Stops the interval; timers that are armed do not fire any more. */
  close(): void {
    clearInterval(this.#interval);
    this.#interval = undefined;
  }

  /** Moves on by that many ticks and fires what is due. The interval calls it; tests may. */
  advance(ticks: number): void {
    for (let i = 0; i < ticks; i++) {
      this.#tick++;
      this.#fire(this.#tick);
    }
    if (this.#linkedCount === 0) this.close();
  }

  #fire(tick: number): void {
    const slot = tick & (SLOTS - 1);
    let timer = this.#slots[slot];
    this.#slots[slot] = undefined;
    // The slot is emptied first: owners may arm, disarm and cancel any timer while those due are told.
    const due: Timer[] = [];
    while (timer !== undefined) {
      const { next } = timer;
      timer.previous = undefined;
      timer.next = undefined;
      timer.linkedTick = NEVER;
      this.#linkedCount--;
      if (timer.dueTick > tick) this.#link(timer, timer.dueTick);
      else if (timer.dueTick !== NEVER) due.push(timer);
      timer = next;
    }
    for (const timer of due) {
      if (timer.dueTick === NEVER || timer.dueTick > tick) continue;
      timer.dueTick = NEVER;
      timer.owner.onTimer();
    }
  }

  #link(timer: Timer, dueTick: number): void {
    const distance = dueTick - this.#tick;
    const linkedTick = distance < SLOTS ? dueTick : this.#tick + SLOTS - 1;
    const slot = linkedTick & (SLOTS - 1);
    const first = this.#slots[slot];
    timer.linkedTick = linkedTick;
    timer.previous = undefined;
    timer.next = first;
    if (first !== undefined) first.previous = timer;
    this.#slots[slot] = timer;
    this.#linkedCount++;
    if (this.#interval === undefined) this.#start();
  }

  #unlink(timer: Timer): void {
    const { previous, next } = timer;
    if (previous === undefined) this.#slots[timer.linkedTick & (SLOTS - 1)] = next;
    else previous.next = next;
    if (next !== undefined) next.previous = previous;
    timer.previous = undefined;
    timer.next = undefined;
    timer.linkedTick = NEVER;
    this.#linkedCount--;
  }

  #start(): void {
    this.#advancedAtMs = this.#now();
    this.#interval = setInterval(() => {
      const ticks = Math.floor((this.#now() - this.#advancedAtMs) / this.#tickMs);
      if (ticks <= 0) return;
      const taken = Math.min(ticks, MAX_TICKS_AT_ONCE);
      this.#advancedAtMs = ticks > taken ? this.#now() : this.#advancedAtMs + taken * this.#tickMs;
      this.advance(taken);
    }, this.#tickMs);
    this.#interval.unref();
  }
}

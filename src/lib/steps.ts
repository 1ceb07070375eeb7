/** Work in steps: at each `yield` somebody else may come in between. */
export type Steps<T> = Generator<void, T, void>;

/** Objects that are worked on between two pauses. */
export const OBJECTS_PER_STEP = 16;

/** Counts what is worked on, and says when a pause is due: by number, so that few objects are never interrupted. */
export class Pace {
  #count = 0;

  /** Call it for each object. */
  isDue(): boolean {
    if (++this.#count < OBJECTS_PER_STEP) return false;
    this.#count = 0;
    return true;
  }
}

/** Takes all steps at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

export interface Turns {
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** How long steps are taken before the event loop has its turn. */
  readonly sliceMs: number;
  /** Resolves when all that waited has had its turn. */
  readonly nextTurn: () => Promise<unknown>;
}

/** Takes the steps in turns of the event loop. What is done within one slice is done at once. */
export async function inTurns<T>(steps: Steps<T>, { nowMs, sliceMs, nextTurn }: Turns): Promise<T> {
  let endsMs = nowMs() + sliceMs;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (nowMs() < endsMs) continue;
    await nextTurn();
    endsMs = nowMs() + sliceMs;
  }
}

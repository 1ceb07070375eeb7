export interface SlicesDeps {
  readonly sliceMs: number;
  readonly nowMs: () => number;
  /** Does nothing for so long. */
  readonly rest: (ms: number) => void;
}

/** Work in slices, and behind each as long a rest: in a core that is taken from it too late, it stands in nobody's way for longer. */
export interface Slices {
  /** Work begins anew. */
  begin(): void;
  /** To be called all the time: rests where a slice is over. */
  pause(): void;
  /** Work is done: rests for what the last slice took. */
  end(): void;
}

export function createSlices({ sliceMs, nowMs, rest }: SlicesDeps): Slices {
  let beganMs = nowMs();
  function restFrom(endMs: number): void {
    rest(endMs - beganMs);
    beganMs = nowMs();
  }
  return {
    begin() {
      beganMs = nowMs();
    },
    pause() {
      const now = nowMs();
      if (now - beganMs >= sliceMs) restFrom(now);
    },
    end: () => restFrom(nowMs()),
  };
}

/** Runs what it is given, some at once and the others in their order, in later turns of the event loop. */
export interface AtOnce {
  /** `run` never rejects. */
  add(run: () => Promise<void>): void;
  /** Forgets what was not begun. */
  clear(): void;
}

export function createAtOnce(most: number): AtOnce {
  const waiting: (() => Promise<void>)[] = [];
  let underWay = 0;

  function pump(): void {
    while (underWay < most) {
      const next = waiting.shift();
      if (next === undefined) return;
      underWay++;
      void next().then(() => setImmediate(finish));
    }
  }

  function finish(): void {
    underWay--;
    pump();
  }

  return {
    add(run) {
      waiting.push(run);
      pump();
    },
    clear() {
      waiting.length = 0;
    },
  };
}

/** One kind of fuzzing: runs until `isOver` says so or something is found. The same seed gives the same cases. */
export type FuzzMode = (seed: number, isOver: (cases: number) => boolean) => Promise<FuzzOutcome>;

export interface FuzzOutcome {
  readonly cases: number;
  /** One line of what was done. */
  readonly summary: string;
  /** The case that failed, as text; undefined: none did. */
  readonly found: string | undefined;
}

import type { FairTurns } from '../../lib/fair-turns.ts';
import type { HeadLimits } from '../message/head-parser.ts';
import type { SecretNames } from './field-list.ts';
import type { FloodKind, FloodLimits } from './flood-guard.ts';
import type { KnownLines } from './known-lines.ts';
import type { ByteSink } from './output.ts';
import type { ReceiveWindows } from './receive-side.ts';
import type { Stream } from './stream.ts';
import type { WireShared } from './wire-shared.ts';

/** The connection below a session. */
export interface SessionSink extends ByteSink {
  /** Nothing more will be written. */
  end(): void;
  /** Whether bytes are to be read. */
  setReading(isReading: boolean): void;
}

export interface SessionOptions {
  readonly sink: SessionSink;
  readonly shared: WireShared;
  /** Milliseconds; asked once for what one read brings. */
  readonly now: () => number;
  /** What heads are held to, now. */
  limits(): HeadLimits;
  /** The session ends with an error of the other side's, or because it did too much of `flood`. */
  onError?(code: number, flood: FloodKind | undefined): void;
  /** A stream takes too long. */
  onLate?(kind: FloodKind): void;
}

/** What distinguishes the two sides. */
export interface SessionSide {
  /** What goes out before everything else. */
  readonly preface?: Buffer;
  readonly settings: readonly (readonly [id: number, value: number])[];
  readonly windows: ReceiveWindows;
  readonly floods: FloodLimits;
  readonly turns: FairTurns;
  readonly rememberedResets: number;
  readonly encodedLines: KnownLines;
  readonly secrets: SecretNames;
  readonly spareStreams: Stream[];
}

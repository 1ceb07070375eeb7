import type { References } from './pipeline.ts';
import type { StoreImpact } from './store/object-store.ts';

/** Told of every change that left the store different; `serviceKey` says whose endpoints, where only endpoints did. */
export type OnStoreChange = (impact: StoreImpact, serviceKey?: string) => void;

/** Where objects come from: the API server or manifest files. Fills the store, and follows what changes. */
export interface ObjectSource {
  start(): void;
  /** Resolves when everything there is has reached the store once. */
  readonly synced: Promise<void>;
  /** Makes sure that the objects named are in the store, where they exist; resolves in bounded time. */
  watchReferences(references: References): Promise<void>;
  stop(): Promise<void>;
}

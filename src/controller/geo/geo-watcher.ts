import { join } from 'node:path';
import type { GeoFile } from '../store/geo-file.ts';
import { geoFilesOnDisk, type GeoFileMark, type GeoFiles } from './read-geo-file.ts';

export interface GeoWatcherDeps {
  /** Folder of the files, each named for its edition. */
  readonly directory: string;
  /** Something else is known of an edition; undefined: it is not followed any more. */
  readonly changed: (edition: string, file: GeoFile | undefined) => void;
  readonly files?: GeoFiles;
  /** Calls back later; the answer cancels. */
  readonly schedule?: (callback: () => void, delayMs: number) => () => void;
}

/** Follows the files of databases of addresses. A file that cannot be used leaves what was read before. */
export interface GeoWatcher {
  /** Follows these editions and no others; resolves when each has been read once. */
  watch(editions: readonly string[]): Promise<void>;
  stop(): void;
}

interface Watched {
  file: GeoFile;
  mark: GeoFileMark | undefined;
  cancel: (() => void) | undefined;
  readonly first: Promise<void>;
}

const LOOK_EVERY_MS = 5_000;

export function createGeoWatcher(deps: GeoWatcherDeps): GeoWatcher {
  const { directory, changed, files = geoFilesOnDisk, schedule = byTimer } = deps;
  const watched = new Map<string, Watched>();
  let version = 0;

  async function look(edition: string, state: Watched): Promise<void> {
    state.cancel = undefined;
    const path = join(directory, `${edition}.mmdb`);
    if ((await files.mark(path)) !== state.mark) await take(edition, path, state);
    if (watched.get(edition) !== state) return;
    state.cancel = schedule(() => void look(edition, state), LOOK_EVERY_MS);
  }

  async function take(edition: string, path: string, state: Watched): Promise<void> {
    const read = await files.read(path);
    if (watched.get(edition) !== state) return;
    state.mark = read.mark;
    state.file = read.ok
      ? { database: { edition, version: ++version, bytes: read.bytes }, problem: '' }
      : { database: state.file.database, problem: read.problem };
    changed(edition, state.file);
  }

  function follow(edition: string): void {
    const { promise: first, resolve } = Promise.withResolvers<void>();
    const state: Watched = {
      file: { database: undefined, problem: '' },
      mark: undefined,
      cancel: undefined,
      first,
    };
    watched.set(edition, state);
    void look(edition, state).then(resolve);
  }

  return {
    async watch(editions) {
      const wanted = new Set(editions);
      for (const [edition, state] of watched) {
        if (wanted.has(edition)) continue;
        watched.delete(edition);
        state.cancel?.();
        changed(edition, undefined);
      }
      for (const edition of wanted) if (!watched.has(edition)) follow(edition);
      await Promise.all([...watched.values()].map(({ first }) => first));
    },
    stop() {
      for (const { cancel } of watched.values()) cancel?.();
      watched.clear();
    },
  };
}

function byTimer(callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs).unref();
  return () => clearTimeout(timer);
}

import { createReadStream, watch, type FSWatcher } from 'node:fs';
import type { Finding } from '../../model/finding.ts';
import type { ObjectStore, StoreImpact } from '../store/object-store.ts';
import { FirstObjects } from './first-objects.ts';
import { sourceOfFile, type Manifest } from './parse-manifest.ts';
import { readManifest } from './read-manifest.ts';
import { scanFiles, type ScannedFile } from './scan-files.ts';

export interface FileSourceDeps {
  /** Files and folders, in order. */
  readonly paths: readonly string[];
  readonly store: ObjectStore;
  /** The store is different now. */
  readonly changed: (impact: StoreImpact) => void;
  /** What is wrong with the files themselves; called when that changes. Problems inside objects come from translation. */
  readonly findingsChanged: (findings: readonly Finding[]) => void;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** How often files are looked at without any notice of a change (network and other file systems give none). */
  readonly pollMs?: number;
}

/** Fills the store from manifest files and follows them. A file that stops being YAML keeps its last good objects. */
export interface FileSource {
  start(): void;
  /** Resolves when all files have been read once. */
  readonly synced: Promise<void>;
  /** All that the files hold is in the store anyway. */
  watchReferences(): Promise<void>;
  /** What is wrong with the files now. */
  findings(): readonly Finding[];
  stop(): Promise<void>;
}

interface KnownFile {
  /** Signature of the content that counts. */
  signature: string;
  manifest: Manifest;
  /** Set while the file's present content is not YAML. */
  broken?: Finding;
}

/** A change that was seen but may not be complete: an editor or a copy still at work. */
interface Unsettled {
  readonly signature: string;
  readonly sinceMs: number;
}

const POLL_MS = 1_000;
const DEBOUNCE_MS = 15;
/** A changed file counts when it has stayed the same this long. */
const SETTLE_MS = 30;
/** A file that is gone or empty may be about to be written again. */
const SETTLE_GONE_MS = 150;
const GONE = 'gone';

export function createFileSource(deps: FileSourceDeps): FileSource {
  const known = new Map<string, KnownFile>();
  const unsettled = new Map<string, Unsettled>();
  const watchers = new Map<string, FSWatcher>();
  const { promise: synced, resolve: resolveSynced } = Promise.withResolvers<void>();
  let findings: readonly Finding[] = [];
  let foundInFiles: readonly Finding[] = [];
  let timer: NodeJS.Timeout | undefined;
  let poll: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let isFirst = true;
  let isStopped = false;
  let isAskedAgain = false;

  /** Scans after a while; a scan that is already due stands, so that steady changes cannot put it off. */
  function scanSoon(delayMs: number): void {
    if (isStopped) return;
    if (running !== undefined) {
      isAskedAgain = true;
      return;
    }
    timer ??= setTimeout(run, delayMs);
  }

  function run(): void {
    clearTimeout(timer);
    timer = undefined;
    if (running !== undefined) {
      isAskedAgain = true;
      return;
    }
    running = scan().finally(() => {
      running = undefined;
      if (isFirst) {
        isFirst = false;
        resolveSynced();
      }
      if (unsettled.size > 0) scanSoon(SETTLE_MS);
      else if (isAskedAgain) scanSoon(DEBOUNCE_MS);
      isAskedAgain = false;
    });
  }

  async function scan(): Promise<void> {
    const { files, folders, missing } = await scanFiles(deps.paths);
    watchFolders(folders);
    const present = new Map(files.map((file) => [file.path, file]));
    let isChanged = isFirst;
    for (const file of files) {
      if (known.get(file.path)?.signature === file.signature) unsettled.delete(file.path);
      else if (isSettled(file.path, file.signature, file.sizeBytes === 0)) {
        await load(file);
        isChanged = true;
      }
    }
    for (const path of known.keys()) {
      if (present.has(path) || !isSettled(path, GONE, true)) continue;
      known.delete(path);
      isChanged = true;
    }
    for (const path of unsettled.keys()) {
      if (!present.has(path) && !known.has(path)) unsettled.delete(path);
    }
    const lost = missing.map(({ path, problem }): Finding => ({
      reason: 'UnreadableFile',
      severity: 'error',
      source: { kind: 'File', namespace: '', name: path },
      value: '',
      problem,
      consequence: known.has(path) ? 'what was read from it is served' : 'nothing is served from it',
    }));
    const ranked = files.map(({ path }) => path);
    // A file that is just being replaced keeps its objects, after all others.
    for (const path of known.keys()) if (!present.has(path)) ranked.push(path);
    if (isStopped) return;
    if (isChanged) foundInFiles = publish(ranked);
    const found = [...lost, ...foundInFiles];
    if (JSON.stringify(found) === JSON.stringify(findings)) return;
    findings = found;
    deps.findingsChanged(findings);
  }

  /** True when a change has been the same for long enough to be whole. The first scan takes files as they are. */
  function isSettled(path: string, signature: string, isGone: boolean): boolean {
    if (isFirst) return true;
    const before = unsettled.get(path);
    const nowMs = deps.nowMs();
    if (before?.signature !== signature) {
      unsettled.set(path, { signature, sinceMs: nowMs });
      return false;
    }
    if (nowMs - before.sinceMs < (isGone ? SETTLE_GONE_MS : SETTLE_MS)) return false;
    unsettled.delete(path);
    return true;
  }

  async function load({ path, signature, order }: ScannedFile): Promise<void> {
    const parsed = await readManifest(createReadStream(path), path, order);
    if (!parsed.ok) return keepLastGood(path, signature, parsed.line, parsed.problem);
    known.set(path, { signature, manifest: parsed });
  }

  function keepLastGood(path: string, signature: string, line: number, problem: string): void {
    const before = known.get(path);
    const hasObjects = (before?.manifest.objects.length ?? 0) > 0;
    known.set(path, {
      signature,
      manifest: before?.manifest ?? { objects: [], findings: [] },
      broken: {
        reason: 'UnreadableFile',
        severity: 'error',
        source: sourceOfFile(path, line),
        value: '',
        problem,
        consequence: hasObjects ? 'what it held before is served' : 'nothing is served from it',
      },
    });
  }

  /** Puts all objects into the store, where the first of two with one name counts; gives what is wrong with the files. */
  function publish(ranked: readonly string[]): readonly Finding[] {
    const found: Finding[] = [];
    const objects = new FirstObjects();
    for (const path of ranked) {
      const file = known.get(path);
      if (file === undefined) continue;
      if (file.broken !== undefined) found.push(file.broken);
      found.push(...file.manifest.findings, ...objects.take(path, file.manifest.objects));
    }
    const impact = objects.putInto(deps.store);
    if (impact !== 'none') deps.changed(impact);
    return found;
  }

  function watchFolders(folders: readonly string[]): void {
    if (isStopped) return;
    const wanted = new Set(folders);
    for (const [folder, watcher] of watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      watchers.delete(folder);
    }
    for (const folder of wanted) {
      if (watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, () => scanSoon(DEBOUNCE_MS));
        watchers.set(folder, watcher);
        // A folder that is deleted, or a limit of the system: polling goes on.
        watcher.on('error', () => {
          watcher.close();
          watchers.delete(folder);
        });
      } catch {
        // The folder is not there (yet), or watches are used up: polling finds the change.
      }
    }
  }

  return {
    synced,
    start() {
      poll = setInterval(run, deps.pollMs ?? POLL_MS);
      run();
    },
    watchReferences: () => Promise.resolve(),
    findings: () => findings,
    async stop() {
      isStopped = true;
      clearInterval(poll);
      clearTimeout(timer);
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
      await running;
      clearTimeout(timer);
      resolveSynced();
    },
  };
}

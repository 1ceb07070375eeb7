import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** What is there now. */
export interface FileScan {
  /** Manifest files in order, with what changes whenever the file does. */
  readonly files: readonly ScannedFile[];
  /** Folders to watch: every one that could gain, lose or swap a manifest file. */
  readonly folders: readonly string[];
  /** Paths that were asked for and are not there, or cannot be read, and why. */
  readonly missing: readonly { readonly path: string; readonly problem: string }[];
}

export interface ScannedFile {
  readonly path: string;
  /** Ranks files: first the place of the path that was asked for, then the path. */
  readonly order: string;
  readonly sizeBytes: number;
  /** Identity and times of the file that the path leads to; a swapped symlink changes it. */
  readonly signature: string;
}

const MANIFEST = /\.(?:ya?ml|json)$/i;

/**
 * Lists manifest files: the paths themselves, whatever their names, and of folders all `.yaml`, `.yml` and `.json` below
 * them. Names that begin with a dot are passed over: they are editors' and kubelet's own.
 */
export async function scanFiles(paths: readonly string[]): Promise<FileScan> {
  const files = new Map<string, ScannedFile>();
  const folders = new Set<string>();
  // A folder counts once, so that a symlink to one above it ends there.
  const visited = new Set<string>();
  const missing: { path: string; problem: string }[] = [];

  async function visit(path: string, argument: number, depth: number): Promise<void> {
    const isNamed = depth === 0;
    try {
      const found = await stat(path, { bigint: true });
      if (found.isDirectory()) {
        const identity = `${found.dev} ${found.ino}`;
        if (visited.has(identity)) return;
        visited.add(identity);
        folders.add(path);
        const names = (await readdir(path)).filter((name) => !name.startsWith('.')).toSorted();
        for (const name of names) await visit(join(path, name), argument, depth + 1);
      } else if (isNamed || MANIFEST.test(path)) {
        const { dev, ino, size, mtimeNs, ctimeNs } = found;
        const signature = `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
        const order = `${String(argument).padStart(4, '0')} ${path}`;
        if (!files.has(path)) files.set(path, { path, order, sizeBytes: Number(size), signature });
      }
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // A file that vanished between the listing and the look is simply gone.
      if (isNamed || code !== 'ENOENT') {
        const problem = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
        missing.push({ path, problem });
      }
    }
  }

  for (const [argument, path] of paths.entries()) {
    await visit(path, argument, 0);
    if (!folders.has(path)) folders.add(join(path, '..'));
  }
  const ordered = [...files.values()].toSorted((a, b) => (a.order < b.order ? -1 : 1));
  return { files: ordered, folders: [...folders], missing };
}

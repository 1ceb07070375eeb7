import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { pack, type Pack } from 'tar-stream';

/** A layer of an OCI image. */
export interface Layer {
  readonly bytes: Buffer;
  /** `sha256:` of the compressed bytes, and of what they unpack to. */
  readonly digest: string;
  readonly diffId: string;
  readonly unpackedBytes: number;
}

/** cap_net_bind_service=+ep as the kernel stores it (vfs_cap_data, revision 2): ports below 1024 for a program without root. */
const NET_BIND_SERVICE = '\u0001\0\0\u0002\0\u0004\0\0\0\0\0\0\0\0\0\0\0\0\0\0';

export interface LayerOptions {
  /** Paths without a leading slash that may bind ports below 1024. */
  readonly binders: readonly string[];
  /** Folders that everybody may write to. */
  readonly open: readonly string[];
  /** Milliseconds since 1970 that all files have. */
  readonly timeMs: number;
}

/** Packs a folder: sorted, of root, of one time, so that the same files are the same bytes. */
export async function packLayer(folder: string, options: LayerOptions): Promise<Layer> {
  const tar = pack();
  const collected = buffer(tar);
  let unpackedBytes = 0;
  for (const path of pathsIn(folder, '')) unpackedBytes += await addEntry(tar, folder, path, options);
  tar.finalize();
  const plain = await collected;
  const bytes = gzipSync(plain, { level: 9 });
  return { bytes, digest: digestOf(bytes), diffId: digestOf(plain), unpackedBytes };
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Files and folders, each folder before what is in it. */
function* pathsIn(root: string, at: string): Generator<string> {
  for (const name of readdirSync(join(root, at)).toSorted()) {
    const path = at === '' ? name : `${at}/${name}`;
    yield path;
    if (lstatSync(join(root, path)).isDirectory()) yield* pathsIn(root, path);
  }
}

function addEntry(tar: Pack, root: string, path: string, options: LayerOptions): Promise<number> {
  const full = join(root, path);
  const stat = lstatSync(full);
  const common = { mtime: new Date(options.timeMs), uid: 0, gid: 0, uname: 'root', gname: 'root' };
  return new Promise((resolve, reject) => {
    const done = (bytes: number) => (error?: Error | null) => (error ? reject(error) : resolve(bytes));
    if (stat.isDirectory()) {
      const mode = options.open.includes(path) ? 0o1777 : 0o755;
      tar.entry({ ...common, name: `${path}/`, type: 'directory', mode }, done(0));
    } else if (stat.isSymbolicLink()) {
      const linkname = readlinkSync(full);
      tar.entry({ ...common, name: path, type: 'symlink', linkname, mode: 0o777 }, done(0));
    } else {
      const bytes = readFileSync(full);
      const mode = (stat.mode & 0o111) === 0 ? 0o644 : 0o755;
      const pax = options.binders.includes(path)
        ? { 'SCHILY.xattr.security.capability': NET_BIND_SERVICE }
        : undefined;
      tar.entry({ ...common, name: path, mode, ...(pax && { pax }) }, bytes, done(bytes.length));
    }
  });
}

import { open, stat } from 'node:fs/promises';
import { openMmdb } from '../../lib/mmdb.ts';

/** Largest file that is read: the largest editions have some 300 MB. */
const FILE_MAX_BYTES = 1 << 30;

/** What a file was when it was looked at; equal where it is the same. */
export type GeoFileMark = string;

export type GeoFileRead =
  | { readonly ok: true; readonly bytes: SharedArrayBuffer; readonly mark: GeoFileMark }
  | { readonly ok: false; readonly problem: string; readonly mark: GeoFileMark };

/** How the control plane sees the files; others than those of the disk are for tests. */
export interface GeoFiles {
  /** Of what stands at a path now, whatever it is. Never rejects. */
  mark(path: string): Promise<GeoFileMark>;
  /** Reads a file, and whether it is a database. Never rejects. */
  read(path: string): Promise<GeoFileRead>;
}

export const geoFilesOnDisk: GeoFiles = { mark: markOf, read: readGeoFile };

async function markOf(path: string): Promise<GeoFileMark> {
  try {
    const { mtimeMs, size, ino, dev } = await stat(path);
    return [mtimeMs, size, ino, dev].join(':');
  } catch (error) {
    return codeOf(error);
  }
}

async function readGeoFile(path: string): Promise<GeoFileRead> {
  const mark = await markOf(path);
  const refuse = (problem: string): GeoFileRead => ({ ok: false, problem, mark });
  try {
    const bytes = await readShared(path);
    if (typeof bytes === 'string') return refuse(bytes);
    const read = openMmdb(Buffer.from(bytes));
    if (!read.ok) return refuse(`is malformed: ${read.problem}`);
    return { ok: true, bytes, mark };
  } catch (error) {
    return refuse(`cannot be read (${codeOf(error)})`);
  }
}

/** The bytes, or what is wrong. */
async function readShared(path: string): Promise<SharedArrayBuffer | string> {
  const file = await open(path, 'r');
  try {
    const about = await file.stat();
    if (!about.isFile()) return 'is no file';
    if (about.size > FILE_MAX_BYTES) return `is larger than ${FILE_MAX_BYTES} bytes`;
    const bytes = new SharedArrayBuffer(about.size);
    let filled = 0;
    while (filled < about.size) {
      const { bytesRead } = await file.read(Buffer.from(bytes), filled, about.size - filled, filled);
      if (bytesRead === 0) return 'became shorter while it was read';
      filled += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

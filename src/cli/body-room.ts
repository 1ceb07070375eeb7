import { accessSync, constants, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { parseNginxSize } from '../lib/nginx-values.ts';
import type { ControlLog } from '../observe/log.ts';
import type { BodyRoom } from '../table/messages.ts';
import type { FlagReader } from './args.ts';

/** Where workers may hold request bodies, as the flags say; without a folder to write to, in memory alone. */
export function createBodyRoom(flags: FlagReader, workerCount: number, log: ControlLog): BodyRoom {
  const directory = flags.string('request-body-directory') || tmpdir();
  const spoolBytes = sizeOf(flags, 'request-body-spool');
  return {
    memoryBytes: sizeOf(flags, 'request-body-memory'),
    directory,
    spoolBytes: spoolBytes > 0 && isWritable(directory, log) ? spoolBytes : 0,
    spooledBlocks: new SharedArrayBuffer(workerCount * Int32Array.BYTES_PER_ELEMENT),
  };
}

function sizeOf(flags: FlagReader, name: string): number {
  const text = flags.string(name);
  const bytes = parseNginxSize(text);
  if (bytes === undefined) throw new Error(`--${name}: "${text}" is not a size such as 64m or 4g`);
  return bytes;
}

function isWritable(directory: string, log: ControlLog): boolean {
  try {
    mkdirSync(directory, { recursive: true });
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch (error) {
    const { message: problem } = error as Error;
    log.warn({ directory, problem }, 'request bodies cannot be spooled: large ones are streamed');
    return false;
  }
}

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

type Collect = (options: { readonly type: 'major'; readonly flavor: 'last-resort' }) => void;

/**
 * Collects all garbage of this thread and gives the memory back to the system, which V8 by itself does late or never. It stands still
 * for as long as that takes, 10 ms for an empty heap, 50 to 100 for thousands of Ingresses: for when a start is over and nobody waits yet.
 */
export function giveBackMemory(): void {
  setFlagsFromString('--expose-gc');
  // Flags are the process's: another thread may have taken this one back meanwhile, and the memory is then given back later.
  const collect = runInNewContext('globalThis.gc') as Collect | undefined;
  setFlagsFromString('--no-expose-gc');
  collect?.({ type: 'major', flavor: 'last-resort' });
}

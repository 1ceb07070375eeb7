import { setFlagsFromString } from 'node:v8';

/** MiB of each half of the space for new objects. V8's own bound is 32, which a thread that takes in a large table reaches, and keeps. */
const NEW_SPACE_HALF_MIB = 4;
/** How far the heap grows beyond what was alive, before it is collected; by itself V8 lets it double and more. */
const GROWTH_PERCENT = 25;

/**
 * Bounds the heaps of the threads that are started from now on, and how the own one grows; a flag that Node was given itself stays. The
 * own new space is as it was made: who starts Node says that with --max-semi-space-size, as the image does.
 */
export function limitHeaps(given: readonly string[], options: string): void {
  const isGiven = (flag: string): boolean => [...given, options].some((text) => text.includes(flag));
  if (!isGiven('semi-space-size')) setFlagsFromString(`--max-semi-space-size=${NEW_SPACE_HALF_MIB}`);
  if (!isGiven('heap-growing-percent')) setFlagsFromString(`--heap-growing-percent=${GROWTH_PERCENT}`);
}

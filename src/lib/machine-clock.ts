/** Milliseconds of a clock that never goes back and that all threads of the machine read alike, whenever they began. */
export function machineMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1_000_000;
}

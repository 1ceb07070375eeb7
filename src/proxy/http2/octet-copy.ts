/** Below this a loop is quicker than a call out of the compiled code. */
const FEW = 48;

/** Copies from[start, end) to `into` at `at`. */
export function copyOctets(from: Buffer, start: number, end: number, into: Buffer, at: number): void {
  if (end - start > FEW) {
    from.copy(into, at, start, end);
    return;
  }
  let position = at;
  for (let i = start; i < end; i++) into[position++] = from[i]!;
}

/** Counts the connections of this worker that are open: in all, and per client address. */
export interface ConnectionLimits {
  /** Counts one more; false, and not counted, at the ceiling. A ceiling of 0 is none. */
  enter(maxConnections: number): boolean;
  leave(): void;
  /** How many are open. */
  count(): number;
  /** Counts one more of this address; false, and not counted, at the ceiling. A ceiling of 0 is none. */
  enterAddress(address: string, maxPerAddress: number): boolean;
  leaveAddress(address: string): void;
}

/** Creates counters at zero. */
export function createConnectionLimits(): ConnectionLimits {
  const counts = new Map<string, number>();
  let open = 0;
  return {
    enter(maxConnections) {
      if (maxConnections > 0 && open >= maxConnections) return false;
      open++;
      return true;
    },
    leave() {
      open--;
    },
    count: () => open,
    enterAddress(address, maxPerAddress) {
      const count = counts.get(address) ?? 0;
      if (maxPerAddress > 0 && count >= maxPerAddress) return false;
      counts.set(address, count + 1);
      return true;
    },
    leaveAddress(address) {
      const count = counts.get(address) ?? 0;
      if (count <= 1) counts.delete(address);
      else counts.set(address, count - 1);
    },
  };
}

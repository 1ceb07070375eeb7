/** Runs a task once all that has come in by now was read: whoever asks may be before the reading of its own turn, or behind it. */
export function afterInput(task: () => void): void {
  setImmediate(() => setImmediate(task));
}

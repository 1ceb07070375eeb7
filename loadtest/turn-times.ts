/*
 * Loaded into Serin by `--import`: says how much CPU time single turns of the event loop take, of each thread that has one. Appends the longest of
 * every quarter of a second to `$SERIN_TURN_TIMES`, as `thread milliseconds`. A turn begins and ends where immediates run.
 */
import { appendFileSync } from 'node:fs';
import { threadId } from 'node:worker_threads';

const file = process.env['SERIN_TURN_TIMES'];
if (file !== undefined) {
  const used = (): number => {
    const { user, system } = process.threadCpuUsage();
    return user + system;
  };
  let before = used();
  let longest = 0;
  const look = (): void => {
    const now = used();
    longest = Math.max(longest, now - before);
    before = now;
    setImmediate(look).unref();
  };
  setImmediate(look).unref();
  setInterval(() => {
    appendFileSync(file, `${threadId} ${longest / 1_000}\n`);
    longest = 0;
    before = used();
  }, 250).unref();
}

import { constants, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { giveBaton, takeBaton, type Baton } from '../../lib/shared-baton.ts';
import { createSlices } from './slices.ts';
import { verifyPassword } from './verify-password.ts';

export interface CheckQuestion {
  readonly password: string;
  readonly hash: string;
}

const SLICE_MS = 0.4;
/** Those of other workers, which were woken, take their turn in this time. */
const BETWEEN_MS = 1;
/** Held by whoever checks a password, in whichever worker; undefined: there is nobody else. */
const baton = workerData as Baton | undefined;

// Elsewhere the priority is the whole process's.
if (process.platform === 'linux') setPriority(0, constants.priority.PRIORITY_LOW);

const stop = new Int32Array(new SharedArrayBuffer(4));
// As long as it worked it rests: where the CPU of a container is rationed, priority alone takes nothing away from traffic.
const slices = createSlices({
  sliceMs: SLICE_MS,
  nowMs: () => performance.now(),
  rest: (ms) => void Atomics.wait(stop, 0, 0, ms),
});

// A kernel may leave a thread of the lowest priority its slice of some milliseconds while a worker waits for the core. bcrypt, which takes by far
// the longest, asks for the time in each of its rounds, some tenths of a millisecond apart; nothing else in this thread does.
const { now } = Date;
Date.now = () => {
  slices.pause();
  return now();
};

parentPort!.on('message', ({ password, hash }: CheckQuestion) => {
  if (baton !== undefined) takeBaton(baton);
  slices.begin();
  const isRight = verifyPassword(password, hash);
  parentPort!.postMessage(isRight);
  slices.end();
  if (baton === undefined) return;
  giveBaton(baton);
  Atomics.wait(stop, 0, 0, BETWEEN_MS);
});

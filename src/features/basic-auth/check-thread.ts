import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Baton } from '../../lib/shared-baton.ts';
import type { CheckQuestion } from './check-thread-entry.ts';

export interface CheckThread {
  /** One at a time: the next when this one is answered. */
  check(password: string, hash: string): void;
}

export interface CheckThreadEvents {
  onAnswer(isRight: boolean): void;
  /** It is gone, and what was asked last stays without an answer. */
  onEnd(fault: Error): void;
}

/**
 * Starts the thread that passwords are checked in; with a baton only while it has that. It keeps nobody alive, and ends with whoever started
 * it.
 */
export function startCheckThread(events: CheckThreadEvents, baton?: Baton): CheckThread {
  const entry = new URL(`./check-thread-entry${extname(import.meta.url)}`, import.meta.url);
  const worker = new Worker(entry, { name: 'serin-passwords', workerData: baton });
  worker.unref();
  let fault: Error | undefined;
  worker.on('message', (isRight: boolean) => events.onAnswer(isRight));
  worker.on('error', (error: Error) => {
    fault = error;
  });
  worker.on('exit', (code) =>
    events.onEnd(new Error(`the thread that checks passwords ended with code ${code}`, { cause: fault })),
  );
  return {
    check(password, hash) {
      const question: CheckQuestion = { password, hash };
      worker.postMessage(question);
    },
  };
}

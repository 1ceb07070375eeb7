/**
 * Resolves with the name of the first signal that asks the process to end. Later ones change nothing: a kubelet, an init process and a preStop
 * hook may each send theirs. Only a second SIGINT, which is somebody at a terminal, is passed to `insisted`.
 */
export function waitForSignal(insisted: (signal: string) => void): Promise<string> {
  return new Promise((resolve) => {
    let isInterrupted = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (signal === 'SIGINT' && isInterrupted) insisted(signal);
      isInterrupted ||= signal === 'SIGINT';
      resolve(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    process.on('SIGQUIT', onSignal);
  });
}

/** Calls for each SIGUSR1, by which nginx opens its logs anew. Node would listen for a debugger otherwise. */
export function onReopenRequest(reopen: () => void): void {
  process.on('SIGUSR1', reopen);
}

/**
 * Resolves when an exception, or a rejection, was caught by nobody in this thread; each is told to `faulted`. What the thread holds is not to be
 * trusted then, but workers serve on, so that there is time to end in order.
 */
export function waitForFault(faulted: (error: unknown) => void): Promise<'uncaughtException'> {
  return new Promise((resolve) => {
    process.on('uncaughtException', (error) => {
      faulted(error);
      resolve('uncaughtException');
    });
  });
}

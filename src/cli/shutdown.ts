/** Resolves with the name of the first signal that asks the process to end; later ones are passed to `again`. */
export function waitForSignal(again: (signal: string) => void): Promise<string> {
  return new Promise((resolve) => {
    let isAsked = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (isAsked) again(signal);
      isAsked = true;
      resolve(signal);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    process.on('SIGQUIT', onSignal);
  });
}

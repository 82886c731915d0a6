/**
 * Ctrl-C as a request to stop after the current step. A second Ctrl-C ends the process as usual.
 */
export interface Interrupt {
  readonly requested: boolean;
  release(): void;
}

/** Watches an abort signal and, where asked, SIGINT of a Node process. */
export function interruptible(signal: AbortSignal | undefined, watchProcess: boolean): Interrupt {
  let requested = false;
  const process = globalThis.process;
  const watch = watchProcess && typeof process?.once === 'function';
  const onSignal = () => {
    requested = true;
  };
  if (watch) process.once('SIGINT', onSignal);
  return {
    get requested() {
      return requested || signal?.aborted === true;
    },
    release() {
      if (watch) process.removeListener('SIGINT', onSignal);
    },
  };
}

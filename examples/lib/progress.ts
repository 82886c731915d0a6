import cliProgress from 'cli-progress';

/** One stage of work: a bar with the time left, or a line when it is done. */
export interface Stage {
  /** Reports that `done` of the total steps are done; `note` stands beside the bar. */
  update(done: number, note?: string): void;
  /** Ends the stage; returns how many seconds it took. */
  end(): number;
}

/**
 * Starts a stage of `total` steps. On a terminal it draws a bar with ETA on stderr; elsewhere it is silent but for
 * one line when the stage ends. stdout is left to results.
 */
export function startStage(title: string, total: number): Stage {
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  if (process.stderr.isTTY !== true) {
    return {
      update() {},
      end() {
        process.stderr.write(`${title}: ${seconds().toFixed(1)} s\n`);
        return seconds();
      },
    };
  }
  const bar = new cliProgress.SingleBar(
    {
      format: `${title.padEnd(36)} {bar} {percentage} % | {eta_formatted} left{note}`,
      stream: process.stderr,
      etaBuffer: 60,
      barsize: 24,
      gracefulExit: false,
    },
    cliProgress.Presets.shades_classic,
  );
  // cli-progress's own handler would swallow Ctrl-C. Whoever else listens for it decides what happens next.
  const onInterrupt = () => {
    bar.stop();
    if (process.listenerCount('SIGINT') === 0) process.kill(process.pid, 'SIGINT');
  };
  process.once('SIGINT', onInterrupt);
  bar.start(total, 0, { note: '' });
  return {
    update: (done, note) => bar.update(done, note === undefined ? {} : { note: ` | ${note}` }),
    end() {
      process.removeListener('SIGINT', onInterrupt);
      bar.stop();
      return seconds();
    },
  };
}

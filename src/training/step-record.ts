import { DpError } from 'privacy-accounting';
import { nodeFiles, withFile } from './node-files.js';

/**
 * The write-ahead record of a run: one line a step, written before the step's noise is released.
 *
 * Invariant: a run that is killed at any point has at least as many lines as steps that it released, so an ε
 * computed from the record is never too small. A line that was cut off counts as a step.
 */
export class StepRecord {
  private readonly path: string;
  private readonly file: number;
  private count: number;
  private bytes: number;

  private constructor(path: string, file: number, count: number) {
    this.path = path;
    this.file = file;
    this.count = count;
    this.bytes = nodeFiles().fs.fstatSync(file).size;
  }

  /** Opens the record for appending, and counts what is there. */
  static open(path: string): StepRecord {
    const { fs } = nodeFiles();
    const steps = fs.existsSync(path) ? readStepCount(path) : 0;
    return withFile(path, 'append to', () => {
      const file = fs.openSync(path, 'a', 0o600);
      // A line that a crash cut off is closed, so that the next one starts afresh.
      if (steps > 0 && !fs.readFileSync(path, 'utf8').endsWith('\n')) fs.writeSync(file, '\n');
      return new StepRecord(path, file, steps);
    });
  }

  get steps(): number {
    return this.count;
  }

  /** Records the next step; throws `DP_IO` when it could not be written, and the step must not be taken. */
  append(): void {
    const { fs } = nodeFiles();
    const line = `${JSON.stringify({ step: this.count + 1 })}\n`;
    withFile(this.path, 'append to', () => {
      this.requireAlone();
      const written = fs.writeSync(this.file, line);
      this.bytes += line.length;
      if (written !== line.length) throw new Error(`only ${written} of ${line.length} bytes were written`);
      this.requireAlone();
    });
    this.count++;
  }

  /** Two processes on one record would each know half of the steps. */
  private requireAlone(): void {
    const { size } = nodeFiles().fs.fstatSync(this.file);
    if (size === this.bytes) return;
    throw new DpError(
      'DP_IO',
      `Expected to be alone in writing '${this.path}', but another process does: the step was not taken. Stop one of ` +
        'the two, then resume.',
    );
  }

  /** Forces the lines to the disk: called before the weights of their steps are written. */
  flush(): void {
    withFile(this.path, 'flush', () => nodeFiles().fs.fsyncSync(this.file));
  }

  close(): void {
    nodeFiles().fs.closeSync(this.file);
  }
}

/** The number of steps in a record; a damaged line elsewhere than at the end is `DP_CORRUPT`. */
export function readStepCount(path: string): number {
  const text = withFile(path, 'read', () => nodeFiles().fs.readFileSync(path, 'utf8'));
  const lines = text.split('\n');
  if (lines[lines.length - 1] === '') lines.pop();
  let steps = 0;
  lines.forEach((line, index) => {
    let step: unknown;
    try {
      step = (JSON.parse(line) as { step?: unknown }).step;
    } catch {
      step = undefined;
    }
    if (step === steps + 1) steps++;
    // A cut-off line is a step that was being booked when the process died.
    else if (step === undefined && line.startsWith('{') && '{"step":'.startsWith(line.slice(0, 8))) steps++;
    else {
      throw new DpError(
        'DP_CORRUPT',
        `Expected step ${steps + 1} in line ${index + 1} of '${path}', got '${line.slice(0, 60)}'. The record of steps ` +
          'was altered: the privacy spent is unknown and the run is not resumed.',
      );
    }
  });
  return steps;
}

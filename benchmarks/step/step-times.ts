import * as tf from '@tensorflow/tfjs-core';
import type { BenchmarkModel } from './models.js';
import { makeSide, SIDE_NAMES, type SideName } from './sides.js';

/** Milliseconds of one step, over all timed steps of a side. */
export interface Milliseconds {
  readonly minimum: number;
  readonly median: number;
  /** Median of the processor time on all threads: what a thread in the background does is in it, too. */
  readonly cpu: number;
}

/** How long to measure: at least `minimumRounds`, then until the time or `maximumRounds` is reached. */
export interface Effort {
  readonly seconds: number;
  readonly minimumRounds: number;
  readonly maximumRounds: number;
}

/** What one process found out about one model, backend and batch size. */
export interface StepTimes {
  readonly parameters: number;
  readonly rounds: number;
  /** Null where the step throws; the reason is in `errors`. */
  readonly plain: Milliseconds | null;
  readonly private: Milliseconds | null;
  readonly clipOnly: Milliseconds | null;
  readonly errors: Readonly<Partial<Record<SideName, string>>>;
  /** Tensors that the timed rounds left behind: must be 0. */
  readonly tensorsLeaked: number;
}

const WARM_UP_ROUNDS = 2;
const TIMED_STEPS = 2;

interface Sample {
  readonly wall: number;
  readonly cpu: number;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

export function summarise(samples: readonly Sample[]): Milliseconds {
  const wall = samples.map((sample) => sample.wall);
  return { minimum: Math.min(...wall), median: median(wall), cpu: median(samples.map(({ cpu }) => cpu)) };
}

function timed(step: () => void): Sample {
  const before = process.cpuUsage();
  const from = performance.now();
  step();
  const wall = performance.now() - from;
  const { user, system } = process.cpuUsage(before);
  return { wall, cpu: (user + system) / 1000 };
}

/** Lets the event loop run, as training does: threads in the background are started and heard there. */
const breathe = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Times the three sides in alternation, in this process, on the active backend. */
export async function measureStepTimes(
  model: BenchmarkModel,
  batch: number,
  effort: Effort,
): Promise<StepTimes> {
  const problem = model.make(batch);
  const samples: Record<SideName, Sample[]> = { plain: [], private: [], clipOnly: [] };
  const errors: Partial<Record<SideName, string>> = {};
  let sides = SIDE_NAMES.map((name) => ({ name, step: makeSide(name, problem, batch) }));

  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    for (const { name, step } of sides) {
      try {
        step();
      } catch (error) {
        errors[name] = (error as Error).message.split('\n')[0] ?? 'unknown error';
      }
      await breathe();
    }
    sides = sides.filter(({ name }) => errors[name] === undefined);
  }

  globalThis.gc?.();
  const tensorsBefore = tf.memory().numTensors;
  const end = performance.now() + 1000 * effort.seconds;
  let rounds = 0;
  while (rounds < effort.minimumRounds || (rounds < effort.maximumRounds && performance.now() < end)) {
    // Each round starts with another side, so that none always follows the same one.
    for (let i = 0; i < sides.length; i++) {
      const { name, step } = sides[(rounds + i) % sides.length] as (typeof sides)[number];
      // Untimed: what the side before left in caches and threads, and what this one finds done ahead, ends here.
      step();
      for (let k = 0; k < TIMED_STEPS; k++) {
        await breathe();
        samples[name].push(timed(step));
      }
      await breathe();
    }
    rounds++;
  }
  const figure = (name: SideName) => (samples[name].length === 0 ? null : summarise(samples[name]));
  return {
    parameters: problem.variables.reduce((sum, variable) => sum + variable.size, 0),
    rounds,
    plain: figure('plain'),
    private: figure('private'),
    clipOnly: figure('clipOnly'),
    errors,
    tensorsLeaked: tf.memory().numTensors - tensorsBefore,
  };
}

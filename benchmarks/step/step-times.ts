import * as tf from '@tensorflow/tfjs-core';
import type { BenchmarkModel } from './models.js';
import { makeSide, SIDE_NAMES, type SideName } from './sides.js';

/** Milliseconds over the rounds of a side. */
export interface Milliseconds {
  readonly minimum: number;
  readonly median: number;
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

export function summarise(times: readonly number[]): Milliseconds {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (i: number) => sorted[i] as number;
  const middle = sorted.length >> 1;
  return {
    minimum: at(0),
    median: sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2,
  };
}

/** Times the three sides in alternation, in this process, on the active backend. */
export function measureStepTimes(model: BenchmarkModel, batch: number, effort: Effort): StepTimes {
  const problem = model.make(batch);
  const times: Record<SideName, number[]> = { plain: [], private: [], clipOnly: [] };
  const errors: Partial<Record<SideName, string>> = {};
  let sides = SIDE_NAMES.map((name) => ({ name, step: makeSide(name, problem, batch) }));

  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    for (const { name, step } of sides) {
      try {
        step();
      } catch (error) {
        errors[name] = (error as Error).message.split('\n')[0] ?? 'unknown error';
      }
    }
    sides = sides.filter(({ name }) => errors[name] === undefined);
  }

  const tensorsBefore = tf.memory().numTensors;
  const end = performance.now() + 1000 * effort.seconds;
  let rounds = 0;
  while (rounds < effort.minimumRounds || (rounds < effort.maximumRounds && performance.now() < end)) {
    // Each round starts from a clean heap and with another side, so that none always follows the same one.
    globalThis.gc?.();
    for (let i = 0; i < sides.length; i++) {
      const { name, step } = sides[(rounds + i) % sides.length] as (typeof sides)[number];
      const from = performance.now();
      step();
      times[name].push(performance.now() - from);
    }
    rounds++;
  }
  const figure = (name: SideName) => (times[name].length === 0 ? null : summarise(times[name]));
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

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
  /** Null where stock tfjs throws; the reason is in `plainError`. */
  readonly plain: Milliseconds | null;
  readonly plainError?: string;
  readonly private: Milliseconds;
  readonly clipOnly: Milliseconds;
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
  let plainError: string | undefined;
  let sides = SIDE_NAMES.map((name) => ({ name, step: makeSide(name, problem, batch) }));

  for (let round = 0; round < WARM_UP_ROUNDS; round++) {
    for (const { name, step } of sides) {
      try {
        step();
      } catch (error) {
        if (name !== 'plain') throw error;
        plainError = (error as Error).message.split('\n')[0] ?? 'unknown error';
      }
    }
    if (plainError !== undefined) sides = sides.filter(({ name }) => name !== 'plain');
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
  return {
    parameters: problem.variables.reduce((sum, variable) => sum + variable.size, 0),
    rounds,
    plain: plainError === undefined ? summarise(times.plain) : null,
    ...(plainError === undefined ? {} : { plainError }),
    private: summarise(times.private),
    clipOnly: summarise(times.clipOnly),
    tensorsLeaked: tf.memory().numTensors - tensorsBefore,
  };
}

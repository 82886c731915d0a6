import * as tf from '@tensorflow/tfjs-core';
import { guardWasmHeap, type NormReport, PerExampleEngine, partSize } from '../../engine/index.js';
import { gaussianSource, secureRandomWords } from '../../noise/index.js';
import { GradientAccumulator, innerConfig, restoreInner } from '../../optimizer/index.js';
import { inMemory } from '../physical-batches.js';
import { type ByteTimeline, peakFor, TimelineRecorder } from './byte-timeline.js';
import { type BatchSpec, madeUpBatch } from './made-up-batch.js';

/** A step as the dry run takes it: its losses on a batch, and the variables that it would move. */
export interface StepWork {
  readonly spec: BatchSpec;
  readonly losses: (xs: tf.Tensor[], ys: tf.Tensor[]) => tf.Tensor;
  readonly variables: readonly tf.Variable[];
  /** Copied, never applied; Adam unless given. */
  readonly optimizer: tf.Optimizer | undefined;
}

/** What two small batches showed of a step. */
export interface DryRun {
  readonly sizes: readonly [number, number];
  /** How the norms of each use are found when the batch has the size that was asked about. */
  readonly reports: readonly NormReport[];
  /** Bytes above those at the start, for a physical batch of `batch` and the tensors of its data. */
  peakBytes(batch: number): number;
  /** The same for the first batch of a run, in which the engine checks itself. */
  firstPeakBytes(batch: number): number;
  /** Milliseconds of a physical batch. */
  milliseconds(batch: number): number;
}

const CLIP = { l2NormClip: 1 } as const;

/**
 * Takes a step on random batches of two small sizes, choosing methods as for a batch of `asForBatch`, and applies
 * nothing. Reads no data: the values come from `madeUpBatch`. No tensor is left behind.
 */
export function dryRun(
  work: StepWork,
  asForBatch: number,
  sizes: readonly [number, number],
  repetitions: number,
): DryRun {
  guardWasmHeap();
  const [one, other] = sizes.map((size) => runAt(work, asForBatch, size, repetitions)) as [Run, Run];
  return {
    sizes,
    reports: other.reports,
    peakBytes: (batch) => peakFor(batch, one.later, other.later),
    firstPeakBytes: (batch) => peakFor(batch, one.first, other.first),
    milliseconds: (batch) => {
      const slope = Math.max(0, (other.milliseconds - one.milliseconds) / (sizes[1] - sizes[0]));
      return Math.max(0, one.milliseconds - slope * sizes[0]) + slope * batch;
    },
  };
}

interface Run {
  readonly first: ByteTimeline;
  readonly later: ByteTimeline;
  readonly milliseconds: number;
  readonly reports: readonly NormReport[];
}

function runAt(work: StepWork, asForBatch: number, batch: number, repetitions: number): Run {
  const recorder = new TimelineRecorder(asForBatch, ({ method, time, p, d }) =>
    method === 'parts' ? partSize({ batch: asForBatch, time, p, d }) : Number.POSITIVE_INFINITY,
  );
  const engine = new PerExampleEngine({ observer: recorder });
  const step = () => {
    const { xs, ys } = madeUpBatch(work.spec, batch);
    try {
      const { sums, penalties, value } = engine.clippedSum(() => work.losses(xs, ys), work.variables, CLIP);
      value.dataSync();
      tf.dispose([...sums, ...penalties.filter((penalty) => penalty !== null), value]);
    } finally {
      tf.dispose([xs, ys]);
    }
  };
  return inMemory(`a dry run on ${batch} examples`, () => {
    const first = recorder.record(batch, step).timeline;
    const later = recorder.record(batch, step).timeline;
    const reports = [...recorder.reports];
    let milliseconds = Number.POSITIVE_INFINITY;
    for (let k = 0; k < repetitions; k++) {
      const start = performance.now();
      step();
      milliseconds = Math.min(milliseconds, performance.now() - start);
    }
    return { first, later, milliseconds, reports };
  });
}

/** What the end of a logical batch takes: noise, and the optimizer's update. */
export interface UpdateRun {
  /** Bytes of the optimizer's own state, such as moments. */
  readonly stateBytes: number;
  /** Bytes above the weights and that state, the clipped sums included. */
  readonly peakBytes: number;
  readonly milliseconds: number;
}

/** Noises and applies zero gradients to copies of the variables, by a copy of the optimizer. */
export function dryUpdate(work: StepWork): UpdateRun {
  const words = secureRandomWords();
  return inMemory('noise and update', () => {
    const copies = work.variables.map((variable) => tf.tidy(() => tf.variable(tf.zeros(variable.shape))));
    const inner = copyOf(work.optimizer);
    const accumulator = new GradientAccumulator();
    const recorder = new TimelineRecorder(1, () => 1);
    let milliseconds = Number.POSITIVE_INFINITY;
    let peakBytes = 0;
    const before = tf.memory().numBytes;
    try {
      const noise = gaussianSource(words);
      // The first update makes the optimizer's state.
      for (let k = 0; k < 2; k++) {
        const { timeline } = recorder.record(1, () => {
          accumulator.add(copies, zeroSums(copies));
          const start = performance.now();
          const gradients = accumulator.release(copies, { noise, standardDeviation: 1e-6 });
          inner.applyGradients(gradients);
          tf.dispose(gradients.map(({ tensor }) => tensor));
          copies[0]?.dataSync();
          milliseconds = Math.min(milliseconds, performance.now() - start);
        });
        peakBytes = timeline.peak;
      }
      return { stateBytes: tf.memory().numBytes - before, peakBytes, milliseconds };
    } finally {
      accumulator.dispose();
      inner.dispose();
      tf.dispose(copies);
    }
  });
}

function zeroSums(variables: readonly tf.Variable[]): Parameters<GradientAccumulator['add']>[1] {
  return {
    sums: variables.map((variable) => tf.zeros(variable.shape)),
    penalties: variables.map(() => null),
    examples: 0,
  } as unknown as Parameters<GradientAccumulator['add']>[1];
}

/** An optimizer of the same kind and configuration, with no state. */
function copyOf(optimizer: tf.Optimizer | undefined): tf.Optimizer {
  if (optimizer === undefined) return tf.train.adam(1e-3);
  try {
    return restoreInner(innerConfig(optimizer));
  } catch {
    // Not registered, so it cannot be copied: Adam has as much state as any of tfjs's own.
    return tf.train.adam(1e-3);
  }
}

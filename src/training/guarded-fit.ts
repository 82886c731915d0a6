import type * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { DpError, type EpsilonBound, type NeighboringRelation, privacyStatement } from 'privacy-accounting';
import { DpOptimizer, PassBook } from '../optimizer/index.js';

/** Arguments of `model.fit`, and what the privacy of the result is asked at. */
export interface GuardedFitArgs extends tfl.ModelFitArgs {
  readonly delta: number;
  /** 'replace-special' unless given; 'add-or-remove-one' has no bound for shuffled batches. */
  readonly relation?: Exclude<NeighboringRelation, 'add-or-remove-one'>;
}

/** What `guardedFit` returns. */
export interface GuardedFitResult {
  /** tfjs's own history. Its losses and metrics are computed from the data without noise: not covered by ε. */
  readonly history: tfl.History;
  readonly epsilon: EpsilonBound;
  readonly statement: string;
}

/**
 * `model.fit` with one participation a record booked for each epoch, instead of one for each step.
 *
 * It may book so because it checks what the optimizer alone cannot know: that an epoch takes every row of `xs`
 * at most once (tfjs shuffles or walks through them), and that it took all of them when it ended. Everything
 * trained outside is booked step by step as before. Guarantee: E passes of a Gaussian mechanism, no
 * amplification by sampling, under replace-special or replace-one.
 *
 * Throws `DP_INVALID_ARGUMENT` when the model is not compiled with a `DpOptimizer`, or when `validationSplit`
 * would publish figures of private rows; `DP_BUDGET_EXCEEDED` when a record would take part twice.
 *
 * @example
 * model.compile({ optimizer: dpOptimizer(tf.train.sgd(0.1), { l2NormClip: 1, noiseMultiplier: 4, expectedBatchSize: 256 }), loss });
 * const { statement } = await guardedFit(model, xs, ys, { epochs: 10, batchSize: 256, delta: 1e-5 });
 */
export async function guardedFit(
  model: tfl.LayersModel,
  xs: tf.Tensor | tf.Tensor[],
  ys: tf.Tensor | tf.Tensor[],
  args: GuardedFitArgs,
): Promise<GuardedFitResult> {
  const optimizer: unknown = model.optimizer;
  if (!(optimizer instanceof DpOptimizer)) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      'Expected a model compiled with dpOptimizer(…), got another optimizer.',
    );
  }
  const { delta, relation = 'replace-special', callbacks, ...fitArgs } = args;
  if (fitArgs.validationSplit !== undefined && fitArgs.validationSplit > 0) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      'Expected no validationSplit, since figures of private rows are releases that ε does not cover; got ' +
        `${fitArgs.validationSplit}. Pass public validationData instead.`,
    );
  }
  if (fitArgs.shuffle !== undefined && ![true, false, 'batch'].includes(fitArgs.shuffle)) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected shuffle to be true, false or 'batch', got ${String(fitArgs.shuffle)}.`,
    );
  }
  const stopper = listOf(callbacks).find((entry) => {
    const { monitor } = entry as unknown as { monitor?: unknown };
    return typeof monitor === 'string' && !monitor.startsWith('val_');
  });
  if (stopper !== undefined) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      "Expected early stopping on public validation data (monitor: 'val_…'), got one on the training data: when it " +
        'stops is a release that ε does not cover.',
    );
  }
  const batchSize = fitArgs.batchSize ?? 32;
  if (batchSize !== optimizer.expectedBatchSize) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected batchSize to be the optimizer's expectedBatchSize of ${optimizer.expectedBatchSize}, got ${batchSize}: ` +
        'the noisy sum is divided by the latter.',
    );
  }
  const rows = (Array.isArray(xs) ? xs[0] : xs)?.shape?.[0];
  if (typeof rows !== 'number' || rows < 1) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      'Expected xs to be tensors with the examples along the first axis.',
    );
  }
  const book = new PassBook(optimizer.event);
  optimizer.useBook(book);
  const guard = new PassGuard(book, rows);
  try {
    const history = await model.fit(xs, ys, { ...fitArgs, callbacks: [guard, ...listOf(callbacks)] });
    const epsilon = optimizer.privacySpent({ delta, relation });
    return {
      history,
      epsilon,
      statement: privacyStatement(epsilon, { event: optimizer.event, datasetSize: rows }),
    };
  } finally {
    book.endPass();
  }
}

/** Announces an epoch to the book when it begins, and checks at its end that every row took part. */
class PassGuard extends tfl.Callback {
  private readonly book: PassBook;
  private readonly rows: number;

  constructor(book: PassBook, rows: number) {
    super();
    this.book = book;
    this.rows = rows;
  }

  override async onEpochBegin(): Promise<void> {
    this.book.beginPass(this.rows);
  }

  override async onEpochEnd(): Promise<void> {
    const seen = this.book.endPass();
    if (seen !== this.rows && this.model.stopTraining !== true) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected an epoch to take each of the ${this.rows} rows once, got ${seen} of them. The privacy booked covers ` +
          'what was done; find out what cut the epoch short before training on.',
      );
    }
  }
}

function listOf(callbacks: tfl.ModelFitArgs['callbacks']): tfl.Callback[] {
  if (callbacks === undefined || callbacks === null) return [];
  const list = Array.isArray(callbacks) ? callbacks : [callbacks];
  return list.map((entry) =>
    entry instanceof tfl.Callback || entry instanceof tfl.CustomCallback
      ? (entry as tfl.Callback)
      : (new tfl.CustomCallback(entry as tfl.CustomCallbackArgs) as unknown as tfl.Callback),
  );
}

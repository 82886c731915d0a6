import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';

/**
 * K random views of every example: crops, flips, noise. Give one of `view` and `views`; with several inputs they are
 * called for each, and told its place.
 *
 * Whoever writes them signs that a view of one example depends on nothing of the others. The first batch is tried
 * with an example that is not a number, which must not show in the views of the others.
 */
export interface Augmentation {
  /** K, a whole number from 1. */
  readonly multiplicity: number;
  /** One random view of each example, [batch, …] to [batch, …]; called K times. */
  readonly view?: (xs: tf.Tensor, input: number) => tf.Tensor;
  /** All views at once, [batch, …] to [batch, K, …]. */
  readonly views?: (xs: tf.Tensor, input: number) => tf.Tensor;
}

/**
 * The mean loss of each example over its K views: [batch·K] (the views of one example next to each other) or
 * [batch, K] to [batch].
 *
 * Privacy: the gradient of this mean is the mean of the views' gradients (augmentation multiplicity, De et al. 2022,
 * 2204.13650), and it is that which is clipped. One example contributes one gradient of norm C at most, however many
 * views it has: nothing changes for the accountant.
 *
 * @example
 * // xs: [batch, K, 28, 28, 1], ys: [batch, K, 10]
 * optimizer.minimize(() => {
 *   const output = model.apply(tf.reshape(xs, [-1, 28, 28, 1])) as tf.Tensor;
 *   return averageOverViews(tfl.metrics.categoricalCrossentropy(tf.reshape(ys, [-1, 10]), output), K);
 * });
 */
export function averageOverViews(losses: tf.Tensor, multiplicity: number): tf.Tensor1D {
  requireMultiplicity(multiplicity);
  if (losses.rank === 0 || losses.rank > 2 || (losses.rank === 2 && losses.shape[1] !== multiplicity)) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected losses of shape [batch·${multiplicity}] or [batch, ${multiplicity}], got [${losses.shape}].`,
    );
  }
  if (losses.size % multiplicity !== 0) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected ${multiplicity} losses an example, got ${losses.size} in all.`,
    );
  }
  return tf.mean(tf.reshape(losses, [-1, multiplicity]), 1) as tf.Tensor1D;
}

/** The views of a run's batches, made outside the loss function: what is random stays the same while it is checked. */
export class Views {
  readonly multiplicity: number;
  private readonly augmentation: Augmentation;
  private readonly tried = new Set<number>();

  constructor(augmentation: Augmentation) {
    if (typeof augmentation !== 'object' || augmentation === null) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected augmentation { multiplicity, view }, got ${typeof augmentation}.`,
      );
    }
    this.multiplicity = requireMultiplicity(augmentation.multiplicity);
    const given = [augmentation.view, augmentation.views].filter((entry) => typeof entry === 'function');
    if (given.length !== 1) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected one of the functions view and views, got ${given.length === 0 ? 'neither' : 'both'}.`,
      );
    }
    this.augmentation = augmentation;
  }

  /** Inputs [batch, …] as views [batch, K, …]; the caller disposes them. */
  of(xs: readonly tf.Tensor[]): tf.Tensor[] {
    return xs.map((tensor, input) => {
      if (!this.tried.has(input) && (tensor.shape[0] as number) > 1) {
        this.tryOut(tensor, input);
        this.tried.add(input);
      }
      return tf.tidy(() => this.make(tensor, input));
    });
  }

  /** Targets [batch, …] once for each view, [batch, K, …]; the caller disposes them. */
  targets(ys: readonly tf.Tensor[]): tf.Tensor[] {
    return ys.map((tensor) =>
      tf.tidy(() =>
        tf.tile(tf.expandDims(tensor, 1), [1, this.multiplicity, ...tensor.shape.slice(1).map(() => 1)]),
      ),
    );
  }

  /** Per-example losses of views, from per-view losses of rows. */
  loss(
    xs: readonly tf.Tensor[],
    ys: readonly tf.Tensor[],
    rowLoss: (xs: tf.Tensor[], ys: tf.Tensor[]) => tf.Tensor1D,
  ): tf.Tensor1D {
    const rows = (tensor: tf.Tensor) => tf.reshape(tensor, [-1, ...tensor.shape.slice(2)]);
    return averageOverViews(rowLoss(xs.map(rows), ys.map(rows)), this.multiplicity);
  }

  private make(xs: tf.Tensor, input: number): tf.Tensor {
    const { view, views } = this.augmentation;
    const made =
      view === undefined
        ? views?.(xs, input)
        : tf.stack(
            Array.from({ length: this.multiplicity }, () => sameShape(view(xs, input), xs)),
            1,
          );
    const expected = [xs.shape[0], this.multiplicity];
    if (
      !(made instanceof tf.Tensor) ||
      made.shape[0] !== expected[0] ||
      made.shape[1] !== expected[1] ||
      made.rank !== xs.rank + 1
    ) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected views of shape [${[...expected, ...xs.shape.slice(1)]}], got ` +
          `${made instanceof tf.Tensor ? `[${made.shape}]` : typeof made}.`,
      );
    }
    return made;
  }

  /** Turns one example into NaN, which spreads to whatever is computed from it. */
  private tryOut(xs: tf.Tensor, input: number): void {
    if (xs.dtype !== 'float32') return;
    const others = tf.tidy(() => {
      const rest = xs.shape.slice(1);
      const batch = xs.shape[0] as number;
      const probe = tf.concat([tf.fill([1, ...rest], Number.NaN), tf.zeros([batch - 1, ...rest])], 0);
      const made = this.make(probe, input);
      const others = tf.slice(
        made,
        [1, ...made.shape.slice(1).map(() => 0)],
        [batch - 1, ...made.shape.slice(1)],
      );
      return others.dataSync().some(Number.isNaN);
    });
    if (!others) return;
    throw new DpError(
      'DP_CROSS_EXAMPLE',
      'Expected views of an example to depend on it alone, got an augmentation in which one example shows in the views ' +
        'of another (mixing, shuffling, or statistics of the batch). Then one example would move several gradients.',
    );
  }
}

function sameShape(made: unknown, xs: tf.Tensor): tf.Tensor {
  if (made instanceof tf.Tensor && tf.util.arraysEqual(made.shape, xs.shape)) return made;
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `Expected a view of shape [${xs.shape}], got ${made instanceof tf.Tensor ? `[${made.shape}]` : typeof made}.`,
  );
}

function requireMultiplicity(multiplicity: unknown): number {
  if (Number.isSafeInteger(multiplicity) && (multiplicity as number) >= 1) return multiplicity as number;
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `Expected a multiplicity of at least 1, got ${String(multiplicity)}.`,
  );
}

import { DpError } from 'privacy-accounting';

/**
 * How a threshold attack ranks examples. Each score grows with the suspicion of membership; the direction
 * belongs to the attack and is never chosen from the data.
 *
 * - `loss`: log p_y, the cross-entropy of the label, negated.
 * - `confidence`: p_y. The same ranking as `loss`, up to ties where p_y rounds to 0 or 1 in float64.
 * - `logit-confidence`: log(p_y / (1 − p_y)). The same ranking again, near Gaussian: the one to draw.
 * - `max-confidence`: the model's largest log-probability. An attacker without the label can compute it.
 */
export type ScoreName = 'loss' | 'confidence' | 'logit-confidence' | 'max-confidence';

/** Model outputs before the softmax, row by row: `logits` is [n, classes], `labels` is [n]. */
export interface ScoreInput {
  readonly logits: Float32Array | Float64Array;
  readonly labels: ArrayLike<number>;
  /** At least 2. A single sigmoid output z is the row [0, z]. */
  readonly classes: number;
}

/** One float64 a row, and how many rows held a NaN or an infinity. */
export interface Scores {
  readonly values: Float64Array;
  readonly nonFinite: number;
}

/**
 * Per-example cross-entropy −log p_y = log Σ_j exp(z_j − z_y), in nats, computed in float64 by a log-sum-exp
 * that keeps its relative precision however small the loss is.
 *
 * A row with a NaN or infinite logit counts in `nonFinite` and gets the least confident value, +∞: no
 * threshold ever accuses it. Any fixed rule keeps the audit's bounds valid; this one also keeps the attack
 * from crediting itself with a broken row. All rows non-finite: `DP_NUMERICAL`.
 *
 * @example
 * lossScores({ logits: Float32Array.of(2, 1, 0.5), labels: [0], classes: 3 }).values[0]; // 0.464…
 */
export function lossScores(input: ScoreInput): Scores {
  return scoreRows(input, Number.POSITIVE_INFINITY, (row, label) => -logProbability(row, label));
}

/** Confidence in the label p_y = exp(−loss) ∈ [0, 1]; 0 for a non-finite row. @see lossScores */
export function confidenceScores(input: ScoreInput): Scores {
  return scoreRows(input, 0, (row, label) => Math.exp(logProbability(row, label)));
}

/**
 * Logit-scaled confidence log(p_y / (1 − p_y)) = z_y − log Σ_{j≠y} exp(z_j), in nats; −∞ for a non-finite
 * row. Computed without forming p_y, so that it never saturates (Carlini et al. 2022, section IV).
 */
export function logitConfidenceScores(input: ScoreInput): Scores {
  return scoreRows(input, Number.NEGATIVE_INFINITY, (row, label) => row[label]! - logSumExp(row, label));
}

/** The largest log-probability max_c log p_c ≤ 0, in nats; −∞ for a non-finite row. Needs no label. */
export function maxConfidenceScores(input: ScoreInput): Scores {
  return scoreRows(input, Number.NEGATIVE_INFINITY, (row) => logProbability(row, argMax(row)));
}

/**
 * The score of attack `name`, oriented so that a larger value means "more likely a member".
 *
 * @example
 * const { values } = membershipScores('loss', { logits, labels, classes: 10 }); // log p_y
 */
export function membershipScores(name: ScoreName, input: ScoreInput): Scores {
  switch (name) {
    case 'loss': {
      const { values, nonFinite } = lossScores(input);
      return { values: values.map((loss) => -loss), nonFinite };
    }
    case 'confidence':
      return confidenceScores(input);
    case 'logit-confidence':
      return logitConfidenceScores(input);
    case 'max-confidence':
      return maxConfidenceScores(input);
    default:
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `score: expected 'loss', 'confidence', 'logit-confidence' or 'max-confidence', got ${String(name)}.`,
      );
  }
}

function scoreRows(
  { logits, labels, classes }: ScoreInput,
  leastConfident: number,
  score: (row: Float64Array, label: number) => number,
): Scores {
  if (!Number.isInteger(classes) || classes < 2) {
    throw new DpError('DP_INVALID_ARGUMENT', `classes: expected an integer of at least 2, got ${classes}.`);
  }
  const n = labels.length;
  if (n === 0 || logits.length !== n * classes) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `logits: expected ${n} labels × ${classes} classes = ${n * classes} values (and at least one row), ` +
        `got ${logits.length}. Pass the model's outputs row by row.`,
    );
  }
  const values = new Float64Array(n);
  const row = new Float64Array(classes);
  let nonFinite = 0;
  for (let i = 0; i < n; i++) {
    const label = labels[i]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `labels[${i}]: expected an integer class in 0…${classes - 1}, got ${label}.`,
      );
    }
    row.set(logits.subarray(i * classes, (i + 1) * classes));
    if (row.every(Number.isFinite)) {
      values[i] = score(row, label);
    } else {
      values[i] = leastConfident;
      nonFinite++;
    }
  }
  if (nonFinite === n) {
    throw new DpError(
      'DP_NUMERICAL',
      `logits: all ${n} rows hold a NaN or an infinity. The model diverged: nothing can be audited.`,
    );
  }
  return { values, nonFinite };
}

/** log p_k of the softmax of `row`; exact to rounding for p_k near 1 because the largest term leaves the sum. */
function logProbability(row: Float64Array, k: number): number {
  const top = argMax(row);
  let rest = 0;
  for (let j = 0; j < row.length; j++) if (j !== top) rest += Math.exp(row[j]! - row[top]!);
  return row[k]! - row[top]! - Math.log1p(rest);
}

/** log Σ_{j≠skip} exp(row_j). */
function logSumExp(row: Float64Array, skip: number): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < row.length; j++) if (j !== skip && row[j]! > top) top = row[j]!;
  let sum = 0;
  for (let j = 0; j < row.length; j++) if (j !== skip) sum += Math.exp(row[j]! - top);
  return top + Math.log(sum);
}

function argMax(row: Float64Array): number {
  let top = 0;
  for (let j = 1; j < row.length; j++) if (row[j]! > row[top]!) top = j;
  return top;
}

import { requireNumber, requireRecord } from '../arguments.js';
import { requireGram, roundUpSum } from './banded-sensitivity.js';

/**
 * The L2 sensitivity of a strategy matrix C under fixed-epoch participation: a record takes part in the steps i, i +
 * b, i + 2b, …, once in each of k = `epochs` epochs of b = n/k steps: √(max_i Σ |CᵀC| over those k × k entries),
 * `gram` = CᵀC. Exact, rounded up, where the entries concerned are non-negative; an upper bound otherwise.
 *
 * Source: Choquette-Choo et al. 2022 (arXiv:2211.06530), § 2; 2023 (arXiv:2306.08153), Eq. 5.
 *
 * @example
 * fixedEpochSensitivity({ gram: [[2, 1], [1, 1]], epochs: 2 }); // √5
 */
export function fixedEpochSensitivity(options: {
  readonly gram: readonly (readonly number[])[];
  readonly epochs: number;
}): number {
  requireRecord(options, 'options', 'an object { gram, epochs }');
  const gram = requireGram(options.gram);
  const epochs = requireNumber(
    options.epochs,
    'epochs',
    `a whole number that divides the ${gram.length} steps`,
    (k) => Number.isInteger(k) && k >= 1 && gram.length % k === 0,
  );
  const separation = gram.length / epochs;
  let largest = 0;
  for (let first = 0; first < separation; first++) {
    let square = 0;
    for (let i = first; i < gram.length; i += separation) {
      for (let j = first; j < gram.length; j += separation) square += Math.abs(gram[i]![j]!);
    }
    largest = Math.max(largest, square);
  }
  return Math.sqrt(roundUpSum(largest, epochs * epochs));
}

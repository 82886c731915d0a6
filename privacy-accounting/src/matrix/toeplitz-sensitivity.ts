import { invalidArgument, requireNumber, requireRecord } from '../arguments.js';
import {
  type Participation,
  requireNumbers,
  requireParticipation,
  roundUpSum,
} from './banded-sensitivity.js';

/** Parameters of {@link toeplitzSensitivity}. */
export interface ToeplitzOptions extends Participation {
  /** c₀ ≥ c₁ ≥ … ≥ 0: the first column of C; zeros may be left out at its end. */
  readonly coefficients: readonly number[];
  /** n: how many steps, the size of C. */
  readonly steps: number;
}

/**
 * The L2 sensitivity of a lower-triangular Toeplitz strategy matrix with non-negative, non-increasing coefficients: ‖Σ
 * of the columns 0, b, 2b, …, (k−1)b‖ for b = `minSeparation`, k = `maxParticipations` (or as many as n steps have
 * room for). Exact, rounded up: participating as early and as often as allowed is the worst, and with entries ≥ 0
 * contributions in one direction are. O(n).
 *
 * Source: Kalinin & Lampert 2024 (arXiv:2405.13763), Thm 2; Dvijotham et al. 2024 (arXiv:2404.16706) for k = 1.
 *
 * @example
 * toeplitzSensitivity({ coefficients: [1, 0.5, 0.375], steps: 100, minSeparation: 10, maxParticipations: 5 }); // √6.953125
 */
export function toeplitzSensitivity(options: ToeplitzOptions): number {
  requireRecord(options, 'options', 'an object { coefficients, steps, minSeparation }');
  const steps = requireNumber(
    options.steps,
    'steps',
    'a whole number from 1 to 1e7',
    (n) => Number.isInteger(n) && n >= 1 && n <= 1e7,
  );
  const coefficients = requireNumbers(options.coefficients, 'coefficients', (c) => c >= 0, '0 or larger');
  const rise = coefficients.findIndex((c, i) => i > 0 && c > coefficients[i - 1]!);
  if (rise > 0) {
    throw invalidArgument(
      `coefficients[${rise}]`,
      `at most the one before it, ${coefficients[rise - 1]}`,
      coefficients[rise],
      'For other matrices use gramSensitivity.',
    );
  }
  const { minSeparation, participations } = requireParticipation(options, steps);
  return Math.sqrt(toeplitzSquare(coefficients, steps, minSeparation, participations));
}

/** The square of it, for checked arguments. */
export function toeplitzSquare(
  coefficients: readonly number[] | Float64Array,
  steps: number,
  minSeparation: number,
  participations: number,
): number {
  const length = Math.min(steps, coefficients.length);
  if (length <= minSeparation) {
    // The columns do not overlap: k − 1 whole ones, and what the last has room for.
    const whole = squares(coefficients, length);
    const lastRoom = steps - (participations - 1) * minSeparation;
    const last = lastRoom >= length ? whole : squares(coefficients, lastRoom);
    return roundUpSum((participations - 1) * whole + last, length + 2);
  }
  // Row i is the sum of c_i, c_{i−b}, … over the participations that started by then: at most k of them.
  const rows = new Float64Array(steps);
  const entry = (i: number) => (i >= 0 && i < length ? coefficients[i]! : 0);
  let square = 0;
  for (let i = 0; i < steps; i++) {
    // A running sum along i mod b; the one that drops out after k participations is not subtracted, but summed anew.
    if (i < participations * minSeparation) {
      rows[i] = entry(i) + (i >= minSeparation ? rows[i - minSeparation]! : 0);
    } else {
      let sum = 0;
      for (let j = participations - 1; j >= 0; j--) sum += entry(i - j * minSeparation);
      rows[i] = sum;
    }
    square += rows[i]! * rows[i]!;
  }
  return roundUpSum(square, steps + 2 * participations);
}

function squares(values: readonly number[] | Float64Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[i]! * values[i]!;
  return sum;
}

import { invalidArgument, requireNumber, requireRecord } from '../arguments.js';
import { DpError } from '../errors.js';
import { type Participation, requireNumbers, requireParticipation } from './banded-sensitivity.js';
import { toeplitzSquare } from './toeplitz-sensitivity.js';

/** Parameters of a buffered linear Toeplitz matrix: d buffers. */
export interface BltOptions {
  /** θ ∈ [0, 1]: what each buffer keeps from step to step. */
  readonly bufferDecay: readonly number[];
  /** ω: with which weight each buffer is read. */
  readonly outputScale: readonly number[];
  /** n: how many steps. */
  readonly steps: number;
}

/** θ^i by i multiplications is within i roundings of it; twice that, and once more for each buffer added. */
const POWER_SLACK = 2 * Number.EPSILON;

/**
 * The first column of a buffered linear Toeplitz matrix: c₀ = 1, c_i = Σ_j ω_j·θ_j^{i−1}.
 *
 * Source: Dvijotham et al. 2024 (arXiv:2404.16706); McMahan, Xu & Zhang 2024 (arXiv:2408.08868).
 *
 * @example
 * bltCoefficients({ bufferDecay: [0.9], outputScale: [0.9], steps: 3 }); // [1, 0.9, 0.81]
 */
export function bltCoefficients(options: BltOptions): Float64Array {
  return firstColumn(options, (value) => value);
}

/** Σ over buffers of term(ω_j·θ_j^{i−1}, i), and term(1, 0) first. */
function firstColumn(options: BltOptions, term: (value: number, i: number) => number): Float64Array {
  requireRecord(options, 'options', 'an object { bufferDecay, outputScale, steps }');
  const decay = requireNumbers(options.bufferDecay, 'bufferDecay', (x) => x >= 0 && x <= 1, '0 to 1');
  const scale = requireNumbers(options.outputScale, 'outputScale', () => true, 'finite');
  if (scale.length !== decay.length) {
    throw invalidArgument('outputScale', `${decay.length} numbers, one for each buffer`, options.outputScale);
  }
  const steps = requireNumber(
    options.steps,
    'steps',
    'a whole number from 1 to 1e7',
    (n) => Number.isInteger(n) && n >= 1 && n <= 1e7,
  );
  const column = new Float64Array(steps);
  column[0] = term(1, 0);
  decay.forEach((theta, j) => {
    let value = scale[j]!;
    for (let i = 1; i < steps && value !== 0; i++) {
      column[i]! += term(value, i);
      value *= theta;
    }
  });
  return column;
}

/**
 * The L2 sensitivity of a buffered linear Toeplitz strategy matrix, by its coefficients: they must be non-negative and
 * non-increasing, as for every BLT with ω ≥ 0 and Σω ≤ 1 (otherwise the worst participation is not known, and an error
 * says which coefficient it is). Rounded up, the rounding of the powers included. DP-λCGD is the BLT θ = ω = λ.
 *
 * Source: McMahan, Xu & Zhang 2024 (arXiv:2408.08868); Kalinin & Lampert 2024 (arXiv:2405.13763), Thm 2.
 *
 * @example
 * bltSensitivity({ bufferDecay: [0.9], outputScale: [0.9], steps: 1000, minSeparation: 100, maxParticipations: 10 }) ** 2; // 52.634…
 */
export function bltSensitivity(options: BltOptions & Participation): number {
  const column = bltCoefficients(options);
  const scale = options.outputScale;
  const monotone = scale.every((w) => w >= 0) && scale.reduce((sum, w) => sum + w, 0) <= 1;
  if (!monotone) requireMonotone(column);
  const { minSeparation, participations } = requireParticipation(options, options.steps);
  const buffers = scale.length;
  const above = firstColumn(options, (value, i) => value + Math.abs(value) * POWER_SLACK * (i + buffers));
  return Math.sqrt(toeplitzSquare(above, options.steps, minSeparation, participations));
}

function requireMonotone(column: Float64Array): void {
  for (let i = 1; i < column.length; i++) {
    if (column[i]! >= 0 && column[i]! <= column[i - 1]!) continue;
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Coefficient ${i} of this BLT is ${column[i]}, after ${column[i - 1]}: a sensitivity is known only where coefficients ` +
        'are non-negative and never rise. Use outputScale >= 0 with a sum of at most 1.',
    );
  }
}

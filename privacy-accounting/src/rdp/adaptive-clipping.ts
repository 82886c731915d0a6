import { invalidArgument, requireNumber, requireRecord } from '../arguments.js';

/**
 * The noise multiplier of the sum, σ_Δ = (σ^{−2} − (2σ_b)^{−2})^{−1/2}, such that the sum and the noisy count of
 * unclipped records, released together, are worth one Gaussian of `effectiveNoiseMultiplier` σ. σ_b = `countStddev` is
 * the standard deviation of the noise on the count, which adds up b − ½ for each record's bit b, so that one record
 * moves it by ½. Rounded up: the noise that is asked for is never too little.
 *
 * The bits must be centred: of b itself one record's sensitivity is 1, and this would undercharge. Under replace-one
 * both the sum and the count move twice as far, and the formula stays.
 *
 * An error when the count alone costs more than σ allows: 2σ_b ≤ σ.
 *
 * Source: Andrew, Thakkar, McMahan & Ramaswamy 2021 (arXiv:1905.03871), Thm 1.
 *
 * @example
 * sumNoiseMultiplier({ effectiveNoiseMultiplier: 0.8, countStddev: 5 }); // 0.80257…
 */
export function sumNoiseMultiplier(options: {
  readonly effectiveNoiseMultiplier: number;
  readonly countStddev: number;
}): number {
  requireRecord(options, 'options', 'an object { effectiveNoiseMultiplier, countStddev }');
  const sigma = requirePositive(options.effectiveNoiseMultiplier, 'effectiveNoiseMultiplier');
  const count = requirePositive(options.countStddev, 'countStddev');
  const share = sigma / (2 * count);
  if (share >= 1) {
    throw invalidArgument(
      'countStddev',
      `more than effectiveNoiseMultiplier / 2 = ${sigma / 2}`,
      count,
      'With less noise the count alone spends more than the whole release may.',
    );
  }
  return (sigma / Math.sqrt((1 - share) * (1 + share))) * (1 + 4 * Number.EPSILON);
}

/**
 * The noise multiplier that a sum of `sumNoiseMultiplier` and a centred count of `countStddev` are worth together,
 * (σ_Δ^{−2} + (2σ_b)^{−2})^{−1/2}, rounded down: the inverse of {@link sumNoiseMultiplier}. 0 if either has no noise.
 */
export function effectiveNoiseMultiplier(options: {
  readonly sumNoiseMultiplier: number;
  readonly countStddev: number;
}): number {
  requireRecord(options, 'options', 'an object { sumNoiseMultiplier, countStddev }');
  const accepts = (x: number) => x >= 0;
  const expected = 'a finite number, 0 or larger';
  const sum = requireNumber(options.sumNoiseMultiplier, 'sumNoiseMultiplier', expected, accepts);
  const count = 2 * requireNumber(options.countStddev, 'countStddev', expected, accepts);
  if (sum === 0 || count === 0) return 0;
  const [smaller, larger] = sum < count ? [sum, count] : [count, sum];
  return (smaller / Math.sqrt(1 + (smaller / larger) ** 2)) * (1 - 4 * Number.EPSILON);
}

function requirePositive(value: unknown, path: string): number {
  return requireNumber(value, path, 'a finite number above 0', (x) => x > 0);
}

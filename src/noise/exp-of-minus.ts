/**
 * exp(−x) with a *proven* error, for decisions that must be exact. `Math.exp` won't do: ECMAScript leaves its error
 * to the implementation. Addition, multiplication and division of doubles are IEEE 754's and may be relied on.
 */

/** {@link expOfMinus} is within this relative error. */
export const EXP_RELATIVE_ERROR = 2 ** -50;

/** {@link expOfMinus} takes arguments up to here. */
export const LARGEST_EXP_ARGUMENT = 64;

/** ln 2 cut to 40 bits, so that its products with integers below 2¹³ are exact; and the rest. */
const LN2_HIGH = 762_123_384_785 * 2 ** -40;
const LN2_LOW = 7.371002565167799e-13;

/** 1/i!, i = 0 … 13. */
const COEFFICIENTS = Float64Array.from({ length: 14 }, (_, i) => {
  let factorial = 1;
  for (let j = 2; j <= i; j++) factorial *= j;
  return 1 / factorial;
});

/**
 * exp(−x) for a double x ∈ [0, 64], within a relative error of 2⁻⁵⁰.
 *
 * Proof, with u = 2⁻⁵³: x = n·ln 2 + r with n ≤ 93 and |r| ≤ 0.35; forming r errs by at most 2·0.36·u. The Taylor
 * polynomial of degree 13 at −r leaves 0.35¹⁴/14! < 0.05·u; Horner's rule with coefficients rounded once errs by at
 * most u·Σ (2i + 1)|r|ⁱ/i! < 2.6·u, and the result is at least 0.7. In all less than 5·u relative; 2⁻ⁿ is exact.
 */
export function expOfMinus(x: number): number {
  const n = Math.round(x * Math.LOG2E);
  const z = n * LN2_LOW - (x - n * LN2_HIGH);
  let sum = COEFFICIENTS[13]!;
  for (let i = 12; i >= 0; i--) sum = sum * z + COEFFICIENTS[i]!;
  return sum * 2 ** -n;
}

/** lower·2⁻ˢᶜᵃˡᵉ ≤ exp(−x) ≤ upper·2⁻ˢᶜᵃˡᵉ. */
export interface ExpEnclosure {
  readonly lower: bigint;
  readonly upper: bigint;
  readonly scale: number;
}

/**
 * Encloses exp(−x), x = numerator/denominator ≥ 0, in an interval no wider than 2⁻ᵇⁱᵗˢ, by integer arithmetic alone.
 *
 * Proof: x is halved h times until it is at most ½, then cut to an integer y of units 2⁻ˢᶜᵃˡᵉ, which moves
 * exp by less than a unit. Each Taylor term tᵢ = ⌊tᵢ₋₁·y/i⌋ errs by less than 2 units (half of the previous error,
 * and 1), the series is cut at its first vanishing term: an alternating remainder below 2 units. So N terms err by
 * less than 2N + 3 units. Squaring h times, outwards rounded, undoes the halving; 2h + 16 guard bits cover the growth.
 */
export function encloseExpOfMinus(x: {
  readonly numerator: bigint;
  readonly denominator: bigint;
  readonly bits: number;
}): ExpEnclosure {
  let halvings = 0;
  while (2n * x.numerator > x.denominator << BigInt(halvings)) halvings++;
  const scale = x.bits + 2 * halvings + 16;
  const shift = BigInt(scale);
  const one = 1n << shift;
  const y = (x.numerator << shift) / (x.denominator << BigInt(halvings));
  let sum = one;
  let term = one;
  let terms = 1n;
  for (; term > 0n; terms++) {
    term = ((term * y) >> shift) / terms;
    sum += terms % 2n === 1n ? -term : term;
  }
  const slack = 2n * terms + 3n;
  let lower = sum - slack;
  let upper = sum + slack < one ? sum + slack : one;
  for (let i = 0; i < halvings; i++) {
    lower = (lower * lower) >> shift;
    upper = ((upper * upper) >> shift) + 1n;
  }
  return { lower, upper, scale };
}

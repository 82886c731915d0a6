import { describe, expect, it } from 'vitest';
import { MAX_GRID_SIGMA, MIN_GRID_SIGMA } from './discrete-gaussian-source.js';
import { encloseExpOfMinus } from './exp-of-minus.js';
import { FIRST_BITS, gaussianStrips, STRIP_SLOTS } from './gaussian-strips.js';

/** ρ(k)·2²⁰⁰ in integers: a lower and an upper bound. */
function density(k: number, sigma: number): { lower: bigint; upper: bigint } {
  const scaled = BigInt(sigma * 2 ** 55);
  const { lower, upper, scale } = encloseExpOfMinus({
    numerator: (BigInt(k) ** 2n) << 109n,
    denominator: scaled * scaled,
    bits: 200,
  });
  const shift = BigInt(scale - 200);
  return { lower: lower >> shift, upper: (upper >> shift) + 1n };
}

/** Above ln 2 by less than 1e-15. */
const LN2_ABOVE = 0.6931471805599454;

describe.each([
  MIN_GRID_SIGMA,
  0.3,
  0.5,
  1,
  1.7,
  Math.PI,
  10,
  100 / 3,
  256,
  1024.5,
  65_536 * 1.1,
  2 ** 20,
  MAX_GRID_SIGMA,
])('the strips of σ = %d', (sigma) => {
  const strips = gaussianStrips(sigma);
  const { count, tail, mask, first, width, unfair, safeBelow, bound } = strips;
  const all = Array.from({ length: count }, (_, j) => j);

  it('follow each other from 0 on without gap or overlap, and the tail goes on for ever', () => {
    expect(count).toBeLessThanOrEqual(STRIP_SLOTS);
    expect(tail).toBe(count - 1);
    expect(mask).toBeGreaterThanOrEqual(tail);
    expect(mask & (mask + 1)).toBe(0);
    let next = 0;
    for (const j of all) {
      expect(first[j]).toBe(next);
      expect(Number.isInteger(width[j]!) && width[j]! >= 1 && width[j]! < 2 ** 24).toBe(true);
      expect(unfair[j]).toBe(2 ** 29 % width[j]!);
      next += width[j]!;
    }
  });

  it('never ask for more than certainty: wⱼ·ρ ≤ bound at the first integer of each, hence everywhere', () => {
    const scaledBound = BigInt(bound * 2 ** 32) << 200n;
    for (const j of all) {
      const weight = BigInt(width[j]!) * (j === tail ? 2n : 1n);
      expect((weight * density(first[j]!, sigma).upper) << 32n <= scaledBound, `strip ${j}`).toBe(true);
    }
    // From one block of the tail to the next ρ falls by at least exp(−first·width/σ²), which must not exceed ½.
    expect((first[tail]! * width[tail]!) / sigma ** 2).toBeGreaterThan(LN2_ABOVE * (1 + 1e-12));
  });

  it('call safe only what is accepted in the whole strip', () => {
    const scaledBound = BigInt(bound * 2 ** 32) << 200n;
    for (const j of all.slice(0, -1)) {
      const least = (BigInt(width[j]!) * density(first[j]! + width[j]! - 1, sigma).lower) << 32n;
      expect(BigInt(safeBelow[j]!) * scaledBound <= least << BigInt(FIRST_BITS), `strip ${j}`).toBe(true);
    }
    expect(safeBelow[tail]).toBe(0);
  });

  it('propose well', () => {
    const mass = 0.5 + Math.sqrt(Math.PI / 2) * sigma;
    expect(mass / (count * bound)).toBeGreaterThan(sigma > 1000 ? 0.9 : 0.4);
  });
});

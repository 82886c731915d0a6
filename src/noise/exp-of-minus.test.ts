import { describe, expect, it } from 'vitest';
import { EXP_RELATIVE_ERROR, encloseExpOfMinus, expOfMinus, LARGEST_EXP_ARGUMENT } from './exp-of-minus.js';

/** x as numerator / 2⁶⁰, exact for multiples of 2⁻⁶⁰. */
const fraction = (x: number) => ({ numerator: BigInt(x * 2 ** 60), denominator: 1n << 60n });

describe('encloseExpOfMinus', () => {
  it.each([
    // mpmath, mp.dps = 80: exp(-x) * 10**60
    [1n, 1n, '367879441171442321595523770161460867445811131031767834507836'],
    [1n, 3n, '716531310573789250425604096925379667453112059821479157140870'],
    [50n, 7n, '790490323119966477365465575667901066211655600171289786382'],
  ])('holds exp(−%d/%d), to 200 bits', (numerator, denominator, digits) => {
    const { lower, upper, scale } = encloseExpOfMinus({ numerator, denominator, bits: 190 });
    const ten = 10n ** 60n;
    const value = BigInt(digits);
    // The digits are rounded: their interval and the enclosure must meet.
    expect(lower * ten <= (value + 1n) << BigInt(scale)).toBe(true);
    expect(upper * ten >= (value - 1n) << BigInt(scale)).toBe(true);
    expect((upper - lower) << 190n <= 1n << BigInt(scale)).toBe(true);
  });

  it('is exactly 1 at 0 from above, and narrows as bits are added', () => {
    const zero = encloseExpOfMinus({ numerator: 0n, denominator: 1n, bits: 64 });
    expect(zero.upper).toBe(1n << BigInt(zero.scale));
    for (const [numerator, denominator] of [
      [1n, 10n ** 12n],
      [3n, 2n],
      [1000n, 3n],
    ] as const) {
      const coarse = encloseExpOfMinus({ numerator, denominator, bits: 64 });
      const fine = encloseExpOfMinus({ numerator, denominator, bits: 640 });
      const finer = (value: bigint) => value << BigInt(fine.scale - coarse.scale);
      expect(fine.lower <= fine.upper).toBe(true);
      expect(finer(coarse.lower) <= fine.lower && fine.upper <= finer(coarse.upper)).toBe(true);
      expect((coarse.upper - coarse.lower) << 64n <= 1n << BigInt(coarse.scale)).toBe(true);
    }
  });
});

describe('expOfMinus', () => {
  it('keeps to its proven error on all of [0, 64], the joints of its reduction included', () => {
    const points = [0, 2 ** -60, LARGEST_EXP_ARGUMENT];
    for (let n = 0; n <= 92; n++) {
      const joint = Math.min(LARGEST_EXP_ARGUMENT, (n + 0.5) * Math.LN2);
      points.push(joint, joint * (1 - 2 ** -52), Math.min(LARGEST_EXP_ARGUMENT, joint * (1 + 2 ** -52)));
    }
    for (let i = 1; i < 3000; i++) points.push((LARGEST_EXP_ARGUMENT * ((i * 0.6180339887498949) % 1)) % 64);
    let worst = 0;
    for (const x of points) {
      const { lower, scale } = encloseExpOfMinus({ ...fraction(x), bits: 180 });
      const approximate = BigInt(Math.round(expOfMinus(x) * 2 ** 160)) << BigInt(scale - 160);
      const error = approximate > lower ? approximate - lower : lower - approximate;
      worst = Math.max(worst, Number((error << 80n) / lower) * 2 ** -80);
    }
    expect(worst).toBeLessThan(EXP_RELATIVE_ERROR);
    expect(worst).toBeGreaterThan(2 ** -56);
  });
});

import { describe, expect, it } from 'vitest';
import { acceptsExactly } from './exact-acceptance.js';
import { encloseExpOfMinus } from './exp-of-minus.js';

const cases = [
  { k: 1500, sigma: 1024.5, width: 12, doublings: 0, bound: 8 + 2 ** -20 },
  { k: 7, sigma: 0.75, width: 1, doublings: 5, bound: 1 + 2 ** -32 },
  { k: 300_000_000, sigma: 2 ** 25, width: 9_000_000, doublings: 40, bound: 166_060.875 },
];

/** ⌊t·2ᵇⁱᵗˢ⌋ of the case's threshold t. */
function threshold({ k, sigma, width, doublings, bound }: (typeof cases)[number], bits: number): bigint {
  const scaled = BigInt(sigma * 2 ** 55);
  const { lower, scale } = encloseExpOfMinus({
    numerator: (BigInt(k) ** 2n) << 109n,
    denominator: scaled * scaled,
    bits: bits + 200,
  });
  const weight = BigInt(width) << BigInt(doublings);
  return (weight * lower * 2n ** 32n * 2n ** BigInt(bits)) / (BigInt(bound * 2 ** 32) << BigInt(scale));
}

/** Asks about the v whose first 53 + 32·words bits are the given ones; zeros, or ones, follow. */
function ask(which: (typeof cases)[number], v: bigint, words: number, then: 0 | 1) {
  let drawn = 0;
  const accepted = acceptsExactly({
    ...which,
    drawn: Number(v >> BigInt(32 * words)),
    next: () => {
      const left = words - ++drawn;
      return left >= 0 ? Number((v >> BigInt(32 * left)) & 0xffffffffn) : then * 0xffffffff;
    },
  });
  return { accepted, drawn };
}

describe.each(cases)('acceptsExactly at k = $k, σ = $sigma', (which) => {
  it.each([1, 2, 5])('tells v from a t that agrees in 53 + 32 · %d bits but for the last', (words) => {
    const t = threshold(which, 53 + 32 * words);
    // Just below t, whatever follows; just above it, whatever follows.
    for (const then of [0, 1] as const) {
      const below = ask(which, t - 1n, words, then);
      expect(below.accepted).toBe(true);
      const above = ask(which, t + 1n, words, then);
      expect(above.accepted).toBe(false);
      for (const { drawn } of [below, above]) {
        expect(drawn).toBeGreaterThanOrEqual(words);
        expect(drawn).toBeLessThanOrEqual(words + 1);
      }
    }
  });

  it('draws nothing where 53 bits tell', () => {
    const t = threshold(which, 53);
    expect(ask(which, t - 2n, 0, 0)).toEqual({ accepted: true, drawn: 0 });
    expect(ask(which, t + 2n, 0, 0)).toEqual({ accepted: false, drawn: 0 });
  });
});

it('decides at k = 0 too, where t is rational', () => {
  const half = { k: 0, sigma: 1, width: 1, doublings: 0, bound: 2 };
  const word = (value: number) => ({ ...half, drawn: value, next: () => 0 });
  expect(acceptsExactly(word(2 ** 52 - 1))).toBe(true);
  expect(acceptsExactly(word(2 ** 52 + 1))).toBe(false);
});

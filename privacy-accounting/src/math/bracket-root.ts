import { DpError } from '../errors.js';

/** Two points between which a function changes sign: f(positive) > 0 ≥ f(nonPositive). */
export interface SignBracket {
  readonly positive: number;
  readonly nonPositive: number;
}

/**
 * Narrows a bracket of a sign change of f until its ends are within `tolerance(x)` of each other, by inverse
 * quadratic interpolation where it is safe and bisection elsewhere (Chandrupatla 1997, "A new hybrid quadratic/
 * bisection algorithm"). Returns both ends: the caller picks the safe side, so the result errs only one way.
 *
 * f may be infinite or flat; only its sign is trusted. NaN is an error.
 */
export function bracketRoot(options: {
  readonly f: (x: number) => number;
  readonly bracket: SignBracket;
  readonly tolerance: (x: number) => number;
}): SignBracket {
  const { f, tolerance } = options;
  let a = options.bracket.positive;
  let b = options.bracket.nonPositive;
  let fa = checked(f, a);
  let fb = checked(f, b);
  if (fa <= 0 || fb > 0) {
    throw new DpError('DP_NUMERICAL', `No sign change between ${a} (${fa}) and ${b} (${fb}).`);
  }
  let t = 0.5;
  for (let i = 0; i < 200 && Math.abs(b - a) > tolerance(b); i++) {
    const x = a + t * (b - a);
    if (x === a || x === b) break;
    const fx = checked(f, x);
    // The point that falls out of the bracket, for the interpolation: on the side of the end just replaced.
    let c: number;
    let fc: number;
    if (fx > 0 === fa > 0) {
      [c, fc, a, fa] = [a, fa, x, fx];
    } else {
      [c, fc, b, fb, a, fa] = [b, fb, a, fa, x, fx];
    }
    const position = (a - b) / (c - b);
    const ratio = (fa - fb) / (fc - fb);
    const interpolates = ratio * ratio < position && (1 - ratio) * (1 - ratio) < 1 - position;
    t = 0.5;
    if (interpolates) {
      t = (fa / (fb - fa)) * (fc / (fb - fc)) + ((c - a) / (b - a)) * (fa / (fc - fa)) * (fb / (fc - fb));
      if (!Number.isFinite(t)) t = 0.5;
    }
    const margin = Math.min(0.5, tolerance(a) / (2 * Math.abs(b - a)));
    t = Math.min(1 - margin, Math.max(margin, t));
  }
  return fa > 0 ? { positive: a, nonPositive: b } : { positive: b, nonPositive: a };
}

function checked(f: (x: number) => number, x: number): number {
  const value = f(x);
  if (Number.isNaN(value)) throw new DpError('DP_NUMERICAL', `The function is not a number at ${x}.`);
  return value;
}

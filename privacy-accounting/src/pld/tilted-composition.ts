import { forwardTransform, transformRounding } from '../math/fft.js';
import { modulo, spectraOf } from './spectrum.js';
import type { TiltedLaw } from './tilted-law.js';

const U = 2 ** -53;

/** A law and how often it is composed. */
export interface TiltedPart {
  readonly tilted: TiltedLaw;
  readonly count: number;
}

/** One direction's laws of a composition, on one grid, and how to look at them. */
export interface Tilted {
  readonly parts: readonly TiltedPart[];
  readonly theta: number;
  /** Index of the first of the window's N grid points. */
  readonly start: number;
  /** Good choices of s for Chernoff's inequality: beyond ε + W, below ε − W, above the window. Any are valid. */
  readonly chernoff: { readonly above: number; readonly below: number; readonly top: number };
}

/**
 * The law of the composed loss inside a window, tilted: the mass at grid point start + j is
 * `masses[j]·exp(logMoment − θ·(start + j)·interval)`, up to the errors below.
 */
export interface TiltedWindow {
  readonly interval: number;
  readonly theta: number;
  readonly start: number;
  readonly logMoment: number;
  readonly masses: Float64Array;
  /** ln E[e^{θS}; S < ∞] of the untilted composition, rounded up: bounds δ where the window does not. */
  readonly logMomentUpper: number;
  /** Of every entry of `masses`, either way: rounding of transforms and powers. */
  readonly error: number;
  /** The tilted mass outside of the window, at most; circular convolution has folded it into the window. */
  readonly outside: number;
  /** The tilted mass that the laws of the parts did not know the place of, at most. */
  readonly stray: number;
  /** ln of the (untilted) mass above the window, and below it, at most. */
  readonly logAbove: number;
  readonly logBelow: number;
  /**
   * ln of what folding adds at most, at ε, to Σ yᵢ·min(peak, e^{−θ(xᵢ−ε)}) over xᵢ ≥ ε. Mass is folded by multiples of the
   * window's width W. From above onto losses ≥ ε: only what is ≥ ε + W. From below: mass at S comes to S + W or farther
   * with weight e^{−θ(S+W−ε)} ≤ e^{−t(S+W−ε)}, 0 ≤ t ≤ θ, or 1: at most e^{t(ε−W)}·E e^{−tS}. And neither
   * is more than all that is folded.
   */
  readonly foldedFrom: (epsilon: number) => { readonly above: number; readonly below: number };
  /** P(L = ∞). */
  readonly infinityMass: number;
  /** ln of the factor by which all masses may be off: those of the one-step laws, and of the exponentials. */
  readonly logFactor: number;
}

/**
 * Composes one or two directions at once, as the real and imaginary part of one transform.
 *
 * One-step laws are tilted: p̃ᵢ = pᵢ·e^{θxᵢ − κ}, with the constant κ ≈ ln Σ pᵢe^{θxᵢ} as computed, so that their sum is 1 up to rounding;
 * the tilted law of a sum of independent losses is the convolution of the tilted laws, and undoing the tilt is one
 * factor. Centred where the question is, the answer is not a far tail, and absolute errors do no harm.
 *
 * Errors. (i) A transform is off by e = {@link transformRounding} · Σ|data| at most, at every frequency. (ii) A power
 * zᵀ as exp(T ln(|z| + e)), T·arg z is off by a factor exp(±T(4e/|z| + 24u)) in all, |z| ≥ 8e, and by twice itself
 * otherwise; the mean of that over frequencies bounds the error of every mass, and so
 * does the inverse transform's. (iii) The convolution is circular: mass outside the window is folded into it. It is
 * bounded by Chernoff's inequality from the laws themselves. All are computed, none is assumed.
 *
 * The cost does not depend on the counts.
 */
export function composeTilted(directions: readonly Tilted[], size: number): readonly TiltedWindow[] {
  const [first] = directions;
  const interval = first!.parts[0]!.tilted.law.interval;
  const spectra = spectraOf(directions, size);
  const data = new Float64Array(2 * size);
  spectra.forEach((spectrum, d) => {
    spectrum.synthesise(data, d);
  });
  const composed = forwardTransform(data);
  const modulus = spectra.reduce((sum, { meanModulus }) => sum + meanModulus, 0);
  return directions.map((direction, d) => {
    // The grid index at index 0 of the circular convolution.
    const offset = direction.parts.reduce((sum, { count, tilted }) => sum + count * tilted.centre, 0);
    const shift = modulo(direction.start - offset, size);
    const masses = new Float64Array(size);
    for (let j = 0; j < size; j++) masses[j] = composed[2 * ((j + shift) % size) + d]! / size;
    const error = (spectra[d]!.meanError + transformRounding(size) * modulus) * 1.01;
    return { ...outside(direction, size), interval, masses, error };
  });
}

/** Choices of s for one tail: s, s/2, s/4 … */
const MOST_LINES = 6;

/** The mass that the window does not hold, and what all masses have in common. */
function outside(direction: Tilted, size: number) {
  const { parts, theta, start } = direction;
  const { interval } = parts[0]!.tilted.law;
  let logMoment = 0;
  let mean = 0;
  let logFinite = 0;
  let logFactor = 0;
  let summation = 0;
  let stray = 0;
  let growth = 0;
  for (const { tilted, count } of parts) {
    const { law } = tilted;
    logMoment += count * tilted.logMoment;
    mean += count * tilted.mean;
    summation += count * U * law.indices.length;
    // ‖A*B − A′*B′‖ ≤ ‖A − A′‖·‖B‖ + ‖A′‖·‖B − B′‖, part by part.
    stray += count * tilted.stray.mass;
    growth += count * tilted.stray.logTotal;
    logFinite += count * Math.log1p(-Math.min(1, law.infinityMass));
    logFactor +=
      count * (law.relativeError + U * (32 + 4 * tilted.largestExponent + Math.abs(tilted.logMoment)));
  }
  stray *= Math.exp(growth) * (1 + 1e-9);
  const from = start * interval;
  const to = (start + size) * interval;
  const width = to - from;
  /** ln E e^{sS} of the tilted composition, at most. */
  const moment = (s: number) =>
    parts.reduce((sum, { tilted, count }) => sum + count * tilted.logMomentAt(s), 0);
  /**
   * ln P̃(S ≥ edge), or ≤ with s < 0, as a function of the edge: Chernoff's inequality, any s being valid. Where cells are
   * wide the law has a larger moment than the pair that s was chosen for; then a smaller one of the same sign is better.
   */
  const tail = (s: number) => {
    const lines = [{ s, log: moment(s) }];
    return (edge: number) => {
      let best = 0;
      for (let i = 0; i < MOST_LINES; i++) {
        lines[i] ??= { s: s / 2 ** i, log: moment(s / 2 ** i) };
        const bound = lines[i]!.log - lines[i]!.s * edge;
        if (best < 0 && bound >= best) break;
        best = Math.min(best, bound);
      }
      return best;
    };
  };
  const { chernoff } = direction;
  const nothing = () => 0;
  const far = chernoff.above > 0 ? tail(chernoff.above) : nothing;
  const top = chernoff.top > 0 && chernoff.top !== chernoff.above ? tail(chernoff.top) : far;
  const under = chernoff.below > 0 ? tail(-chernoff.below) : nothing;
  // The weights of what is folded from below fade no faster than e^{−θx}.
  const near = theta > 0 && chernoff.below > theta ? tail(-theta) : theta > 0 ? under : nothing;
  const above = to > mean ? Math.min(top(to), far(to)) : 0;
  const below = from < mean ? under(from) : 0;
  return {
    theta,
    start,
    logMoment,
    logMomentUpper: logMoment + summation + logFactor + 8 * U * Math.abs(logMoment) + Math.log1p(stray),
    outside: Math.exp(above) + Math.exp(below),
    stray,
    logAbove: above + logMoment - theta * to,
    logBelow: below + logMoment - theta * from,
    foldedFrom: (epsilon: number) => ({
      above: Math.min(above, far(epsilon + width)),
      below: Math.min(below, near(epsilon - width)),
    }),
    infinityMass: -Math.expm1(logFinite),
    logFactor:
      logFactor + 8 * U * (Math.abs(logMoment) + theta * Math.max(Math.abs(from), Math.abs(to)) + size),
  };
}

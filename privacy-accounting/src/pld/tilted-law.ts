import { DpError } from '../errors.js';
import type { LossLaw } from './loss-law.js';

const U = 2 ** -53;

/** Mass that a law does not know the place of. */
export interface Stray {
  readonly mass: number;
  readonly logMoment: number;
}

/** One step's law, tilted: weights pᵢ·e^{θxᵢ − logMoment} of sum 1, up to rounding. */
export class TiltedLaw {
  readonly law: LossLaw;
  readonly theta: number;
  readonly weights: Float64Array;
  /** κ(θ) = ln Σ pᵢe^{θxᵢ}, as computed: a constant that is divided out and put back, so its error is none. */
  readonly logMoment: number;
  /** Of the tilted law, in nats. */
  readonly mean: number;
  readonly variance: number;
  /** The grid index nearest to the mean. */
  readonly centre: number;
  /**
   * The tilted mass that may be missing here, or elsewhere, relative to what is here; and ln of the true law's
   * total, relative to it, at most. A law that was computed by composing has some.
   */
  readonly stray: { readonly mass: number; readonly logTotal: number };
  /** The largest |θx − κ| that was exponentiated, which its exponential's error is relative to. */
  readonly largestExponent: number;

  /**
   * `estimate` of the logarithm of the moment, so that nothing overflows; `stray` mass relative to a total of
   * e^{stray.logMoment}, that of the true law.
   */
  constructor(law: LossLaw, theta: number, estimate: number, stray?: Stray) {
    const { indices, masses, interval } = law;
    const guess = safeNormaliser(law, theta, estimate);
    this.law = law;
    this.theta = theta;
    const weights = new Float64Array(indices.length);
    const scaled = theta * interval;
    let total = 0;
    let first = 0;
    let second = 0;
    let largest = 0;
    const origin = indices.length > 0 ? indices[0]! : 0;
    for (let i = 0; i < indices.length; i++) {
      const exponent = scaled * indices[i]! - guess;
      const weight = masses[i]! * Math.exp(exponent);
      const x = (indices[i]! - origin) * interval;
      weights[i] = weight;
      total += weight;
      first += weight * x;
      second += weight * x * x;
      if (exponent > largest) largest = exponent;
      else if (-exponent > largest) largest = -exponent;
    }
    if (!(total > 0 && total < Number.POSITIVE_INFINITY && Number.isFinite(second))) {
      throw new DpError(
        'DP_NUMERICAL',
        'Expected privacy losses that float64 resolves, got a law without finite moments: the noise is too small, ' +
          'relative to the sensitivity. Use the gdp or rdp accountant.',
      );
    }
    for (let i = 0; i < weights.length; i++) weights[i]! /= total;
    this.weights = weights;
    this.logMoment = guess + Math.log(total);
    if (stray === undefined) this.stray = { mass: 0, logTotal: 0 };
    else {
      const scale = Math.exp(stray.logMoment - this.logMoment);
      const mass = stray.mass * scale * (1 + 1e-9);
      this.stray = { mass, logTotal: Math.log(Math.max(1, scale) + mass) };
    }
    const mean = first / total;
    this.mean = mean + origin * interval;
    this.variance = Math.max(0, second / total - mean * mean);
    this.centre = Math.round(this.mean / interval);
    this.largestExponent = largest + Math.abs(guess);
  }

  /** ln E[e^{sX}] of the tilted law, rounded up; ∞ where it overflows. */
  logMomentAt(s: number): number {
    const { indices, interval } = this.law;
    const { weights, centre } = this;
    const scaled = s * interval;
    let total = 0;
    let largest = 0;
    for (let i = 0; i < weights.length; i++) {
      if (weights[i] === 0) continue;
      const exponent = scaled * (indices[i]! - centre);
      total += weights[i]! * Math.exp(exponent);
      largest = Math.max(largest, Math.abs(exponent));
    }
    const log = Math.log(total);
    return log + s * centre * interval + U * (64 + 4 * largest + weights.length + Math.abs(log));
  }
}

/** `estimate`, or ln of the largest term where the tilted masses would overflow or vanish with it. */
function safeNormaliser({ indices, masses, interval }: LossLaw, theta: number, estimate: number): number {
  const last = indices.length - 1;
  const span = theta * interval * Math.max(Math.abs(indices[0]!), Math.abs(indices[last]!));
  if (span + Math.abs(estimate) < 300) return estimate;
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i <= last; i++) {
    largest = Math.max(largest, Math.log(masses[i]!) + theta * interval * indices[i]!);
  }
  return largest;
}

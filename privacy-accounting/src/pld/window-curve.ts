import type { TiltedWindow } from './tilted-composition.js';

const U = 2 ** -53;

/**
 * δ(ε) of a composed law in a window, as two sums that are built from the top without cancellation. With yᵢ the tilted
 * masses, xᵢ their losses and scale e^{logMoment − θxⱼ}:
 *
 *   Bⱼ = Σ_{i ≥ j} yᵢ e^{−(1+θ)(xᵢ−xⱼ)},   Dⱼ = Σ_{i ≥ j} yᵢ e^{−θ(xᵢ−xⱼ)}(1 − e^{−(xᵢ−xⱼ)}),
 *   δ(ε) = e^{logMoment − θxⱼ}·(Dⱼ + (1 − e^{ε−xⱼ})·Bⱼ),  xⱼ the first grid point at or above ε.
 */
export class WindowCurve {
  readonly window: TiltedWindow;
  readonly from: number;
  readonly to: number;
  readonly #b: Float64Array;
  readonly #d: Float64Array;
  /** No weight (1 − e^{ε−x})e^{−θ(x−ε)}, x ≥ ε, is above θ^θ/(1+θ)^{1+θ}. */
  readonly #peak: number;
  /** ln of the greatest factor by which sums and exponentials are off. */
  readonly #logFactor: number;

  constructor(window: TiltedWindow) {
    const { masses, theta, interval: h, start } = window;
    this.window = window;
    const size = masses.length;
    this.from = start * h;
    this.to = (start + size) * h;
    const b = new Float64Array(size + 1);
    const d = new Float64Array(size + 1);
    const decayD = Math.exp(-theta * h);
    const decayB = Math.exp(-(1 + theta) * h);
    const lift = -Math.expm1(-h);
    let bj = 0;
    let dj = 0;
    for (let j = size - 1; j >= 0; j--) {
      dj = decayD * (dj + lift * bj);
      bj = masses[j]! + decayB * bj;
      b[j] = bj;
      d[j] = dj;
    }
    this.#b = b;
    this.#d = d;
    this.#peak = theta > 0 ? Math.exp(theta * Math.log(theta) - (1 + theta) * Math.log1p(theta)) : 1;
    // Each term passes at most `size` steps of three roundings; the sums forget after 1/θh steps, which is not used.
    this.#logFactor = window.logFactor + 8 * size * U;
  }

  /** ln of an upper bound on δ(ε) for a pessimistic law: 0 below the window. */
  logUpper(epsilon: number): number {
    const { window } = this;
    if (epsilon < this.from) return 0;
    let log = Math.log(window.infinityMass * (1 + 8 * U));
    log = logSum(log, window.logAbove);
    log = logSum(log, Math.log(window.stray * this.#peak) + window.logMoment - window.theta * epsilon);
    const j = this.#index(epsilon);
    if (j < window.masses.length) {
      const { value, reach, scale } = this.#terms(epsilon, j);
      log = logSum(log, Math.log(Math.max(0, value) + window.error * reach) + scale + this.#logFactor);
    }
    return Math.min(0, log + 8 * U * (1 + Math.abs(log)));
  }

  /** ln of a lower bound on δ(ε) for an optimistic law, −∞ above the window. */
  logLower(epsilon: number): number {
    const { window } = this;
    let log = Math.log(window.infinityMass * (1 - 8 * U));
    const at = Math.max(epsilon, this.from);
    const j = this.#index(at);
    if (j < window.masses.length) {
      const { value, reach, scale, folded } = this.#terms(at, j);
      const least = value - window.error * reach - folded;
      if (least > 0) log = logSum(log, Math.log(least) + scale - this.#logFactor);
    }
    return log === Number.NEGATIVE_INFINITY ? log : Math.min(0, log - 8 * U * (1 + Math.abs(log)));
  }

  /** How far bounds at ε are apart because of rounding and folding, relative to δ. */
  looseness(epsilon: number): number {
    if (epsilon < this.from) return Number.POSITIVE_INFINITY;
    const j = this.#index(epsilon);
    if (j >= this.window.masses.length) return Number.POSITIVE_INFINITY;
    const { value, reach, folded, scale } = this.#terms(epsilon, j);
    const slack = this.window.error * reach + folded + Math.exp(this.window.logAbove - scale);
    return value > 0 ? slack / value : Number.POSITIVE_INFINITY;
  }

  /** −d ln δ/dε, to plan with; 0 outside of the window. */
  slope(epsilon: number): number {
    const j = this.#index(epsilon);
    if (epsilon < this.from || j >= this.window.masses.length) return 0;
    const { value } = this.#terms(epsilon, j);
    const x = (this.window.start + j) * this.window.interval;
    return value > 0 ? (Math.exp(epsilon - x) * this.#b[j]!) / value : 0;
  }

  /** The least ε of the window, refined below the grid, with logUpper(ε) ≤ logDelta; ∞ when there is none. */
  epsilonUpper(logDelta: number): number {
    const { above } = this.#cross((epsilon) => this.logUpper(epsilon) <= logDelta);
    return Math.min(above, this.#momentEpsilon(logDelta));
  }

  /** ε from the moment alone, δ(ε) ≤ P(L = ∞) + e^{K − θε}·θ^θ/(1+θ)^{1+θ}: looser, but there is always one. */
  #momentEpsilon(logDelta: number): number {
    const { theta, infinityMass, logMomentUpper } = this.window;
    const room = Math.exp(logDelta) * (1 - 8 * U) - infinityMass * (1 + 8 * U);
    if (!(theta > 0 && room > 0)) return Number.POSITIVE_INFINITY;
    const peak = theta * Math.log(theta) - (1 + theta) * Math.log1p(theta);
    const epsilon = (logMomentUpper + peak - Math.log(room)) / theta;
    return (
      epsilon +
      64 * U * (Math.abs(epsilon) + (Math.abs(peak) + Math.abs(logMomentUpper) + 60) / theta + theta)
    );
  }

  /** A large ε with logLower(ε) > logDelta; −∞ when there is none in the window. */
  epsilonLower(logDelta: number): number {
    return this.#cross((epsilon) => this.logLower(epsilon) <= logDelta).below;
  }

  /** The neighbourhood of the change of `small` from false to true: `below` is false (or −∞), `above` true (or ∞). */
  #cross(small: (epsilon: number) => boolean): { readonly below: number; readonly above: number } {
    const { interval: h, start, masses } = this.window;
    let low = -1;
    let high = masses.length + 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (small((start + middle) * h)) high = middle;
      else low = middle;
    }
    let below = low < 0 ? Number.NEGATIVE_INFINITY : (start + low) * h;
    let above = high > masses.length ? Number.POSITIVE_INFINITY : (start + high) * h;
    if (!Number.isFinite(below) || !Number.isFinite(above)) return { below, above };
    for (let i = 0; i < 40; i++) {
      const middle = below + (above - below) / 2;
      if (middle <= below || middle >= above) break;
      if (small(middle)) above = middle;
      else below = middle;
    }
    return { below, above };
  }

  #index(epsilon: number): number {
    const { interval: h, start } = this.window;
    let j = Math.max(0, Math.ceil(epsilon / h) - start);
    if (j > 0 && (start + j - 1) * h >= epsilon) j--;
    return j;
  }

  /** At xⱼ ≥ ε: δ/scale; Σ e^{−θ(xᵢ−xⱼ)}(1 − e^{ε−xᵢ}), which multiplies the error of each mass; what is folded in, at most. */
  #terms(epsilon: number, j: number) {
    const { theta, interval: h, start, masses, logMoment } = this.window;
    const x = (start + j) * h;
    const gap = Math.max(0, -Math.expm1(epsilon - x));
    const value = this.#d[j]! + gap * this.#b[j]!;
    const count = masses.length - j;
    const rate = -Math.expm1(-theta * h);
    const sum = rate > 0 ? Math.min(count, 1 / rate) : count;
    const reach = Math.min(sum, h * sum * sum + gap * sum);
    const { above, below } = this.window.foldedFrom(epsilon);
    // `below` has decayed by e^{−θ(x−ε)} already.
    const lost = this.#peak * (Math.exp(above) + this.window.stray) + Math.exp(below);
    const folded = Math.exp(theta * (x - epsilon)) * lost;
    return { value, reach, folded, scale: logMoment - theta * x };
  }
}

/** ln(e^a + e^b). */
export function logSum(a: number, b: number): number {
  const [large, small] = a > b ? [a, b] : [b, a];
  return small === Number.NEGATIVE_INFINITY ? large : large + Math.log1p(Math.exp(small - large));
}

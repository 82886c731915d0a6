import { requireDelta, requireNumber } from '../arguments.js';
import { composeWindows, type DirectionWindow } from './compose-windows.js';
import { TAIL_EXPONENT } from './dominating-pair.js';
import { chooseGrid, type Direction, type Grid, type GridProblem, type Questions } from './grid-choice.js';
import { type LossCeiling, lossCeiling } from './loss-ceiling.js';
import type {
  Enclosure,
  LossDirection,
  LossMasses,
  PrivacyLoss,
  PrivacyLossDistribution,
} from './privacy-loss-distribution.js';
import { type PairCount, type Question, SaddlePoint } from './saddle-point.js';
import { traceTradeOff } from './trade-off.js';

/** How a composition is discretised. */
export interface ComposedLossOptions {
  /** Compute lower bounds, too; about twice the work. */
  readonly certified?: boolean;
  /** The grid's interval in nats. By default it is chosen for `accuracy`. */
  readonly interval?: number;
  /** Relative error of ε that the grid is chosen for. */
  readonly accuracy?: number;
}

const ACCURACY = 2e-5;
/** What part of its two directions' points a common grid may have. */
const TOGETHER = 0.8;
/** False positive rates from which on the untilted law is accurate enough. */
const PLAIN = 1e-8;
/** A window serves questions about δ for which its own errors (rounding, folding) are below this, relatively. */
const REUSE = 1e-5;
/** What part of the error of ε that the grid is chosen for may come from rounding and folding. */
const SLACK = 0.1;
/** ln of how much too loose a window may be for another one like it, only wider, to be the remedy. */
const MODERATE = 7;
const MOST_ATTEMPTS = 4;
/** ln δ below which nothing is claimed from below: what pairs cut off, {@link TAIL_EXPONENT}, is no longer small against it. */
const LEAST_LOWER = 14 - TAIL_EXPONENT;
/** Of one composition: enough for any curve, and a limit on memory and time where none fits. */
const MOST_WINDOWS = 48;

/**
 * The privacy loss of a composition of dominating pairs: {@link PrivacyLoss}, computed by tilted self-composition on a
 * grid that is chosen for each question, so that ε and δ are accurate relative to themselves down to δ = 1e-18.
 *
 * @example
 * const step = poissonGaussianPair({ samplingProbability: 0.01, noiseMultiplier: 1.1 });
 * new ComposedLoss([{ pair: step, count: 10_000 }], { certified: true }).epsilon(1e-5); // 5.1925… ≤ ε ≤ 5.1926…
 */
export class ComposedLoss implements PrivacyLoss {
  readonly directions: readonly PrivacyLossDistribution[];
  readonly certified: boolean;
  readonly #parts: readonly PairCount[];
  readonly #problem: GridProblem;
  readonly #accuracy: number;
  readonly #saddle: SaddlePoint;
  readonly #keys: readonly Direction[];
  readonly #ceilings: Readonly<Record<Direction, LossCeiling>>;
  readonly #windows: Readonly<Record<Direction, DirectionWindow[]>> = { remove: [], add: [] };
  #whole: Partial<Record<Direction, DirectionWindow>> | undefined;
  #warning: string | undefined;

  constructor(parts: readonly PairCount[], options: ComposedLossOptions = {}) {
    this.#parts = parts.filter(({ count }) => count > 0);
    this.certified = options.certified === true;
    this.#accuracy = options.accuracy ?? ACCURACY;
    this.#saddle = new SaddlePoint(this.#parts);
    const { certified } = this;
    this.#problem = { parts: this.#parts, saddle: this.#saddle, certified, interval: options.interval };
    this.#ceilings = { remove: lossCeiling(this.#parts, 'remove'), add: lossCeiling(this.#parts, 'add') };
    const symmetric = this.#parts.every(({ pair }) => pair.symmetric);
    this.#keys = symmetric ? ['remove'] : ['remove', 'add'];
    this.directions = this.#keys.map((key) => this.#distribution(key, symmetric ? 'replace' : key));
  }

  get warning(): string | undefined {
    return this.#warning;
  }

  logDelta(epsilon: number): Enclosure {
    return this.directions.map((d) => d.logDelta(epsilon)).reduce(larger);
  }

  epsilon(delta: number): Enclosure {
    const logDelta = Math.log(requireDelta(delta));
    // Only the worse direction has to be sharp.
    return this.#epsilon(this.#keys, logDelta);
  }

  tradeOff(falsePositiveRate: number): Enclosure {
    return this.directions
      .map((d) => d.tradeOff(falsePositiveRate))
      .reduce((a, b) => ({ lower: Math.min(a.lower, b.lower), upper: Math.min(a.upper, b.upper) }));
  }

  #distribution(key: Direction, direction: LossDirection): PrivacyLossDistribution {
    const reverse = this.#keys.length === 1 ? key : key === 'remove' ? 'add' : 'remove';
    return {
      direction,
      logDelta: (epsilon) => {
        requireNumber(epsilon, 'epsilon', 'a finite number', () => true);
        return epsilon >= 0 ? this.#logDelta(key, epsilon) : this.#negative(reverse, epsilon);
      },
      epsilon: (delta) => this.#epsilon([key], Math.log(requireDelta(delta))),
      tradeOff: (rate) => {
        const alpha = requireNumber(
          rate,
          'falsePositiveRate',
          'a number from 0 to 1',
          (r) => r >= 0 && r <= 1,
        );
        const curve = (direction: Direction) => (epsilon: number) =>
          alpha < PLAIN ? this.#logDelta(direction, epsilon) : this.#plainLogDelta(direction, epsilon);
        return traceTradeOff(alpha, curve(key), curve(reverse));
      },
      masses: () => this.#masses(key),
    };
  }

  #trivial(): Enclosure | undefined {
    if (this.#parts.length === 0) {
      return { lower: Number.NEGATIVE_INFINITY, upper: Number.NEGATIVE_INFINITY };
    }
    if (this.#parts.some(({ pair }) => pair.atoms.length + pair.continua.length === 0)) {
      return { lower: 0, upper: 0 };
    }
    return undefined;
  }

  #logDelta(key: Direction, epsilon: number): Enclosure {
    const trivial = this.#trivial();
    if (trivial !== undefined) return trivial;
    const windows = this.#windows[key];
    const fits = (window: DirectionWindow) =>
      !window.pilot &&
      window.upper.looseness(epsilon) < REUSE &&
      (window.lower?.looseness(epsilon) ?? 0) < REUSE;
    if (windows.length < MOST_WINDOWS && !windows.some(fits)) {
      this.#windowsFor(this.#keys, (other) => this.#saddle.forEpsilon(other, epsilon));
    }
    const ceiling = this.#ceilings[key];
    let lower = Number.NEGATIVE_INFINITY;
    let upper = epsilon >= ceiling.epsilon ? ceiling.logDelta : 0;
    for (const window of windows) {
      upper = Math.min(upper, window.upper.logUpper(epsilon));
      if (window.lower !== undefined) lower = Math.max(lower, window.lower.logLower(epsilon));
    }
    return { lower: lower < LEAST_LOWER ? Number.NEGATIVE_INFINITY : Math.min(lower, upper), upper };
  }

  /** ln δ(ε) from the whole law, untilted: exact to 1e-12 or so absolutely, and one composition for all ε. */
  #plainLogDelta(key: Direction, epsilon: number): Enclosure {
    const trivial = this.#trivial();
    if (trivial !== undefined) return trivial;
    const { upper, lower } = this.#wholeWindows()[key]!;
    return {
      lower: lower?.logLower(epsilon) ?? Number.NEGATIVE_INFINITY,
      upper: upper.logUpper(epsilon),
    };
  }

  #wholeWindows(): Partial<Record<Direction, DirectionWindow>> {
    if (this.#whole === undefined) {
      const remove = this.#saddle.whole('remove');
      const add = this.#keys.length > 1 ? this.#saddle.whole('add') : remove;
      const tolerance = this.#accuracy * Math.max(remove.tolerance, add.tolerance);
      this.#whole = this.#compose(this.#keys, { remove, add }, tolerance);
    }
    return this.#whole;
  }

  /** δ(−ε) = 1 − e^{−ε} + e^{−ε}·δ′(ε), δ′ that of the reversed pair. */
  #negative(reverse: Direction, epsilon: number): Enclosure {
    const { lower, upper } = this.#logDelta(reverse, -epsilon);
    const value = (log: number) => Math.log(-Math.expm1(epsilon) + Math.exp(epsilon + log));
    return { lower: value(lower) - 1e-15, upper: Math.min(0, value(upper) + 1e-15) };
  }

  /** ε at ln δ of the worst of some directions. */
  #epsilon(keys: readonly Direction[], logDelta: number): Enclosure {
    const trivial = this.#trivial();
    if (trivial !== undefined) {
      const epsilon = trivial.upper === 0 ? Number.POSITIVE_INFINITY : 0;
      return { lower: epsilon, upper: epsilon };
    }
    const answers = () => keys.map((key) => ({ key, ...this.#epsilonFromWindows(key, logDelta) }));
    /** ln of how much too loose a window is at ε: 0 or less fits. */
    const excess = ({ pilot, upper, lower }: DirectionWindow, at: number) => {
      if (pilot || !(at > upper.from || upper.from <= 0)) return Number.POSITIVE_INFINITY;
      const limit = Math.max(REUSE, SLACK * this.#accuracy * at * upper.slope(at));
      return Math.log(Math.max(upper.looseness(at), lower?.looseness(at) ?? 0) / limit);
    };
    for (let attempt = 0; ; attempt++) {
      const found = answers();
      const worst = found.reduce((a, b) => (b.upper > a.upper ? b : a));
      const at = Number.isFinite(worst.upper) ? worst.upper : worst.lower;
      const short = Math.min(...this.#windows[worst.key].map((window) => excess(window, at)));
      if (short <= 0 || attempt === MOST_ATTEMPTS) return found.map(enclosureOf).reduce(larger);
      const known = attempt > 0 && Number.isFinite(worst.upper) && worst.upper > 0;
      // Once both are bounded only the worse has to be sharp.
      this.#windowsFor(attempt === 0 ? keys : [worst.key], (key) => {
        if (!known) return this.#saddle.forDelta(key, logDelta, 3 ** attempt);
        if (short < MODERATE) return this.#saddle.forDelta(key, logDelta, 1, short + attempt);
        // The first guess of ε was far off (rare large losses): the answer is a better one, and wider windows follow.
        return this.#saddle.near(key, worst.upper, logDelta, attempt);
      });
    }
  }

  #epsilonFromWindows(key: Direction, logDelta: number): Enclosure {
    let lower = 0;
    let upper = Number.POSITIVE_INFINITY;
    const ceiling = this.#ceilings[key];
    if (logDelta >= ceiling.logDelta) upper = ceiling.epsilon;
    for (const window of this.#windows[key]) {
      const above = window.upper.epsilonUpper(logDelta);
      if (above < upper) upper = Math.max(0, above);
      const below = window.lower?.epsilonLower(logDelta) ?? Number.NEGATIVE_INFINITY;
      if (below > lower) lower = below;
    }
    return { lower: Math.min(lower, upper), upper };
  }

  #masses(key: Direction): LossMasses {
    const trivial = this.#trivial();
    if (trivial !== undefined) {
      const nothing = trivial.upper !== 0;
      return {
        losses: Float64Array.from(nothing ? [0] : []),
        masses: Float64Array.from(nothing ? [1] : []),
        infinityMass: nothing ? 0 : 1,
      };
    }
    const curve = this.#wholeWindows()[key]!.upper;
    const { window } = curve;
    const { masses, interval, start } = window;
    const size = masses.length;
    const losses = Float64Array.from({ length: size }, (_, i) => (start + i) * interval);
    let total = 0;
    const clean = masses.map((mass) => {
      const kept = Math.max(0, mass * Math.exp(window.logMoment));
      total += kept;
      return kept;
    });
    // Everything that the computed masses might lack of the law is put where it is worst.
    const slack =
      size * window.error +
      Math.exp(window.logAbove) +
      Math.exp(window.logBelow) +
      Math.expm1(window.logFactor) * total;
    return { losses, masses: clean, infinityMass: Math.min(1, window.infinityMass + slack) };
  }

  /** Composes directions, each at its own tilt, and keeps the windows. */
  #windowsFor(keys: readonly Direction[], question: (key: Direction) => Question): void {
    if (this.#trivial() !== undefined) return;
    const first = question(keys[0]!);
    const asked = { remove: first, add: first };
    for (const key of keys.slice(1)) asked[key] = question(key);
    const largest = Math.max(asked.remove.tolerance, asked.add.tolerance);
    const found = this.#compose(keys, asked, this.#accuracy * largest);
    for (const key of keys) this.#windows[key].push(found[key]!);
  }

  /** Directions on grids whose error of ε is about `tolerance`: together where one grid suits both. */
  #compose(
    keys: readonly Direction[],
    asked: Questions,
    tolerance: number,
  ): Partial<Record<Direction, DirectionWindow>> {
    const apart = keys.map((key) => chooseGrid(this.#problem, [key], asked, tolerance));
    const joint = keys.length > 1 ? chooseGrid(this.#problem, keys, asked, tolerance) : apart[0]!;
    // Together they share a transform; apart each has one of its own size.
    const together = pointsOf(joint) <= TOGETHER * apart.reduce((sum, grid) => sum + pointsOf(grid), 0);
    const groups =
      together && keys.length > 1
        ? [{ keys, grid: joint }]
        : keys.map((key, d) => ({ keys: [key], grid: apart[d]! }));
    const found: Partial<Record<Direction, DirectionWindow>> = {};
    for (const { keys, grid } of groups) {
      if (grid.warning !== undefined) this.#warning = grid.warning;
      Object.assign(found, composeWindows(this.#problem, grid, keys, asked));
    }
    return found;
  }
}

function pointsOf({ size, blocks }: Grid): number {
  return (blocks?.sizes ?? []).reduce((sum, points) => sum + points, size);
}

function enclosureOf({ lower, upper }: Enclosure): Enclosure {
  return { lower, upper };
}

function larger(a: Enclosure, b: Enclosure): Enclosure {
  return { lower: Math.max(a.lower, b.lower), upper: Math.max(a.upper, b.upper) };
}

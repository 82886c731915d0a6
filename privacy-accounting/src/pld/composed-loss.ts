import { requireDelta, requireNumber } from '../arguments.js';
import { DpError } from '../errors.js';
import { connectTheDots } from './connect-the-dots.js';
import { TAIL_EXPONENT } from './dominating-pair.js';
import { cellsOf } from './loss-cells.js';
import { mergeTheDots } from './merge-the-dots.js';
import type {
  Enclosure,
  LossDirection,
  LossMasses,
  PrivacyLoss,
  PrivacyLossDistribution,
} from './privacy-loss-distribution.js';
import { type PairCount, type Question, SaddlePoint } from './saddle-point.js';
import { composeTilted } from './tilted-composition.js';
import { TiltedLaw } from './tilted-law.js';
import { traceTradeOff } from './trade-off.js';
import { WindowCurve } from './window-curve.js';

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
/** Points of a window: 2²⁰ take 100 MB and half a second, both directions, certified. */
const LEAST_SIZE = 2 ** 8;
const MOST_SIZE = 2 ** 20;
/** Nats of the window of a question about most of the tilted mass. */
const ORDINARY_NATS = 16;
const RARE_NATS = 18;
const PILOT_SIZE = 2 ** 13;
/** Sizes, and by what factor the error may be above the wanted one before a larger size is taken. */
const AFFORDABLE = [
  { points: 2 ** 16, loss: 2, rare: 2 },
  { points: 2 ** 17, loss: 20, rare: 5 },
  { points: 2 ** 18, loss: 200, rare: 15 },
  { points: 2 ** 19, loss: 1000, rare: 60 },
  { points: 2 ** 20, loss: Number.POSITIVE_INFINITY, rare: Number.POSITIVE_INFINITY },
] as const;
/** An error this much larger than the wanted one is worth a warning. */
const SEVERE = 100;
/** False positive rates from which on the untilted law is accurate enough. */
const PLAIN = 1e-8;
/** A window serves questions for which its own errors (rounding, folding) are below this, relative to δ. */
const REUSE = 1e-5;
/** The same where it took more than one attempt. */
const ENOUGH = 2e-5;
/** ln δ below which nothing is claimed from below: what pairs cut off, {@link TAIL_EXPONENT}, is no longer small against it. */
const LEAST_LOWER = 14 - TAIL_EXPONENT;
/** How small a part of the tilted mass cells resolve, at the most: a finer cut would take longer than all the rest. */
const LEAST_SHARE = 1e-5;
const LEAST_SHARE_WHOLE = 1e-18;
/** Of one composition: enough for any curve, and a limit on memory and time where none fits. */
const MOST_WINDOWS = 48;

interface Grid {
  readonly interval: number;
  readonly size: number;
  readonly warning?: string;
  readonly pilot: boolean;
}

interface DirectionWindow {
  /** On a coarse grid, to find out where to look. */
  readonly pilot: boolean;
  readonly upper: WindowCurve;
  readonly lower: WindowCurve | undefined;
}

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
  readonly #interval: number | undefined;
  readonly #accuracy: number;
  readonly #saddle: SaddlePoint;
  readonly #keys: readonly ('remove' | 'add')[];
  readonly #windows: Readonly<Record<'remove' | 'add', DirectionWindow[]>> = { remove: [], add: [] };
  #whole: Partial<Record<'remove' | 'add', DirectionWindow>> | undefined;
  #warning: string | undefined;

  constructor(parts: readonly PairCount[], options: ComposedLossOptions = {}) {
    this.#parts = parts.filter(({ count }) => count > 0);
    this.certified = options.certified === true;
    this.#interval = options.interval;
    this.#accuracy = options.accuracy ?? ACCURACY;
    this.#saddle = new SaddlePoint(this.#parts);
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

  #distribution(key: 'remove' | 'add', direction: LossDirection): PrivacyLossDistribution {
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
        const curve = (direction: 'remove' | 'add') => (epsilon: number) =>
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

  #logDelta(key: 'remove' | 'add', epsilon: number): Enclosure {
    const trivial = this.#trivial();
    if (trivial !== undefined) return trivial;
    const windows = this.#windows[key];
    const fits = (window: DirectionWindow) =>
      !window.pilot &&
      window.upper.looseness(epsilon) < REUSE &&
      (window.lower?.looseness(epsilon) ?? 0) < REUSE;
    if (windows.length < MOST_WINDOWS && !windows.some(fits)) {
      this.#windowsFor((other) => this.#saddle.forEpsilon(other, epsilon));
    }
    let lower = Number.NEGATIVE_INFINITY;
    let upper = 0;
    for (const window of windows) {
      upper = Math.min(upper, window.upper.logUpper(epsilon));
      if (window.lower !== undefined) lower = Math.max(lower, window.lower.logLower(epsilon));
    }
    return { lower: lower < LEAST_LOWER ? Number.NEGATIVE_INFINITY : Math.min(lower, upper), upper };
  }

  /** ln δ(ε) from the whole law, untilted: exact to 1e-12 or so absolutely, and one composition for all ε. */
  #plainLogDelta(key: 'remove' | 'add', epsilon: number): Enclosure {
    const trivial = this.#trivial();
    if (trivial !== undefined) return trivial;
    const { upper, lower } = this.#wholeWindows()[key]!;
    return {
      lower: lower?.logLower(epsilon) ?? Number.NEGATIVE_INFINITY,
      upper: upper.logUpper(epsilon),
    };
  }

  #wholeWindows(): Partial<Record<'remove' | 'add', DirectionWindow>> {
    this.#whole ??= this.#compose(
      {
        remove: this.#saddle.whole('remove'),
        add: this.#keys.length > 1 ? this.#saddle.whole('add') : this.#saddle.whole('remove'),
      },
      this.#accuracy,
    );
    return this.#whole;
  }

  /** δ(−ε) = 1 − e^{−ε} + e^{−ε}·δ′(ε), δ′ that of the reversed pair. */
  #negative(reverse: 'remove' | 'add', epsilon: number): Enclosure {
    const { lower, upper } = this.#logDelta(reverse, -epsilon);
    const value = (log: number) => Math.log(-Math.expm1(epsilon) + Math.exp(epsilon + log));
    return { lower: value(lower) - 1e-15, upper: Math.min(0, value(upper) + 1e-15) };
  }

  /** ε at ln δ of the worst of some directions. */
  #epsilon(keys: readonly ('remove' | 'add')[], logDelta: number): Enclosure {
    const trivial = this.#trivial();
    if (trivial !== undefined) {
      const epsilon = trivial.upper === 0 ? Number.POSITIVE_INFINITY : 0;
      return { lower: epsilon, upper: epsilon };
    }
    const answers = () => keys.map((key) => ({ key, ...this.#epsilonFromWindows(key, logDelta) }));
    const fits = ({ pilot, upper, lower }: DirectionWindow, at: number) =>
      !pilot &&
      (at > upper.from || upper.from <= 0) &&
      upper.looseness(at) < limit &&
      (lower?.looseness(at) ?? 0) < limit;
    let limit = REUSE;
    // The first guess of ε may be far off (rare large losses): then the answer is a better one, and wider windows follow.
    for (let attempt = 0; attempt < 4; attempt++) {
      const found = answers();
      const worst = found.reduce((a, b) => (b.upper > a.upper ? b : a));
      const at = Number.isFinite(worst.upper) ? worst.upper : worst.lower;
      if (this.#windows[worst.key].some((window) => fits(window, at)))
        return found.map(enclosureOf).reduce(larger);
      if (attempt >= 1) limit = ENOUGH;
      const known = attempt > 0 && Number.isFinite(worst.upper) && worst.upper > 0;
      this.#windowsFor((key) =>
        known && key === worst.key
          ? this.#saddle.near(key, worst.upper, logDelta, attempt)
          : this.#saddle.forDelta(key, logDelta, 3 ** attempt),
      );
    }
    return answers().map(enclosureOf).reduce(larger);
  }

  #epsilonFromWindows(key: 'remove' | 'add', logDelta: number): Enclosure {
    let lower = 0;
    let upper = Number.POSITIVE_INFINITY;
    for (const window of this.#windows[key]) {
      const above = window.upper.epsilonUpper(logDelta);
      if (above < upper) upper = Math.max(0, above);
      const below = window.lower?.epsilonLower(logDelta) ?? Number.NEGATIVE_INFINITY;
      if (below > lower) lower = below;
    }
    return { lower: Math.min(lower, upper), upper };
  }

  #masses(key: 'remove' | 'add'): LossMasses {
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

  /** Composes every direction at its own tilt, and keeps the windows. */
  #windowsFor(question: (key: 'remove' | 'add') => Question): void {
    if (this.#trivial() !== undefined) return;
    const remove = question('remove');
    const add = this.#keys.length > 1 ? question('add') : remove;
    const largest = Math.max(remove.tolerance, add.tolerance);
    const found = this.#compose({ remove, add }, this.#accuracy * largest);
    for (const key of this.#keys) this.#windows[key].push(found[key]!);
  }

  /** Every direction, on a grid whose error of ε is about `tolerance`: together where one grid suits both. */
  #compose(
    asked: Readonly<Record<'remove' | 'add', Question>>,
    tolerance: number,
  ): Partial<Record<'remove' | 'add', DirectionWindow>> {
    const joint = this.#grid(this.#keys, asked, tolerance);
    const apart = this.#keys.map((key) => this.#grid([key], asked, tolerance));
    const together = apart.every(
      (grid) =>
        joint.size <= 2 * Math.max(...apart.map(({ size }) => size)) && joint.interval <= 2 * grid.interval,
    );
    const groups = together
      ? [{ keys: this.#keys, grid: joint }]
      : this.#keys.map((key, d) => ({ keys: [key], grid: apart[d]! }));
    const found: Partial<Record<'remove' | 'add', DirectionWindow>> = {};
    for (const { keys, grid } of groups) Object.assign(found, this.#composeOn(grid, keys, asked));
    return found;
  }

  #composeOn(
    { interval, size, warning, pilot }: Grid,
    keys: readonly ('remove' | 'add')[],
    asked: Readonly<Record<'remove' | 'add', Question>>,
  ): Partial<Record<'remove' | 'add', DirectionWindow>> {
    if (warning !== undefined) this.#warning = warning;
    const saddle = this.#saddle;
    const tilt = { remove: asked.remove.theta, add: asked.add.theta };
    const windows = keys.map((key) => saddle.window(key, asked[key]));
    const guesses = keys.map((key) => saddle.logMoments(key, tilt[key]));
    const laws = this.#parts.map(({ pair, count }, i) => {
      // A direction that is not asked for needs no fine cells.
      const logMoment = { remove: Number.POSITIVE_INFINITY, add: Number.POSITIVE_INFINITY };
      keys.forEach((key, d) => {
        logMoment[key] = guesses[d]![i]!;
      });
      const whole = keys.some((key) => tilt[key] === 0);
      // Untilted, the far tail of one step decides about what lies beyond the window of all.
      const share = whole
        ? LEAST_SHARE_WHOLE
        : Math.max(LEAST_SHARE, Math.exp(ORDINARY_NATS - Math.max(...keys.map((key) => asked[key].nats))));
      const tilts = { tilt, logMoment, share: Math.min(1, share) };
      const cells = cellsOf(pair, { interval, halves: this.certified, tilts });
      const tilted = (side: 'upper' | 'lower') =>
        keys.map((key) => {
          const law =
            side === 'upper'
              ? connectTheDots(pair, cells, interval, key)
              : mergeTheDots(pair, cells, { interval, direction: key, tilt: tilt[key] });
          return { tilted: new TiltedLaw(law, tilt[key], logMoment[key]), count };
        });
      return { upper: tilted('upper'), lower: this.certified ? tilted('lower') : undefined };
    });
    const starts = windows.map(({ from }) => Math.floor(from / interval));
    const compose = (side: 'upper' | 'lower') =>
      composeTilted(
        keys.map((key, d) => ({
          parts: laws.map((law) => law[side]![d]!),
          theta: tilt[key],
          start: starts[d]!,
          chernoff: windows[d]!.chernoff,
        })),
        size,
      ).map((window) => new WindowCurve(window));
    const upper = compose('upper');
    const lower = this.certified ? compose('lower') : undefined;
    return Object.fromEntries(keys.map((key, d) => [key, { pilot, upper: upper[d]!, lower: lower?.[d] }]));
  }

  /**
   * The grid. Splitting a cell of width h raises the variance of the tilted loss by at most h²/6 on average (or by
   * h·|L|, where the grid is coarser than the law), and its mean by half of that: K(θ) rises by
   * θ(1+θ)/2 · T·min(h²/6, h·E|L|), and ε by K's rise over θ.
   */
  #grid(
    keys: readonly ('remove' | 'add')[],
    asked: Readonly<Record<'remove' | 'add', Question>>,
    tolerance: number,
  ): Grid {
    const width = Math.max(...keys.map((key) => this.#saddle.window(key, asked[key]).width));
    const pilot = keys.some((key) => asked[key].pilot);
    if (this.#interval !== undefined) {
      const size = powerOfTwo(width / this.#interval);
      if (size <= MOST_SIZE) return { interval: this.#interval, size, pilot: false };
      const factor = Math.ceil(width / this.#interval / MOST_SIZE);
      const warning =
        `A grid of ${this.#interval} nats is too fine for losses this large; ${factor} times as coarse a one was ` +
        'used. The bounds are valid, but not as tight.';
      return { interval: this.#interval * factor, size: MOST_SIZE, warning, pilot: false };
    }
    if (pilot) return { interval: width / PILOT_SIZE, size: PILOT_SIZE, pilot };
    const steps = this.#parts.reduce((sum, { count }) => sum + count, 0);
    const wanted = keys.map((key) => {
      const { theta } = asked[key];
      const smooth = Math.sqrt((12 * tolerance) / (steps * (1 + theta)));
      const coarse = (2 * tolerance) / ((1 + theta) * Math.max(this.#saddle.spread(key, theta), 1e-300));
      // Merging needs a grid that is finer than the law.
      const typical = this.certified
        ? (0.15 * this.#saddle.spread(key, 0)) / steps
        : Number.POSITIVE_INFINITY;
      return Math.min(Math.max(smooth, coarse), typical);
    });
    const interval = Math.min(...wanted, width / LEAST_SIZE);
    const lattice = this.#lattice();
    if (lattice !== undefined) {
      // A hair less, so that rounding leaves every loss on the far side of its grid point.
      const aligned = (lattice / Math.ceil(lattice / interval)) * (1 - 1e-9);
      const size = powerOfTwo(width / aligned);
      if (size <= MOST_SIZE) return { interval: aligned, size, pilot };
    }
    // The error grows with the square of the interval. Beyond 2¹⁶ points accuracy is bought back step by step.
    const size = Math.min(powerOfTwo(width / interval), MOST_SIZE);
    const error = (points: number) => (width / points / interval) ** 2;
    // A small part of the tilted mass is more sensitive to errors than the whole.
    const isRare = keys.some((key) => asked[key].nats > RARE_NATS);
    const affordable = AFFORDABLE.find(
      ({ points, loss, rare }) => size <= points || error(points) <= (isRare ? rare : loss),
    );
    if (affordable === undefined) {
      throw new DpError(
        'DP_NUMERICAL',
        'Expected privacy losses that float64 resolves, got some beyond its range: the noise is too small, relative to ' +
          'the sensitivity. Use the gdp, rdp or pure accountant.',
      );
    }
    const points = Math.min(size, affordable.points);
    const grid = { interval: width / points, size: points, pilot };
    if (error(points) <= SEVERE) return grid;
    const warning =
      'The composition is too long for the accuracy that is usual here: the grid was coarsened. The bounds are ' +
      'valid, but not as tight.';
    return { ...grid, warning };
  }

  #lattice(): number | undefined {
    const [first] = this.#parts;
    const spacing = first?.pair.lattice;
    return this.#parts.every(({ pair }) => pair.lattice === spacing) ? spacing : undefined;
  }
}

function enclosureOf({ lower, upper }: Enclosure): Enclosure {
  return { lower, upper };
}

function larger(a: Enclosure, b: Enclosure): Enclosure {
  return { lower: Math.max(a.lower, b.lower), upper: Math.max(a.upper, b.upper) };
}

function powerOfTwo(least: number): number {
  return Math.max(LEAST_SIZE, 2 ** Math.ceil(Math.log2(least)));
}

import type { DominatingPair } from './dominating-pair.js';
import type { Tilt } from './loss-law.js';

/** A pair and how often it is composed. */
export interface PairCount {
  readonly pair: DominatingPair;
  readonly count: number;
}

/** K(θ) = ln E[e^{θL}] of the whole composition with its derivatives: the mean and variance of the tilted loss. */
export interface Cumulant {
  readonly value: number;
  readonly mean: number;
  readonly variance: number;
}

/** Where to look: θ, the ε in question, and the loss at which to begin. */
export interface Question {
  readonly theta: number;
  readonly epsilon: number;
  readonly from: number;
  /** What the window folds and loses is e^{−nats} of the tilted mass. */
  readonly nats: number;
  /** The question is about a small part of the tilted mass, which is more sensitive to errors than the whole. */
  readonly rare: boolean;
  /** The question is only a guess, as likely as not to be far off: explore it cheaply. */
  readonly pilot: boolean;
  /** The error of ε that is as bad as a relative error of 1: ε itself, or where δ is asked for, 1/|d ln δ/dε|. */
  readonly tolerance: number;
}

/** Where a composition is looked at, and the s at which Chernoff's inequality is good for what is outside. */
export interface PlannedWindow {
  readonly from: number;
  readonly width: number;
  readonly chernoff: { readonly above: number; readonly below: number; readonly top: number };
}

/** Of the mass outside of a window that holds a whole law. */
const WHOLE_NATS = 34;
/** ln of the part of the tilted mass below which a question counts as rare. */
const RARE = 8;
const LEAST_TILT = 1e-4;
/** Nats of relative entropy before the most that there can be. */
const LEVEL = 0.02;
const MOST_TILT = 2e3;

interface OneSketch {
  readonly losses: Float64Array;
  readonly logMasses: Float64Array;
}

interface Sketch extends OneSketch {
  readonly count: number;
}

const sketches = new WeakMap<DominatingPair, { readonly remove: OneSketch; readonly add: OneSketch }>();

function sketchesOf(pair: DominatingPair) {
  let known = sketches.get(pair);
  if (known === undefined) {
    const sketch = (add: boolean): OneSketch => {
      const atoms = pair.sketch.filter(({ p, q }) => (add ? q : p) > 0);
      return {
        losses: Float64Array.from(atoms, ({ loss }) => (add ? -loss : loss)),
        logMasses: Float64Array.from(atoms, ({ p, q }) => Math.log(add ? q : p)),
      };
    };
    known = { remove: sketch(false), add: sketch(true) };
    sketches.set(pair, known);
  }
  return known;
}

/**
 * Where to look: cumulants of a composition from the sketches of its pairs. Everything here chooses (a tilt, a window, a grid)
 * and nothing here bounds: a bad choice makes a bound loose, never wrong.
 */
export class SaddlePoint {
  readonly #sketches: { readonly remove: readonly Sketch[]; readonly add: readonly Sketch[] };

  readonly #largest: number;
  readonly #limits: Partial<Record<keyof Tilt, { readonly entropy: number; tilt?: number }>> = {};
  readonly #planned: Readonly<Record<keyof Tilt, WeakMap<Question, PlannedWindow>>> = {
    remove: new WeakMap(),
    add: new WeakMap(),
  };

  constructor(parts: readonly PairCount[]) {
    this.#largest = parts.reduce(
      (most, { pair }) => pair.sketch.reduce((m, { loss }) => Math.max(m, Math.abs(loss)), most),
      0,
    );
    this.#sketches = {
      remove: parts.map(({ pair, count }) => ({ ...sketchesOf(pair).remove, count })),
      add: parts.map(({ pair, count }) => ({ ...sketchesOf(pair).add, count })),
    };
  }

  cumulant(direction: keyof Tilt, theta: number): Cumulant {
    let value = 0;
    let mean = 0;
    let variance = 0;
    for (const sketch of this.#sketches[direction]) {
      const one = cumulantOf(sketch, theta);
      value += sketch.count * one.value;
      mean += sketch.count * one.mean;
      variance += sketch.count * one.variance;
    }
    return { value, mean, variance };
  }

  /** Σ T·E|L| under the tilted laws: the most that a grid coarser than the law can cost, per nat of interval. */
  spread(direction: keyof Tilt, theta: number): number {
    let total = 0;
    for (const sketch of this.#sketches[direction]) total += sketch.count * meanMagnitude(sketch, theta);
    return total;
  }

  /** ln E[e^{θL}] of one step of each pair, in the order of the parts. */
  logMoments(direction: keyof Tilt, theta: number): readonly number[] {
    return this.#sketches[direction].map((sketch) => cumulantOf(sketch, theta).value);
  }

  /**
   * The tilt at which ε(δ) is best bounded by a single moment: the zero of d/dθ [K(θ) + ln(θ^θ/(1+θ)^{1+θ}) − ln δ]/θ
   * (Canonne, Kamath & Steinke 2020, Prop. 12, with θ = α − 1), and that bound. It is a little above the truth. The window
   * is `extra` nats safer than usual.
   */
  forDelta(direction: keyof Tilt, logDelta: number, deviations = 1, extra = 0): Question {
    const root = increasingRoot((t) => {
      const { value, mean } = this.cumulant(direction, t);
      return t * mean - value + Math.log1p(t) + logDelta;
    }, this.#most(direction));
    const best = this.#unlessExhausted(direction, root);
    // Of a Gaussian θ·deviation is √(2 ln(1/δ)): much more, and the tilted law has two humps, one of them of rare large losses.
    const humps =
      best * Math.sqrt(this.cumulant(direction, best).variance) > 1.6 * Math.sqrt(-2 * logDelta) + 1;
    const theta = roundTilt(best);
    const { value, mean, variance } = this.cumulant(direction, theta);
    const constant = theta * Math.log(theta) - (1 + theta) * Math.log1p(theta);
    const epsilon = Math.max(0, Math.min(mean, (value + constant - logDelta) / theta));
    const share = value - theta * epsilon - logDelta;
    const nats = this.#natsFor(share) + extra;
    const from = Math.max(0, this.#startBelow(direction, theta, epsilon, { deviations, nats }));
    const pilot = humps && deviations === 1 && extra === 0;
    const rare = share > RARE;
    return { theta, epsilon, from, nats, rare, pilot, tolerance: scaleOf(epsilon, variance) };
  }

  /**
   * The same when ε(δ) is known to be at most about `epsilon`, for a tilted law of two humps: a smaller tilt leaves the hump
   * of rare large losses out, and the window can be a fraction as wide.
   */
  near(direction: keyof Tilt, epsilon: number, logDelta: number, attempt: number): Question {
    const theta = roundTilt(this.forEpsilon(direction, epsilon).theta / 3);
    const { value, variance } = this.cumulant(direction, theta);
    const nats = this.#natsFor(value - theta * epsilon - logDelta + 6 * attempt);
    // The hump that is left holds most of the mass: none of it is to be folded onto the tail.
    const from = this.#reach(direction, theta, -1, nats).edge;
    return {
      theta,
      epsilon,
      from,
      nats,
      rare: true,
      pilot: false,
      tolerance: scaleOf(epsilon / 2, variance),
    };
  }

  /** δ(ε) is e^{−share} of the tilted mass: what is lost is to be small against that. */
  #natsFor(share: number): number {
    return 13 + Math.min(40, Math.max(2, share));
  }

  /** The tilt at which δ(ε) is best bounded by a single moment. */
  forEpsilon(direction: keyof Tilt, epsilon: number): Question {
    const root = increasingRoot(
      (t) => this.cumulant(direction, t).mean + Math.log(t) - Math.log1p(t) - epsilon,
      this.#most(direction),
    );
    const theta = this.#unlessExhausted(direction, root);
    // δ(ε) is 1/(1 + θ) of what lies beyond ε, or less.
    const nats = 16 + Math.log1p(theta);
    return {
      theta,
      epsilon,
      from: this.#startBelow(direction, theta, epsilon, { deviations: 1, nats }),
      nats,
      rare: false,
      pilot: false,
      tolerance: 1 / (1 + theta),
    };
  }

  /**
   * `tilt`, or the one beyond which there is nothing to be had: where there is a largest loss of some mass, and a tilted law
   * that is nearly all there. (θK′ − K is the relative entropy of the tilted law, and increases.)
   */
  #unlessExhausted(direction: keyof Tilt, tilt: number): number {
    const entropy = (t: number) => {
      const { value, mean } = this.cumulant(direction, t);
      return t * mean - value;
    };
    const most = this.#most(direction);
    this.#limits[direction] ??= { entropy: entropy(most) - LEVEL };
    const limit = this.#limits[direction]!;
    if (entropy(tilt) <= limit.entropy) return tilt;
    limit.tilt ??= increasingRoot((t) => entropy(t) - limit.entropy, most);
    return Math.min(tilt, limit.tilt);
  }

  /** Where a window may begin: a little below ε, or below everything where the tilt does not fade out what is folded. */
  #startBelow(
    direction: keyof Tilt,
    theta: number,
    epsilon: number,
    { deviations, nats }: { readonly deviations: number; readonly nats: number },
  ): number {
    const deviation = Math.sqrt(this.cumulant(direction, theta).variance);
    if (theta * deviation < 3) return Math.min(epsilon, this.#reach(direction, theta, -1, nats).edge);
    return epsilon - deviations * Math.max(deviation, 1 / theta);
  }

  /** A tilt of so many inverse deviations is beyond any δ that is asked for. */
  #most(direction: keyof Tilt): number {
    return Math.max(MOST_TILT, 60 / Math.sqrt(Math.max(this.cumulant(direction, 0).variance, 1e-200)));
  }

  /** All of the law, untilted. */
  whole(direction: keyof Tilt): Question {
    const { mean, variance } = this.cumulant(direction, 0);
    return {
      theta: 0,
      epsilon: mean,
      from: this.#reach(direction, 0, -1, WHOLE_NATS).edge,
      nats: WHOLE_NATS,
      rare: true,
      pilot: false,
      tolerance: Math.min(1, 10 * Math.sqrt(variance)),
    };
  }

  /**
   * A window [from, from + width) with `question.epsilon` in it such that what is folded onto losses above ε, and what is
   * lost above the window, is e^{−nats} of δ(ε) or so. Folding moves mass by multiples of the width: what matters is the
   * mass farther than the width from ε.
   */
  window(direction: keyof Tilt, question: Question): PlannedWindow {
    let planned = this.#planned[direction].get(question);
    if (planned === undefined) {
      planned = this.#plan(direction, question);
      this.#planned[direction].set(question, planned);
    }
    return planned;
  }

  #plan(direction: keyof Tilt, question: Question): PlannedWindow {
    const { theta, epsilon, from, nats } = question;
    if (theta === 0) return this.holding(direction, 0, WHOLE_NATS);
    const above = this.#reach(direction, theta, 1, nats);
    const below = this.#reach(direction, theta, -1, nats);
    const top = this.#reach(direction, theta, 1, nats + theta * epsilon, theta);
    return {
      from,
      width: Math.max(above.edge - epsilon, epsilon - below.edge, top.edge - from),
      chernoff: { above: above.s, below: below.s, top: top.s },
    };
  }

  /** A window with all but e^{−nats} of the tilted mass on either side. */
  holding(direction: keyof Tilt, theta: number, nats: number): PlannedWindow {
    const up = this.#reach(direction, theta, 1, nats);
    const down = this.#reach(direction, theta, -1, nats);
    const chernoff = { above: up.s, below: down.s, top: up.s };
    return { from: down.edge, width: up.edge - down.edge, chernoff };
  }

  /**
   * Above (sign 1) or below (−1) which loss x the tilted sum is with probability e^{−nats + decay·x} at most, by Chernoff's
   * inequality.
   */
  #reach(direction: keyof Tilt, theta: number, sign: 1 | -1, nats: number, decay = 0) {
    const { value, variance } = this.cumulant(direction, theta);
    let best = Number.POSITIVE_INFINITY;
    let at = 0;
    const start = Math.sqrt((2 * nats) / Math.max(variance, 1e-14 * this.#largest ** 2, 1e-300));
    // Rare large losses make the best s many times smaller than a Gaussian's.
    let worse = 0;
    for (let s = 4 * start; worse < 6 && s > 1e-6; s /= 1.5) {
      const moment = this.cumulant(direction, theta + sign * s).value - value;
      const next = (moment + nats) / (s + decay);
      worse++;
      if (next < best) {
        best = next;
        at = s;
        worse = 0;
      }
    }
    return { edge: sign * best, s: at };
  }
}

/** Down to a power of 2^{1/4}: as good a tilt, and similar questions share the laws of a step. */
function roundTilt(theta: number): number {
  return 2 ** (Math.floor(4 * Math.log2(theta) + 1e-9) / 4);
}

function cumulantOf({ losses, logMasses }: OneSketch, theta: number): Cumulant {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < losses.length; i++) {
    const exponent = logMasses[i]! + theta * losses[i]!;
    if (exponent > largest) largest = exponent;
  }
  let total = 0;
  let first = 0;
  let second = 0;
  for (let i = 0; i < losses.length; i++) {
    const exponent = logMasses[i]! + theta * losses[i]! - largest;
    if (exponent < -60) continue;
    const weight = Math.exp(exponent);
    total += weight;
    first += weight * losses[i]!;
    second += weight * losses[i]! * losses[i]!;
  }
  if (total === 0) return { value: 0, mean: 0, variance: 0 };
  const mean = first / total;
  return { value: largest + Math.log(total), mean, variance: Math.max(0, second / total - mean * mean) };
}

function meanMagnitude({ losses, logMasses }: OneSketch, theta: number): number {
  const { value } = cumulantOf({ losses, logMasses }, theta);
  let sum = 0;
  for (let i = 0; i < losses.length; i++) {
    sum += Math.exp(logMasses[i]! + theta * losses[i]! - value) * Math.abs(losses[i]!);
  }
  return sum;
}

/** What an error of ε is relative to: ε, or a fraction of the loss's deviation where ε is next to nothing. */
function scaleOf(epsilon: number, variance: number): number {
  return Math.max(epsilon, 0.01 * Math.sqrt(variance), 1e-200);
}

/** The zero of an increasing function of θ to a few per cent, which is all that a tilt needs. */
function increasingRoot(f: (theta: number) => number, most: number): number {
  let low = Math.log(LEAST_TILT);
  let high = Math.log(most);
  if (f(LEAST_TILT) >= 0) return LEAST_TILT;
  if (f(most) <= 0) return most;
  while (high - low > 0.02) {
    const middle = (low + high) / 2;
    if (f(Math.exp(middle)) > 0) high = middle;
    else low = middle;
  }
  return Math.exp((low + high) / 2);
}

import { DpError } from '../errors.js';

/** Where a search may look, and where the target is attained. */
export interface SearchRange {
  /** Whether only whole numbers count. */
  readonly whole: boolean;
  /** On which side the target is attained: `large` values are the private ones (noise), or `small` ones are (steps). */
  readonly privateSide: 'large' | 'small';
  /** The least value, above 0. */
  readonly from: number;
  readonly to: number;
}

/** Two values next to each other, of which one attains the target and the other does not. */
export interface Boundary {
  readonly kind: 'boundary';
  readonly attains: number;
  readonly misses: number;
  /** The excess at both. */
  readonly excessAttains: number;
  readonly excessMisses: number;
}

/** Every value of the range attains the target, or none does; `excess` is that at `end`, where it would have changed. */
export interface NoBoundary {
  readonly kind: 'always' | 'never';
  readonly end: number;
  readonly excess: number;
}

interface Point {
  /** The value, and its place: ln x, mirrored where small values are the private ones, so that f falls with v. */
  readonly x: number;
  readonly v: number;
  readonly f: number;
}

const MOST_EVALUATIONS = 400;

/**
 * Finds where the sign of `excess` changes, with as few evaluations as can be: an evaluation may cost 50 ms. `excess`
 * ≤ 0 attains the target; it never rises towards the private side (if it does, what is found is one of its sign changes,
 * and both of its ends were evaluated all the same). Whole numbers: the ends differ by exactly 1. Others: by at most
 * `tolerance`, relative.
 *
 * Works on ln x: first away from `start`, guided by `slope` and by secants, doubling when those are too short, until the
 * sign changes; then by inverse quadratic interpolation, aimed a fraction of the tolerance beyond the root, so that the
 * last two evaluations are the two ends; halving where that does not help. Infinite and flat stretches are fine.
 */
export function findBoundary(
  options: SearchRange & {
    readonly excess: (x: number) => number;
    readonly start: number;
    readonly tolerance: number;
    /** An estimate of d excess / d ln x, of whatever sign. */
    readonly slope?: number;
  },
): Boundary | NoBoundary {
  const { excess, whole, privateSide, from, to } = options;
  const sign = privateSide === 'large' ? 1 : -1;
  const spacing = (x: number) => (whole ? 1 : options.tolerance * x);
  let evaluations = 0;
  const at = (x: number): Point => {
    if (++evaluations > MOST_EVALUATIONS) {
      throw new DpError(
        'DP_NUMERICAL',
        `No boundary was found near ${x} in ${MOST_EVALUATIONS} evaluations.`,
      );
    }
    const f = excess(x);
    if (Number.isNaN(f)) throw new DpError('DP_NUMERICAL', `The privacy loss is not a number at ${x}.`);
    return { x, v: sign * Math.log(x), f };
  };
  const valueAt = (v: number) => {
    const x = Math.min(to, Math.max(from, Math.exp(sign * v)));
    return whole ? Math.round(x) : x;
  };

  // Outwards, until two neighbours differ in sign.
  let here = at(valueAt(sign * Math.log(Math.min(to, Math.max(from, options.start)))));
  let before: Point | undefined;
  let step = 0;
  const attained = here.f <= 0;
  const end = attained === (privateSide === 'large') ? from : to;
  for (;;) {
    if (here.x === end) return { kind: attained ? 'always' : 'never', end, excess: here.f };
    const predicted = secantStep(here, before, options.slope);
    const floor = before === undefined ? 0 : 2 * step;
    step = Math.max(floor, Math.min(predicted, before === undefined ? 4 : 16 * step));
    // A little beyond the root, or else the next point is on this side again.
    const beyond = Math.min(0.1 * step, Math.max(0.01 * step * step, (0.6 * spacing(here.x)) / here.x));
    const target = here.v + (attained ? -1 : 1) * (step + beyond);
    let x = valueAt(target);
    if (whole && x === here.x) x += end > x ? 1 : -1;
    const next = at(x);
    before = here;
    here = next;
    if (here.f <= 0 !== attained) break;
  }

  let [a, m] = here.f <= 0 ? [here, before] : [before, here];
  let third: Point | undefined;
  let width = Math.abs(a.v - m.v);
  let slow = 0;
  while (whole ? Math.abs(a.x - m.x) > 1 : Math.abs(a.x - m.x) > options.tolerance * Math.min(a.x, m.x)) {
    const middle = Math.exp((sign * (a.v + m.v)) / 2);
    const root = slow >= 3 ? Number.NaN : interpolate(a, m, third);
    const x = inside(
      Number.isNaN(root) ? middle : aim(Math.exp(sign * root), a.x, m.x, spacing(m.x), whole),
      a.x,
      m.x,
      whole,
    );
    if (x === undefined) break;
    const point = at(x);
    if (point.f <= 0) [third, a] = [a, point];
    else [third, m] = [m, point];
    const left = Math.abs(a.v - m.v);
    slow = left > width / 2 ? (slow >= 3 ? 0 : slow + 1) : 0;
    width = left;
  }
  return { kind: 'boundary', attains: a.x, misses: m.x, excessAttains: a.f, excessMisses: m.f };
}

/** How far the root is along v, by the last two points or by the slope; 1 where neither says anything. */
function secantStep(here: Point, before: Point | undefined, slope: number | undefined): number {
  if (!Number.isFinite(here.f)) return 1;
  const secant = before === undefined ? slope : (here.f - before.f) / (here.v - before.v);
  const distance = Math.abs(here.f / (secant ?? 1));
  return Number.isFinite(distance) && distance > 0 ? distance : 1;
}

/** Where f vanishes between `a` and `m`: inverse quadratic where that is between them, else linear; NaN if neither is. */
function interpolate(a: Point, m: Point, third: Point | undefined): number {
  const between = (v: number) => v > Math.min(a.v, m.v) && v < Math.max(a.v, m.v);
  if (third !== undefined) {
    const v =
      (a.v * m.f * third.f) / ((a.f - m.f) * (a.f - third.f)) +
      (m.v * a.f * third.f) / ((m.f - a.f) * (m.f - third.f)) +
      (third.v * a.f * m.f) / ((third.f - a.f) * (third.f - m.f));
    if (between(v)) return v;
  }
  const v = m.v + ((a.v - m.v) * m.f) / (m.f - a.f);
  return between(v) ? v : Number.NaN;
}

/** The value to try for a root at `root`: beside an end that is near already, else a little to the attaining side. */
function aim(root: number, attains: number, misses: number, spacing: number, whole: boolean): number {
  const outward = attains > misses ? 1 : -1;
  const near = whole ? 1 : 0.6;
  const last = whole ? 1 : 0.9;
  if (Math.abs(root - attains) <= near * spacing) return attains - outward * last * spacing;
  if (Math.abs(root - misses) <= near * spacing) return misses + outward * last * spacing;
  if (!whole) return root + outward * 0.3 * spacing;
  return outward > 0 ? Math.ceil(root) : Math.floor(root);
}

/** `x` moved strictly between the ends; undefined when nothing is. */
function inside(x: number, a: number, m: number, whole: boolean): number | undefined {
  const [low, high] = a < m ? [a, m] : [m, a];
  if (whole) {
    const rounded = Math.min(high - 1, Math.max(low + 1, Math.round(x)));
    return rounded > low && rounded < high ? rounded : undefined;
  }
  if (x > low && x < high) return x;
  const middle = low + (high - low) / 2;
  return middle > low && middle < high ? middle : undefined;
}

import { AllocationLaw } from '../bounds/random-allocation.js';
import type { DominatingPair, LossAtom } from './dominating-pair.js';

/** Points of the curve, evenly spaced in the loss. */
const POINTS = 4096;
/** Ends that are tried, until what lies beyond has no more mass than the law resolves. */
const REACHES = [0.05, 0.2, 0.8, 3, 8] as const;
const RESOLVED = 1e-9;
/** Covers the rounding of the pair's masses, which are differences of slopes. */
const ROUNDING = 1e-12;
const SKETCHED = 256;

interface Point {
  readonly x: number;
  readonly height: number;
}

/**
 * A pair of laws that dominates one round of random allocation, 1 of T = `steps` Gaussians of σ = `noiseMultiplier`, in both
 * directions; add-or-remove-one and replace-special.
 *
 * For k of T compose k of the pairs of 1 of m = ⌊T/k⌋. Proof: take k·m steps at random, part them at random into k blocks of
 * m, and one step of each: that is a uniformly random k-subset, so that P is a mixture, over choices that do not depend on
 * data, of products of k laws of 1 of m; Q is the same product for all; and hockey-stick divergences are convex in
 * the pair (Feldman & Shenfeld 2025, arXiv:2502.08202).
 *
 * H(x) = sup_E P(E) − x·Q(E) is convex, so that the lower convex hull of upper bounds on it (from {@link AllocationLaw})
 * is one, too. A convex function with H(0) = 1, slopes from −1 and H ≥ 0 is the divergence of the pair with Q-mass H′(x+) −
 * H′(x−) and P-mass x times that at the likelihood ratio x; what remains of H at the last point is P's mass where Q has
 * none. The other direction is 1 − y + y·H(1/y), and dominated with it. δ below about 1e-9 is not resolved.
 */
export function randomAllocationPair(round: {
  readonly noiseMultiplier: number;
  readonly steps: number;
}): DominatingPair {
  const { noiseMultiplier: sigma, steps } = round;
  const laws: { readonly end: number; readonly law: AllocationLaw }[] = [];
  for (const end of REACHES) {
    const law = new AllocationLaw(sigma, steps, end);
    laws.push({ end, law });
    if (law.removed(end) < RESOLVED) break;
  }
  const removed = (epsilon: number) =>
    laws.reduce((least, { end, law }) => (epsilon <= end ? Math.min(least, law.removed(epsilon)) : least), 1);
  const added = (epsilon: number) => laws.reduce((least, { law }) => Math.min(least, law.added(epsilon)), 1);
  const high = laws.at(-1)!.end;
  const low = -(REACHES.find((reach) => added(reach) < RESOLVED) ?? REACHES.at(-1)!);
  const points: Point[] = [{ x: 0, height: 1 }];
  for (let j = 0; j <= POINTS; j++) {
    const epsilon = low + ((high - low) * j) / POINTS;
    points.push({ x: Math.exp(epsilon), height: removed(epsilon) });
  }
  // H falls: where its bound rises again, the law resolves no more, and the lowest bound holds from there on.
  const lowest = points.reduce((best, point, j) => (point.height < points[best]!.height ? j : best), 0);
  const hull = lowerHull(points.slice(0, lowest + 1));
  const atoms = atomsOf(hull);
  return {
    key: `random allocation ${sigma} ${steps}`,
    symmetric: false,
    atoms,
    continua: [],
    singular: { p: hull.at(-1)!.height + ROUNDING, q: Math.max(0, slope(hull[0]!, hull[1]!) + 1) + ROUNDING },
    sketch: sketchOf(atoms),
    relativeError: 8 * Number.EPSILON,
    lossRounding: 4 * Number.EPSILON,
  };
}

function slope(a: Point, b: Point): number {
  return (b.height - a.height) / (b.x - a.x);
}

function lowerHull(points: readonly Point[]): readonly Point[] {
  const hull: Point[] = [];
  for (const point of points) {
    while (hull.length > 1 && slope(hull.at(-2)!, hull.at(-1)!) >= slope(hull.at(-1)!, point)) hull.pop();
    hull.push(point);
  }
  return hull;
}

/** Q's mass at each corner of the hull, P's and the loss; beyond the last point the slope is 0. */
function atomsOf(hull: readonly Point[]): readonly LossAtom[] {
  const atoms: LossAtom[] = [];
  for (let j = 1; j < hull.length; j++) {
    const here = hull[j]!;
    const after = j + 1 < hull.length ? slope(here, hull[j + 1]!) : 0;
    const q = after - slope(hull[j - 1]!, here);
    if (q > 0) atoms.push({ loss: Math.log(here.x), p: here.x * q, q });
  }
  return atoms;
}

/** Neighbouring atoms together, a few hundred in all. */
function sketchOf(atoms: readonly LossAtom[]): readonly LossAtom[] {
  const size = Math.ceil(atoms.length / SKETCHED);
  const sketch: LossAtom[] = [];
  for (let start = 0; start < atoms.length; start += size) {
    const part = atoms.slice(start, start + size);
    const p = part.reduce((sum, atom) => sum + atom.p, 0);
    const q = part.reduce((sum, atom) => sum + atom.q, 0);
    if (p > 0 && q > 0) sketch.push({ loss: Math.log(p / q), p, q });
  }
  return sketch;
}

import type { LossAtoms } from './binomial-loss.js';

/** Mass that may be moved upwards, to the next kept loss or to ∞, at either end. Below every δ of interest. */
const CUT = 1e-60;

/** Moves losses up by their rounding error, so that a difference of two of them may be taken as exact. */
const raise = (loss: number) => loss + 4 * Number.EPSILON * Math.abs(loss);

/** The loss of nothing at all: 0, surely. */
export const NO_LOSS: LossAtoms = {
  losses: Float64Array.of(0),
  masses: Float64Array.of(1),
  infinite: 0,
};

/**
 * The atoms without their ends: those above, of total mass up to 1e-60, go to ∞; those below are moved up to the
 * lowest that is kept. Both only raise losses, which raises every divergence: P keeps its mass, and Q loses some.
 */
export function trimmed({ losses, masses, infinite }: LossAtoms): LossAtoms {
  let first = 0;
  let below = 0;
  while (first < losses.length - 1 && below + masses[first]! <= CUT) below += masses[first++]!;
  let end = losses.length;
  let above = 0;
  while (end > first + 1 && above + masses[end - 1]! <= CUT) above += masses[--end]!;
  const kept = masses.slice(first, end);
  kept[0]! += below;
  return { losses: losses.slice(first, end), masses: kept, infinite: infinite + above };
}

/** Mean and variance of the loss, as a guide to a grid. */
export function momentsOf({ losses, masses }: LossAtoms): {
  readonly mean: number;
  readonly variance: number;
} {
  let mean = 0;
  for (let j = 0; j < losses.length; j++) mean += masses[j]! * losses[j]!;
  let variance = 0;
  for (let j = 0; j < losses.length; j++) variance += masses[j]! * (losses[j]! - mean) ** 2;
  return { mean, variance };
}

/** Every sum of one loss of `a` and one of `b`: exact, |a|·|b| atoms, in no order. */
export function product(a: LossAtoms, b: LossAtoms): LossAtoms {
  const n = b.losses.length;
  const losses = new Float64Array(a.losses.length * n);
  const masses = new Float64Array(losses.length);
  for (let i = 0; i < a.losses.length; i++) {
    for (let j = 0; j < n; j++) {
      losses[i * n + j] = raise(a.losses[i]! + b.losses[j]!);
      masses[i * n + j] = a.masses[i]! * b.masses[j]! * (1 + Number.EPSILON);
    }
  }
  return { losses, masses, infinite: a.infinite + b.infinite };
}

/** A loss on the whole multiples (`first` + j)·`interval` of one interval. */
export interface GridLoss {
  readonly interval: number;
  readonly first: number;
  readonly masses: Float64Array;
  readonly infinite: number;
}

/**
 * Each atom split between the two grid points around it so that P's and Q's mass both stay: the hockey-stick
 * divergence, convex in e^ε, is replaced by its chords, which lie above it. So the grid dominates the atoms, and the
 * variance grows by no more than interval²/4.
 *
 * Source: Doroshenko et al. 2022 (arXiv:2207.04380), "connect the dots", cell by cell.
 */
export function onGrid(atoms: LossAtoms, interval: number): GridLoss {
  const { losses, masses, infinite } = trimmed(atoms);
  const first = Math.floor(losses[0]! / interval) - 1;
  const last = Math.ceil(losses[losses.length - 1]! / interval) + 1;
  const split = new Float64Array(last - first + 1);
  const whole = Math.expm1(-interval);
  for (let j = 0; j < losses.length; j++) {
    const loss = raise(raise(losses[j]!));
    const cell = Math.floor(loss / interval);
    const inside = Math.min(interval, Math.max(0, loss - cell * interval));
    const mass = masses[j]! * (1 + 16 * Number.EPSILON);
    // Q: p₀e^{−L₀} + p₁e^{−L₁} = p e^{−L}, P: p₀ + p₁ = p.
    split[cell - first]! += (mass * Math.exp(-inside) * Math.expm1(inside - interval)) / whole;
    split[cell - first + 1]! += (mass * Math.expm1(-inside)) / whole;
  }
  return { interval, first, masses: split, infinite };
}

/** The sum of two losses on one grid, by direct summation: no cancellation, no transform, O(|a|·|b|). */
export function gridSum(a: GridLoss, b: GridLoss): GridLoss {
  const masses = new Float64Array(a.masses.length + b.masses.length - 1);
  const [outer, inner] = occupied(a) <= occupied(b) ? [a.masses, b.masses] : [b.masses, a.masses];
  for (let i = 0; i < outer.length; i++) {
    const mass = outer[i]!;
    if (mass === 0) continue;
    for (let j = 0; j < inner.length; j++) masses[i + j]! += mass * inner[j]!;
  }
  const slack = 1 + (Math.min(a.masses.length, b.masses.length) + 2) * Number.EPSILON;
  for (let j = 0; j < masses.length; j++) masses[j]! *= slack;
  return { interval: a.interval, first: a.first + b.first, masses, infinite: a.infinite + b.infinite };
}

function occupied({ masses }: GridLoss): number {
  return masses.reduce((n, mass) => n + (mass > 0 ? 1 : 0), 0);
}

/** A grid as atoms, without its negligible ends. */
export function offGrid({ interval, first, masses, infinite }: GridLoss): LossAtoms {
  const losses = Float64Array.from(masses, (_, j) => raise((first + j) * interval));
  return trimmed({ losses, masses, infinite });
}

import { LawBuilder, type LossLaw } from './loss-law.js';
import { mergeOutcomes } from './merge-outcomes.js';
import type { TiltedWindow } from './tilted-composition.js';
import { TiltedLaw } from './tilted-law.js';

const U = 2 ** -53;
const STRIDE = 32;

/**
 * The composed law in a window as the law of one unit, on a grid `ratio` times as coarse: the first of two stages.
 * Seen as a pair (P, Q) with masses p and p·e^{−x} at x, it is discretised again, with both masses kept: for an upper bound
 * each grid point is split onto its two coarse neighbours ("connect the dots"), for a lower one points are merged.
 *
 * What the window does not know (mass outside of it and, folded, inside; the rounding of every entry) is a bound on the
 * distance of measures, and stays one: it becomes {@link TiltedLaw.stray}, which adds up over units and is charged
 * at the end. Any part of the tilted mass, wherever it is, makes δ(ε) at most
 * e^{K − θε}·θ^θ/(1+θ)^{1+θ} times its size.
 */
export function coarsen(window: TiltedWindow, ratio: number, side: 'upper' | 'lower'): TiltedLaw {
  const { masses, theta, logMoment } = window;
  const spread = side === 'upper' ? split : merged;
  const relativeError = Math.expm1(window.logFactor) + (32 * (4 + Math.abs(logMoment)) + 2 * STRIDE) * U;
  const law = spread(untilted(window), window, ratio).finish(relativeError);
  const atInfinity: LossLaw = { ...law, infinityMass: window.infinityMass };
  const stray = masses.length * window.error + 2 * window.outside + window.stray;
  return new TiltedLaw(atInfinity, theta, logMoment, { mass: stray, logMoment });
}

/** y·e^{K − θx}, far from the ends of float64's range, or the window would not have been chosen. */
function untilted({ masses, start, interval, theta, logMoment }: TiltedWindow): Float64Array {
  const decay = Math.exp(-theta * interval);
  const out = new Float64Array(masses.length);
  let factor = 1;
  for (let j = 0; j < masses.length; j++) {
    // Products drift by one rounding each, and start anew before that adds up.
    factor = j % STRIDE === 0 ? Math.exp(logMoment - theta * interval * (start + j)) : factor * decay;
    out[j] = masses[j]! > 0 ? masses[j]! * factor : 0;
  }
  return out;
}

function split(masses: Float64Array, { start, interval }: TiltedWindow, ratio: number): LawBuilder {
  const law = new LawBuilder(interval * ratio, 2 * Math.ceil(masses.length / ratio) + 4);
  const wide = -Math.expm1(-interval * ratio);
  // What goes to the upper end: 1 − e^{a−x} of 1 − e^{a−b}, x a whole number of fine intervals above a.
  const shares = Float64Array.from({ length: ratio }, (_, i) => -Math.expm1(-interval * i) / wide);
  let low = Math.floor(start / ratio);
  let rest = start - low * ratio;
  for (let j = 0; j < masses.length; ) {
    const end = Math.min(masses.length, j + ratio - rest);
    let total = 0;
    let above = 0;
    for (let i = rest; j < end; i++, j++) {
      const mass = masses[j]!;
      total += mass;
      above += mass * shares[i]!;
    }
    // Losses, as products of index and interval, are off by this much relative to the width of a cell.
    const margin = (64 * U * (1 + Math.abs(low + 1) * interval * ratio)) / wide;
    above = Math.min(total, above + total * margin);
    law.add(low, total - above);
    law.add(low + 1, above);
    low++;
    rest = 0;
  }
  return law;
}

function merged(masses: Float64Array, { start, interval }: TiltedWindow, ratio: number): LawBuilder {
  const law = new LawBuilder(interval * ratio, Math.ceil(masses.length / ratio) + 4);
  const losses = masses.map((_, j) => {
    const loss = (start + j) * interval;
    return loss - 64 * U * (1 + Math.abs(loss));
  });
  mergeOutcomes({ masses, losses }, masses.length, interval * ratio, law);
  return law;
}

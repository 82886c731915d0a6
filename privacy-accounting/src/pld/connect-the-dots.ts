import type { DominatingPair } from './dominating-pair.js';
import type { LossCells } from './loss-cells.js';
import { LawBuilder, type LossLaw } from './loss-law.js';

const U = 2 ** -53;
/** What a sum of a million masses may lack to 1 by rounding; their relative error is counted apart. */
const MOST_ROUNDING = 1e-9;
/** Masses below this are near the end of float64's range, and have lost their relative accuracy. */
const SMALLEST_MASS = 1e-290;

/** 1 − (q/p)·e^a, or 1 where q has underflowed: all of p is then put at the upper end, which only adds privacy loss. */
function shareAbove(p: number, q: number, a: number): number {
  if (q < SMALLEST_MASS) return 1;
  return Math.abs(a) < 300 ? 1 - (q / p) * Math.exp(a) : -Math.expm1(Math.log(q) - Math.log(p) + a);
}

/**
 * The smallest law on the grid hℤ that dominates the pair cell by cell ("connect the dots": its δ, as a function of e^ε,
 * is the chord of the true one between grid points). A cell with masses p and q and losses in [a, b] becomes
 *
 *   β = (p − q·e^a)/(1 − e^{a−b}) at b,  p − β at a,
 *
 * which keeps both p and q: a mean-preserving spread of dQ/dP, which raises every hockey-stick divergence.
 *
 * Errors, inside: masses off by a relative r and edges off by η move the law's losses by at most 2r + η, so β is raised by
 * as much over the cell's width, which moves mass from a to b, the pessimistic way. Mass above the cells is put at ∞,
 * mass below at the lowest grid point.
 *
 * Source: Doroshenko, Ghazi, Kamath, Kumar & Manurangsi 2022 (arXiv:2207.04380), Thm 3.3 and Alg. 1; computed here from
 * cell masses instead of differences of δ, whose absolute error is that of δ ≈ 1.
 */
export function connectTheDots(
  pair: DominatingPair,
  cells: readonly LossCells[],
  interval: number,
  direction: 'remove' | 'add',
): LossLaw {
  const h = interval;
  const remove = direction === 'remove';
  const size = cells.reduce((sum, { length }) => sum + length + 2, 2 * pair.atoms.length + 4);
  const law = new LawBuilder(h, size);
  const drift = (x: number) => pair.lossRounding + 4 * pair.relativeError + 64 * U * (1 + Math.abs(x));
  const spread = (low: number, high: number, p: number, share: number) => {
    const wide = -Math.expm1((low - high) * h);
    const margin = drift(Math.max(Math.abs(low), Math.abs(high)) * h) / wide;
    const above = p * Math.min(1, Math.max(0, share / wide) + margin);
    law.add(low, p - above);
    law.add(high, above);
  };
  law.addAtInfinity((remove ? pair.singular.p : pair.singular.q) * (1 + pair.relativeError));
  for (const atom of pair.atoms) {
    const loss = remove ? atom.loss : -atom.loss;
    const low = Math.floor(loss / h);
    spread(low, low + 1, remove ? atom.p : atom.q, -Math.expm1(low * h - loss));
  }
  for (const part of cells) {
    const bottom = remove ? part.below : part.above;
    const top = remove ? part.above : part.below;
    law.add(remove ? bottom.edge : -bottom.edge, remove ? bottom.p : bottom.q);
    law.addAtInfinity((remove ? top.p : top.q) * (1 + pair.relativeError));
    for (let k = 0; k < part.length; k++) {
      const i = remove ? k : part.length - 1 - k;
      const p = remove ? part.p[i]! : part.q[i]!;
      if (!(p > 0)) continue;
      const q = remove ? part.q[i]! : part.p[i]!;
      const low = Math.floor((remove ? part.low[i]! : -part.high[i]!) / 2);
      const high = Math.ceil((remove ? part.high[i]! : -part.low[i]!) / 2);
      spread(low, high, p, shareAbove(p, q, low * h));
    }
  }
  // Every outcome of P is in a cell, an atom or a tail. Should one have been lost, what lacks to 1 is at ∞.
  const lost = 1 - law.total;
  if (!(lost <= MOST_ROUNDING)) law.addAtInfinity(lost);
  return law.finish(pair.relativeError + 8 * U);
}

import type { DominatingPair } from './dominating-pair.js';
import type { LossCells } from './loss-cells.js';
import { LawBuilder, type LossLaw } from './loss-law.js';

const U = 2 ** -53;

/** Outcomes by ascending loss: mass under the first law, and a loss that is at most the true one. */
interface Outcomes {
  readonly masses: Float64Array;
  readonly losses: Float64Array;
}

/**
 * A law on the grid hℤ that the pair dominates, off by O(h²) a step like {@link connectTheDots}: outcomes are merged, which
 * no attacker can gain from, in groups whose merged loss ln(Σp/Σq) lands on a grid point. A group for the grid point x
 * takes everything below x that is left and then, from the next outcomes above x, just so much that
 * Σ p·(1 − e^{x−ℓ}) ≥ 0. What can't be balanced at the end is moved down to the grid, which only loses privacy loss.
 *
 * That is the optimistic estimate of Doroshenko et al. 2022 (arXiv:2207.04380), § 5, read as a post-processing: tangents to
 * δ that meet on grid points. Groups may be formed from below or from above. With atoms at both ends of the range
 * both ways are used and meet inside, wherever the tilted moment is largest.
 *
 * Errors, inside: every loss is lowered by the drift that {@link connectTheDots} adds. Mass above the cells is put at
 * their upper edge, mass below is dropped.
 */
export function mergeTheDots(
  pair: DominatingPair,
  cells: readonly LossCells[],
  options: { readonly interval: number; readonly direction: 'remove' | 'add'; readonly tilt: number },
): LossLaw {
  const { interval: h, direction, tilt } = options;
  const remove = direction === 'remove';
  const outcomes = outcomesOf(pair, cells, h, remove);
  const n = outcomes.masses.length;
  let splits = [remove ? n : 0];
  // Atoms on a lattice are a hair outside of grid points, seen from 0: those below are merged upward, the others downward.
  const sign = outcomes.losses.findIndex((loss) => loss >= 0);
  if (pair.atoms.length > 0) {
    splits = [...new Set([0, n, thinnest(outcomes), sign < 0 ? n : sign])];
  }
  let best: LossLaw | undefined;
  let bestMoment = Number.NEGATIVE_INFINITY;
  for (const split of splits) {
    const law = new LawBuilder(h, n + 4);
    law.addAtInfinity((remove ? pair.singular.p : pair.singular.q) * (1 - pair.relativeError));
    const left = outcomes.masses.slice();
    const rest = mergeUpward(left, outcomes.losses, split, h, law);
    mergeDownward(left, outcomes.losses, rest, h, law);
    const finished = law.finish(pair.relativeError + 16 * U);
    if (splits.length === 1) return finished;
    let moment = 0;
    const top = outcomes.losses[n - 1]!;
    finished.indices.forEach((index, i) => {
      moment += finished.masses[i]! * Math.exp(tilt * (index * h - top));
    });
    if (best === undefined || moment > bestMoment) {
      best = finished;
      bestMoment = moment;
    }
  }
  return best!;
}

function outcomesOf(pair: DominatingPair, cells: readonly LossCells[], h: number, remove: boolean): Outcomes {
  const drift = (x: number) => pair.lossRounding + 4 * pair.relativeError + 64 * U * (1 + Math.abs(x));
  const size = cells.reduce((sum, { length }) => sum + length + 1, pair.atoms.length);
  const masses = new Float64Array(size);
  const losses = new Float64Array(size);
  let n = 0;
  const add = (mass: number, loss: number) => {
    if (!(mass > 0)) return;
    masses[n] = mass;
    losses[n] = loss - drift(loss);
    n++;
  };
  for (const part of cells) {
    for (let i = 0; i < part.length; i++) {
      const k = remove ? i : part.length - 1 - i;
      const p = remove ? part.p[k]! : part.q[k]!;
      const q = remove ? part.q[k]! : part.p[k]!;
      const low = ((remove ? part.low[k]! : -part.high[k]!) * h) / 2;
      const high = ((remove ? part.high[k]! : -part.low[k]!) * h) / 2;
      const loss = q > 0 && p > 0 ? Math.log(p / q) : low;
      add(p, Math.min(high, Number.isFinite(loss) ? loss : low));
    }
    const top = remove ? part.above : part.below;
    add(remove ? top.p : top.q, (remove ? top.edge : -top.edge) * h);
  }
  const atoms = remove ? pair.atoms : [...pair.atoms].reverse();
  for (const atom of atoms) add(remove ? atom.p : atom.q, remove ? atom.loss : -atom.loss);
  const sorted = cells.length + (atoms.length > 0 ? 1 : 0) <= 1 && ascending(losses, n);
  if (sorted) return { masses: masses.subarray(0, n), losses: losses.subarray(0, n) };
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => losses[a]! - losses[b]!);
  return {
    masses: Float64Array.from(order, (i) => masses[i]!),
    losses: Float64Array.from(order, (i) => losses[i]!),
  };
}

function ascending(values: Float64Array, length: number): boolean {
  for (let i = 1; i < length; i++) if (values[i]! < values[i - 1]!) return false;
  return true;
}

/** Where the law is thinnest between its ends: the least costly place for what is left over. */
function thinnest({ masses }: Outcomes): number {
  let at = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 2; i < masses.length - 2; i++) {
    if (masses[i]! < least) {
      least = masses[i]!;
      at = i;
    }
  }
  return at;
}

/**
 * Groups that begin below `split`, from below; they may take from above it. What lacks mass above it at the very end is
 * moved down. Takes from `left`, and returns the first outcome that is left over.
 */
function mergeUpward(left: Float64Array, losses: Float64Array, split: number, h: number, law: LawBuilder) {
  const n = left.length;
  let i = 0;
  while (i < split) {
    let index = Math.ceil(losses[i]! / h);
    if (index * h < losses[i]!) index++;
    const x = index * h;
    let mass = 0;
    let deficit = 0;
    while (i < n && losses[i]! <= x) {
      deficit += left[i]! * Math.expm1(x - losses[i]!);
      mass += left[i]!;
      i++;
    }
    while (i < n && deficit > 0) {
      const surplus = -left[i]! * Math.expm1(x - losses[i]!);
      if (surplus <= deficit) {
        deficit -= surplus;
        mass += left[i]!;
        i++;
      } else {
        const share = Math.min(1, (deficit / surplus) * (1 + 4 * U));
        mass += left[i]! * share;
        left[i]! *= 1 - share;
        deficit = 0;
      }
    }
    if (deficit > 0) law.add(Math.floor((x - Math.log1p(deficit / mass)) / h), mass);
    else law.add(index, mass);
  }
  return i;
}

/** Groups [from, n) from above; what has a surplus at the end stays on its grid point. */
function mergeDownward(left: Float64Array, losses: Float64Array, from: number, h: number, law: LawBuilder) {
  let i = left.length - 1;
  while (i >= from) {
    let index = Math.floor(losses[i]! / h);
    if (index * h > losses[i]!) index--;
    const x = index * h;
    let mass = 0;
    let surplus = 0;
    while (i >= from && losses[i]! >= x) {
      surplus -= left[i]! * Math.expm1(x - losses[i]!);
      mass += left[i]!;
      i--;
    }
    while (i >= from && surplus > 0) {
      const deficit = left[i]! * Math.expm1(x - losses[i]!);
      if (deficit <= surplus) {
        surplus -= deficit;
        mass += left[i]!;
        i--;
      } else {
        const share = (surplus / deficit) * (1 - 4 * U);
        mass += left[i]! * share;
        left[i]! *= 1 - share;
        surplus = 0;
      }
    }
    law.add(index, mass);
  }
}

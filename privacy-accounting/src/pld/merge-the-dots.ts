import type { DominatingPair } from './dominating-pair.js';
import type { LossCells } from './loss-cells.js';
import { LawBuilder, type LossLaw } from './loss-law.js';
import { mergeOutcomes, type Outcomes } from './merge-outcomes.js';

const U = 2 ** -53;

/**
 * A law on the grid hℤ that the pair dominates, off by O(h²) a step like {@link connectTheDots}: outcomes are merged in
 * groups whose merged loss lands on a grid point ({@link mergeOutcomes}).
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
    mergeOutcomes(outcomes, split, h, law);
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

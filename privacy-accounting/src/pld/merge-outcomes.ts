import type { LawBuilder } from './loss-law.js';

const U = 2 ** -53;

/** Outcomes by ascending loss: mass under the first law, and a loss that is at most the true one. */
export interface Outcomes {
  readonly masses: Float64Array;
  readonly losses: Float64Array;
}

/**
 * Merges outcomes, which no attacker can gain from, in groups whose merged loss ln(Σp/Σq) lands on a grid point of
 * `law`'s grid hℤ. A group for the grid point x takes everything below x that is left and then, from the next outcomes
 * above x, just so much that Σ p·(1 − e^{x−ℓ}) ≥ 0. Outcomes before index `split` are grouped from below, the others from
 * above, mirrored. What can't be balanced at the end is moved down to the grid, which only loses privacy loss.
 */
export function mergeOutcomes({ masses, losses }: Outcomes, split: number, h: number, law: LawBuilder): void {
  const left = masses.slice();
  const rest = mergeUpward(left, losses, split, h, law);
  mergeDownward(left, losses, rest, h, law);
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

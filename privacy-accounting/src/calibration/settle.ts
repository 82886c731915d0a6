import type { DeltaBound, EpsilonBound } from '../bound.js';
import { DpError } from '../errors.js';
import type { DpEvent } from '../events/dp-event.js';
import type { AttainedTarget, OneSided } from './target-search.js';
import type { SearchedUnknown } from './unknowns.js';

/** The value that was asked for, and the proof that it attains the target. */
export interface Calibration {
  /** The name of what was found. */
  readonly find: string;
  readonly value: number;
  /** The bound at `value`: ε and δ within the target. */
  readonly bound: EpsilonBound | DeltaBound;
  readonly event: DpEvent;
  /** The nearest value tried that is less private, and its ε, above the target: one step away for whole numbers. */
  readonly misses?: { readonly value: number; readonly epsilon: number };
  /** The answer is at most this far, relatively, from the least private one that attains the target; 0: it is that. */
  readonly tolerance: number;
}

/** The result of a search, or an error that says what would work. `targetName` is what the caller calls the target. */
export function settle(
  { name, privateSide }: SearchedUnknown,
  epsilon: number,
  found: AttainedTarget | OneSided,
  targetName = 'epsilon',
): Calibration & { readonly bound: EpsilonBound } {
  if (!('kind' in found)) return Object.freeze({ find: name, ...found });
  const { end } = found;
  const article = name === 'noise multiplier' || name === 'noiseMultiplier' ? 'noise' : name;
  if (found.kind === 'never') {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `${targetName} ${epsilon} can't be reached with any ${article}: ε is still ${found.epsilon} at the ${name} ${end}, ` +
        `the ${privateSide === 'large' ? 'largest' : 'smallest'} that is tried. Check that makeEvent uses its argument, ` +
        `raise ${targetName} or delta, or release less.`,
    );
  }
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `${targetName} ${epsilon} is met by any ${article}: ε is ${found.epsilon} even at the ${name} ${end}. Use that, check ` +
      'that makeEvent uses its argument, or ask for a smaller ε.',
  );
}

import { DpError } from '../../errors.js';
import {
  bandedSensitivity,
  bltSensitivity,
  singleEpochTreeSquare,
  toeplitzSensitivity,
  treeNoRestartSquare,
} from '../../matrix/index.js';
import type { MatrixMechanismEvent, MatrixParticipation } from '../correlated-noise-events.js';
import { Unreadable } from './unreadable.js';

/** More steps than this are not held in memory, and more entries of C not added up. */
const MAX_STEPS = 10_000_000;
const MAX_WORK = 500_000_000;

/** Covers the roundings of a square root and of a short sum. */
const ROUNDED_UP = 1 + 8 * Number.EPSILON;

/** How often a record takes part at most, and how far apart at least. */
interface Pattern {
  readonly times: number;
  readonly separation: number;
  /** Exactly that far apart. */
  readonly exactly: boolean;
}

/**
 * sens = max ‖C u‖ over what one record contributes to a run, in units of the clipping norm, rounded up. Throws Unreadable
 * where it is not known. A `fixed` participation is read as one of that separation where that is the worst anyway, or where
 * nothing tighter is known (trees).
 */
export function matrixSensitivity(event: MatrixMechanismEvent, path: string): number {
  const { strategy, steps } = event;
  const pattern = patternOf(event.participation, steps);
  const { times, separation } = pattern;
  const participation = { steps, minSeparation: separation, maxParticipations: times };
  try {
    switch (strategy.type) {
      case 'banded':
        return banded(strategy, pattern, path);
      case 'toeplitz':
        requireWork(steps, Math.max(0, steps - times * separation) * times, path);
        return toeplitzSensitivity({ coefficients: strategy.coefficients, ...participation });
      case 'blt': {
        const { outputScales, bufferDecays } = strategy;
        const sums = Math.max(0, steps - times * separation) * times;
        requireWork(steps, sums + steps * outputScales.length, path);
        return bltSensitivity({ outputScale: outputScales, bufferDecay: bufferDecays, ...participation });
      }
      case 'tree': {
        if (times === 1) return treeSensitivity([steps]);
        requireWork(steps, 0, path);
        const square = treeNoRestartSquare({
          totalSteps: steps,
          maxParticipations: times,
          minSeparation: separation,
        });
        return Math.sqrt(square) * ROUNDED_UP;
      }
    }
  } catch (error) {
    if (error instanceof DpError) throw new Unreadable(`${path}: ${error.message}`);
    throw error;
  }
}

/** The same of one epoch of tree aggregation, restarted after each of `stepCounts`, a record in one step of all. */
export function treeSensitivity(stepCounts: readonly number[]): number {
  return Math.sqrt(singleEpochTreeSquare(stepCounts)) * ROUNDED_UP;
}

function patternOf(participation: MatrixParticipation, steps: number): Pattern {
  if (participation.type === 'single') return { times: 1, separation: steps, exactly: false };
  const exactly = participation.type === 'fixed';
  const separation = Math.min(steps, exactly ? participation.period : participation.separation);
  const limit = exactly ? participation.participations : participation.maxParticipations;
  const fit = Math.floor((steps - 1) / separation) + 1;
  return { times: Math.min(fit, limit ?? fit), separation, exactly };
}

/** Columns at least as far apart as there are bands are orthogonal: their squared norms add up. */
function banded(
  strategy: { readonly bands: number; readonly squaredColumnNorms: readonly number[] },
  { times, separation, exactly }: Pattern,
  path: string,
): number {
  const { bands, squaredColumnNorms: norms } = strategy;
  if (times > 1 && separation < bands) {
    throw new Unreadable(
      `${path}: a record's steps are ${separation} apart, fewer than the ${bands} bands, so that its ` +
        'columns overlap. Separate them by at least the number of bands.',
    );
  }
  requireWork(norms.length, norms.length * times, path);
  if (!exactly) {
    return bandedSensitivity({ gramDiagonal: norms, minSeparation: separation, maxParticipations: times });
  }
  let largest = 0;
  for (let first = 0; first < norms.length; first++) {
    let square = 0;
    for (let k = 0; k < times && first + k * separation < norms.length; k++) {
      square += norms[first + k * separation]!;
    }
    largest = Math.max(largest, square);
  }
  return Math.sqrt(largest * (1 + times * Number.EPSILON)) * ROUNDED_UP;
}

function requireWork(steps: number, entries: number, path: string): void {
  if (steps <= MAX_STEPS && entries <= MAX_WORK) return;
  throw new Unreadable(
    `${path}: more than ${MAX_STEPS} steps, or ${MAX_WORK} entries of its matrix, would have to be added up. Account ` +
      'for parts of the run, or limit how often a record takes part.',
  );
}

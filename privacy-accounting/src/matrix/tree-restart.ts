import { requireNumber } from '../arguments.js';
import { requireNumbers } from './banded-sensitivity.js';

const STEPS = 'a whole number, 0 or larger';
const isSteps = (n: number) => Number.isSafeInteger(n) && n >= 0;

/** Levels of a binary tree over `steps` ≥ 1 leaves whose complete nodes are released: ⌊log₂ steps⌋ + 1, 0 of none. */
function levels(steps: number): number {
  let count = 0;
  for (let rest = steps; rest >= 1; rest = Math.floor(rest / 2)) count++;
  return count;
}

/**
 * The squared L2 sensitivity, in units of one contribution, of tree aggregation restarted for every entry of
 * `stepCounts`, when a record takes part at most once in all: it is in one node of each level of one tree, at most
 * ⌊log₂ max⌋ + 1. Exact.
 *
 * Source: Kairouz et al. 2021 (arXiv:2103.00039), App. D.1.
 *
 * @example
 * singleEpochTreeSquare([128, 100]); // 8
 */
export function singleEpochTreeSquare(stepCounts: number | readonly number[]): number {
  return requireCounts(stepCounts).reduce((most, steps) => Math.max(most, levels(steps)), 0);
}

/**
 * The same when a record takes part at most once *in each* tree (an epoch each): Σ (⌊log₂ stepsᵢ⌋ + 1). Exact.
 *
 * Source: Kairouz et al. 2021 (arXiv:2103.00039), App. D.1 (DP-FTRL-TreeRestart).
 *
 * @example
 * treeRestartSquare([7]); // 3
 */
export function treeRestartSquare(stepsPerEpoch: number | readonly number[]): number {
  return requireCounts(stepsPerEpoch).reduce((sum, steps) => sum + levels(steps), 0);
}

function requireCounts(value: number | readonly number[]): readonly number[] {
  return typeof value === 'number'
    ? [requireNumber(value, 'stepCounts', STEPS, isSteps)]
    : requireNumbers(value, 'stepCounts', isSteps, 'whole, 0 or larger');
}

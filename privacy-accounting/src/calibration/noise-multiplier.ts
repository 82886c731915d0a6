import { invalidArgument, requireNumber, requireRecord } from '../arguments.js';
import type { EpsilonBound } from '../bound.js';
import type { DpEvent } from '../events/dp-event.js';
import type { AccountingOptions } from '../questions/panel.js';
import { settle } from './settle.js';
import { requireTarget, searchTarget } from './target-search.js';
import { requireTolerance } from './tolerance.js';
import { namedUnknown } from './unknowns.js';

/** A calibrated noise multiplier, and the bound that it attains. */
export interface CalibratedNoise {
  /** σ: noise standard deviation / clipping norm. */
  readonly noiseMultiplier: number;
  /** The bound at that σ: `bound.epsilon` ≤ the target. */
  readonly bound: EpsilonBound;
}

/**
 * The least noise multiplier σ with ε(σ) ≤ `targetEpsilon` at `delta` under `relation`, for the event that
 * `makeEvent(σ)` returns: to a relative `tolerance`, by default 1e-9 where formulas answer and 1e-5 where a grid must
 * (which is about what its ε is accurate to). Errs to the private side: the returned σ attains the target, and its bound
 * is returned with it.
 *
 * `makeEvent` must lose no privacy as σ grows. σ is searched in 2⁻²⁰ … 2⁴⁰. A target that no noise reaches
 * (something in the event does not depend on σ, or the accountant's conversion has a floor) and one that any
 * noise meets are DP_INVALID_ARGUMENT errors that state the ε at the end of the range. Other unknowns: `calibrate`.
 *
 * @example
 * const { noiseMultiplier } = calibrateNoiseMultiplier({
 *   makeEvent: (noiseMultiplier) => selfComposed({
 *     count: 1000,
 *     event: poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier }) }),
 *   }),
 *   targetEpsilon: 1, delta: 1e-5, relation: 'add-or-remove-one',
 * }); // 1.4146…
 */
export function calibrateNoiseMultiplier(
  options: AccountingOptions & {
    readonly makeEvent: (noiseMultiplier: number) => DpEvent;
    readonly targetEpsilon: number;
    readonly delta: number;
    readonly tolerance?: number;
  },
): CalibratedNoise {
  requireRecord(options, 'options', 'an object with makeEvent, targetEpsilon, delta and relation');
  const { makeEvent } = options;
  if (typeof makeEvent !== 'function') {
    throw invalidArgument('makeEvent', 'a function from a noise multiplier to an event', makeEvent);
  }
  const epsilon = requireNumber(
    options.targetEpsilon,
    'targetEpsilon',
    'a finite number above 0',
    (e) => e > 0,
  );
  const target = requireTarget({ ...options, epsilon });
  const range = namedUnknown('noiseMultiplier');
  const tolerance = options.tolerance === undefined ? {} : { tolerance: requireTolerance(options.tolerance) };
  const found = searchTarget({ makeEvent, target, range, start: range.start, ...tolerance });
  const { value, bound } = settle({ ...range, name: 'noise multiplier' }, epsilon, found, 'targetEpsilon');
  return { noiseMultiplier: value, bound };
}

import { invalidArgument, requireDelta, requireNumber, requireRecord } from '../arguments.js';
import type { EpsilonBound } from '../bound.js';
import type { AccountantChoice } from '../epsilon-of.js';
import { epsilonOf } from '../epsilon-of.js';
import { DpError } from '../errors.js';
import type { DpEvent } from '../events/dp-event.js';
import { bracketRoot } from '../math/index.js';
import { type NeighboringRelation, requireRelation } from '../relation.js';

const SMALLEST = 2 ** -20;
const LARGEST = 2 ** 40;
/** Of ln σ: the answer is at most this much above the least noise. */
const TOLERANCE = 1e-9;

/** A calibrated noise multiplier, and the bound that it attains. */
export interface CalibratedNoise {
  /** σ: noise standard deviation / clipping norm. */
  readonly noiseMultiplier: number;
  /** The bound at that σ: `bound.epsilon` ≤ the target. */
  readonly bound: EpsilonBound;
}

/**
 * The least noise multiplier σ, to a relative 1e-9, with ε(σ) ≤ `targetEpsilon` at `delta` under `relation`, for
 * the event that `makeEvent(σ)` returns. Errs to the private side: the returned σ attains the target, and its
 * bound is returned with it.
 *
 * `makeEvent` must lose no privacy as σ grows. σ is searched in 2⁻²⁰ … 2⁴⁰. A target that no noise reaches
 * (something in the event does not depend on σ, or the accountant's conversion has a floor) and one that any
 * noise meets are DP_INVALID_ARGUMENT errors that state the ε at the end of the range.
 *
 * @example
 * const { noiseMultiplier } = calibrateNoiseMultiplier({
 *   makeEvent: (noiseMultiplier) => selfComposed({
 *     count: 1000,
 *     event: poissonSampled({ samplingProbability: 0.01, event: gaussian({ noiseMultiplier }) }),
 *   }),
 *   targetEpsilon: 1, delta: 1e-5, relation: 'add-or-remove-one',
 * }); // 1.513…
 */
export function calibrateNoiseMultiplier(options: {
  readonly makeEvent: (noiseMultiplier: number) => DpEvent;
  readonly targetEpsilon: number;
  readonly delta: number;
  readonly relation: NeighboringRelation;
  readonly accountant?: AccountantChoice;
}): CalibratedNoise {
  requireRecord(options, 'options', 'an object with makeEvent, targetEpsilon, delta and relation');
  const { makeEvent, accountant = 'best' } = options;
  if (typeof makeEvent !== 'function') {
    throw invalidArgument('makeEvent', 'a function from a noise multiplier to an event', makeEvent);
  }
  const target = requireNumber(
    options.targetEpsilon,
    'targetEpsilon',
    'a finite number above 0',
    (e) => e > 0,
  );
  const delta = requireDelta(options.delta);
  const relation = requireRelation(options.relation);

  const boundAt = (sigma: number) => epsilonOf(makeEvent(sigma), { delta, relation, accountant });
  const bracket = bracketTarget((sigma) => boundAt(sigma).epsilon, target);
  const { nonPositive } = bracketRoot({
    // ln ε is nearly linear in ln σ; an ε of 0 only needs the right sign.
    f: (logSigma) => logExcess(boundAt(Math.exp(logSigma)).epsilon, target),
    bracket: { positive: Math.log(bracket.tooLittle), nonPositive: Math.log(bracket.enough) },
    tolerance: () => TOLERANCE,
  });
  const noiseMultiplier = Math.exp(nonPositive);
  return { noiseMultiplier, bound: boundAt(noiseMultiplier) };
}

function logExcess(epsilon: number, target: number): number {
  return epsilon === 0 ? -50 : Math.log(epsilon) - Math.log(target);
}

/** Doubles or halves σ from 1 until the target lies between the last two. */
function bracketTarget(epsilonAt: (sigma: number) => number, target: number) {
  let sigma = 1;
  let epsilon = epsilonAt(sigma);
  if (epsilon <= target) {
    while (epsilon <= target) {
      sigma /= 2;
      if (sigma < SMALLEST) {
        throw new DpError(
          'DP_INVALID_ARGUMENT',
          `targetEpsilon ${target} is met by any noise: ε is ${epsilon} even at the noise multiplier ${2 * sigma}. ` +
            'Check that makeEvent uses its argument, or ask for a smaller ε.',
        );
      }
      epsilon = epsilonAt(sigma);
    }
    return { tooLittle: sigma, enough: 2 * sigma };
  }
  while (epsilon > target) {
    sigma *= 2;
    if (sigma > LARGEST) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `targetEpsilon ${target} can't be reached with any noise: ε is still ${epsilon} at the noise multiplier ` +
          `${sigma / 2}. Check that makeEvent uses its argument, raise targetEpsilon or delta, or release less.`,
      );
    }
    epsilon = epsilonAt(sigma);
  }
  return { tooLittle: sigma / 2, enough: sigma };
}

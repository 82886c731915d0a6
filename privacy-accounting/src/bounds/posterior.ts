import { requireDelta, requireNumber, requireRecord } from '../arguments.js';
import type { AccountantName } from '../bound.js';
import type { NeighboringRelation } from '../relation.js';
import type { DeltaCurve } from './delta-curve.js';

/**
 * Someone who knows every other record, and gave `prior` to this one's being used, gives it at most `posterior`
 * after seeing the release, except with probability `exception`.
 */
export interface PosteriorCeiling {
  readonly prior: number;
  readonly posterior: number;
  /** The logarithm of the factor by which the odds grew, nats: the privacy loss that is exceeded that rarely. */
  readonly logOddsGain: number;
  readonly exception: number;
  readonly relation: NeighboringRelation;
  readonly accountant: AccountantName;
  readonly direction: 'upper';
}

/**
 * The posterior that is exceeded with probability at most δ′ = `exception`, over the release, whether or not the record
 * was used: σ(logit p + ℓ) with
 *
 *   ℓ = min over the curve of  s − ln(1 − δ(s)/δ′).
 *
 * With δ > 0 "at most e^ε times the odds" is false: a release is above that with a probability that may exceed δ many
 * times over. Here is why ℓ holds: δ(s) ≥ E[(1 − e^{s − L})⁺] ≥ (1 − e^{s−ℓ})·P(L > ℓ) for the mechanism's own loss L, so
 * that P(L > ℓ) ≤ δ(s)/(1 − e^{s−ℓ}), = δ′ at this ℓ. The tail of a *dominating* loss distribution would not do:
 * dominance orders hockey-stick divergences, not tails. When the record was not used, P(L > ℓ) is smaller still.
 *
 * Rounded up. The posterior is 1 when no point of the curve has δ below δ′.
 *
 * Source: Markov's inequality on the hockey-stick divergence (compare Dwork & Roth 2014, Lemma 3.17).
 *
 * @example
 * posteriorCeiling(curve, { prior: 0.01, exception: 1e-4 }).posterior;
 */
export function posteriorCeiling(
  curve: DeltaCurve,
  options: { readonly prior: number; readonly exception: number },
): PosteriorCeiling {
  requireRecord(options, 'options', 'an object { prior, exception }');
  const prior = requireNumber(options.prior, 'prior', 'a number from 0 to 1', (p) => p >= 0 && p <= 1);
  const exception = requireDelta(options.exception, 'exception');
  let logOddsGain = Number.POSITIVE_INFINITY;
  for (let j = 0; j < curve.epsilons.length; j++) {
    const ratio = (curve.deltas[j]! / exception) * (1 + Number.EPSILON);
    if (ratio < 1) logOddsGain = Math.min(logOddsGain, curve.epsilons[j]! - Math.log1p(-ratio));
  }
  logOddsGain *= 1 + 4 * Number.EPSILON;
  // p e^ℓ / (1 − p + p e^ℓ) = 1 / (1 + e^{−ℓ}(1 − p)/p).
  const others = prior === 0 ? Number.POSITIVE_INFINITY : (Math.exp(-logOddsGain) * (1 - prior)) / prior;
  const posterior = Math.min(1, Math.max(prior, (1 / (1 + others)) * (1 + 8 * Number.EPSILON)));
  return Object.freeze({
    prior,
    posterior: prior === 0 ? 0 : posterior,
    logOddsGain,
    exception,
    relation: curve.relation,
    accountant: curve.accountant,
    direction: 'upper',
  });
}

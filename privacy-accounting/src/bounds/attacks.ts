import { requireCount, requireNumber, requireRecord } from '../arguments.js';
import type { AccountantName } from '../bound.js';
import type { NeighboringRelation } from '../relation.js';
import type { DeltaCurve } from './delta-curve.js';
import type { TradeOffBound } from './trade-off.js';

/** A ceiling on what an attacker achieves: the true value is at most `value` for every attack. */
export interface AttackCeiling {
  readonly value: number;
  readonly relation: NeighboringRelation;
  readonly accountant: AccountantName;
  readonly direction: 'upper';
}

const ceiling = ({ relation, accountant }: DeltaCurve | TradeOffBound, value: number): AttackCeiling =>
  Object.freeze({ value, relation, accountant, direction: 'upper' });

const requirePrior = (value: unknown, path = 'prior') =>
  requireNumber(value, path, 'a number from 0 to 1', (prior) => prior >= 0 && prior <= 1);

/**
 * The probability that an attacker who knows everything but one record says rightly whether (or, under replace-one,
 * which of two) it was used, if that was so with probability `prior` beforehand: at most
 *
 *   max(p, 1 − p) + min(p, 1 − p)·δ(|ln((1 − p)/p)|).
 *
 * At p = ½ that is (1 + δ(0))/2: the Bayes risk is (1 − advantage)/2. Exact when the curve is.
 *
 * Source: the Neyman–Pearson lemma; the gain over a guess is a hockey-stick divergence by definition.
 *
 * @example
 * membershipSuccess(deltaCurveOf(accountant), { prior: 0.5 }).value;
 */
export function membershipSuccess(curve: DeltaCurve, options: { readonly prior: number }): AttackCeiling {
  requireRecord(options, 'options', 'an object { prior }');
  const prior = requirePrior(options.prior);
  const rarer = Math.min(prior, 1 - prior);
  if (rarer === 0) return ceiling(curve, 1);
  const odds = Math.log1p(-rarer) - Math.log(rarer);
  // δ falls with ε: at an ε that is not above the logarithm it is not below.
  const gain = rarer * curve.deltaAt(Math.max(0, odds * (1 - 4 * Number.EPSILON) - Number.EPSILON));
  return ceiling(curve, Math.min(1, (1 - rarer + gain) * (1 + 4 * Number.EPSILON)));
}

/**
 * max (TPR − FPR) over all membership tests: the total variation distance, δ(0). Rounded up.
 *
 * @example
 * membershipAdvantage(gaussianTradeOff({ mu: 1, relation: 'replace-special' })).value; // 0.38292492…
 */
export function membershipAdvantage(tradeOff: TradeOffBound): AttackCeiling {
  return ceiling(tradeOff, tradeOff.advantage);
}

/**
 * Reconstruction robustness: the probability that an attacker who knows every other record rebuilds a record up to the
 * tolerated error is at most 1 − f(κ), where κ = `baseline` is an upper bound on the probability to succeed without the
 * release: sup over guesses z̃ of P[error(Z, z̃) ≤ η] under the prior of Z. It is the attacker's prior, not ours:
 * stated too small, the ceiling is false.
 *
 * The laws that are compared are that of the release with the record and that with a fixed one (or none, or a blank)
 * in its place, which does not depend on it: so every relation will do.
 *
 * Source: Hayes, Mahloujifar & Balle 2023 (arXiv:2302.07225): the blow-up function B_κ = 1 − f(κ); Balle, Cherubin
 * & Hayes 2022 (arXiv:2201.04845).
 *
 * @example
 * reconstructionSuccess(tradeOff, { baseline: 1 / 10 }).value; // one of ten equally likely records
 */
export function reconstructionSuccess(
  tradeOff: TradeOffBound,
  options: { readonly baseline: number },
): AttackCeiling {
  requireRecord(options, 'options', 'an object { baseline }');
  return ceiling(tradeOff, tradeOff.truePositiveRate(requirePrior(options.baseline, 'baseline')));
}

/**
 * Attribute inference: the probability that an attacker who knows every other record, and the rest of this one, names
 * its attribute is at most 1 − f(p), p = `largestPrior` the probability of its likeliest value. The special case of
 * {@link reconstructionSuccess} in which the error is 0 or 1.
 *
 * @example
 * attributeInferenceSuccess(tradeOff, { largestPrior: 0.5 }).value; // a fair bit
 */
export function attributeInferenceSuccess(
  tradeOff: TradeOffBound,
  options: { readonly largestPrior: number },
): AttackCeiling {
  requireRecord(options, 'options', 'an object { largestPrior }');
  return ceiling(tradeOff, tradeOff.truePositiveRate(requirePrior(options.largestPrior, 'largestPrior')));
}

/** More poisoned records than this, and the ceiling is 1 for any noise worth its name. */
const LARGEST_GROUP = 1_000_000;

/**
 * k = `records` poisoned records: an outcome that had probability `probability` without them has at most
 * g(g(…g(probability))) with them, g = 1 − f applied k times (group privacy). A record counts once for each change that
 * the relation knows: under add-or-remove-one a record that is exchanged counts twice.
 *
 * Where the group's own privacy loss is known (the event for groups of k), its curve is tighter: take its
 * `truePositiveRate(probability)` instead.
 *
 * Source: Dong, Roth & Su 2022 (arXiv:1905.02383), Thm 2.14; Ma, Zhu & Hsu 2019 (arXiv:1903.09860) for (ε, δ).
 *
 * @example
 * poisonedProbability(tradeOff, { records: 3, probability: 0.001 }).value;
 */
export function poisonedProbability(
  tradeOff: TradeOffBound,
  options: { readonly records: number; readonly probability: number },
): AttackCeiling {
  requireRecord(options, 'options', 'an object { records, probability }');
  const records = requireNumber(
    requireCount(options.records, 'records'),
    'records',
    `at most ${LARGEST_GROUP}`,
    (count) => count <= LARGEST_GROUP,
  );
  let probability = requirePrior(options.probability, 'probability');
  for (let k = 0; k < records && probability < 1; k++) {
    const next = tradeOff.truePositiveRate(probability);
    if (next === probability) break;
    probability = next;
  }
  return ceiling(tradeOff, probability);
}

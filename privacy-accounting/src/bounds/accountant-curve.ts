import type { PrivacyAccountant } from '../accountant.js';
import { invalidArgument, requireEpsilon } from '../arguments.js';
import { GdpAccountant } from '../gdp/index.js';
import type { PrivacyLoss } from '../pld/privacy-loss-distribution.js';
import { curveThrough, type DeltaCurve, LARGEST_EPSILON } from './delta-curve.js';
import { curveOfLoss } from './loss-curve.js';
import { gaussianTradeOff, type TradeOffBound, tradeOffOf } from './trade-off.js';

/** How many points of an accountant's curve are asked for. */
const SAMPLES = 384;

/**
 * The (ε, δ) curve of an accountant with everything that was composed: all of its privacy loss distribution if it has one,
 * else its δ at 384 values of ε, from 0 to where δ is below 1e-15, denser near 0. `deltaAt` asks the accountant itself.
 *
 * What approximates is refused: a ceiling on attacks from a figure that is no bound would be none.
 *
 * @example
 * const accountant = new RdpAccountant({ relation: 'add-or-remove-one' }).compose(event);
 * posteriorCeiling(deltaCurveOf(accountant), { prior: 0.01, exception: 1e-4 }).posterior;
 */
export function deltaCurveOf(accountant: PrivacyAccountant): DeltaCurve {
  const { relation, name } = accountant;
  const atZero = accountant.getDelta(0);
  if (atZero.direction !== 'upper') {
    throw invalidArgument('accountant', 'one whose figures are upper bounds', name, 'Use pld, rdp or gdp.');
  }
  if (atZero.delta === 1 || atZero.delta === 0) {
    return curveThrough(relation, name, [{ epsilon: 0, delta: atZero.delta }]);
  }
  const loss = lossOf(accountant);
  if (loss !== undefined) return curveOfLoss({ loss, relation, accountant: name });
  // Where δ stops falling: at 1e-15, or at what is certain whatever ε is.
  const certain = accountant.getDelta(LARGEST_EPSILON).delta;
  const least = Math.min(1 - 1e-12, Math.max(1e-15, certain * (1 + 1e-6)));
  const end = Math.min(LARGEST_EPSILON, accountant.getEpsilon(least).epsilon);
  const points = Array.from({ length: SAMPLES + 1 }, (_, j) => {
    const epsilon = end * (j / SAMPLES) ** 1.5;
    return { epsilon, delta: accountant.getDelta(epsilon).delta };
  });
  const curve = curveThrough(relation, name, points);
  const deltaAt = (epsilon: number) => accountant.getDelta(requireEpsilon(epsilon)).delta;
  return Object.freeze({ ...curve, deltaAt });
}

/**
 * The trade-off of everything that an accountant composed: the exact one for GdpAccountant, else that of
 * {@link deltaCurveOf}.
 *
 * @example
 * tradeOffOfAccountant(accountant).truePositiveRate(0.001); // no attack finds more members at that false-positive rate
 */
export function tradeOffOfAccountant(accountant: PrivacyAccountant): TradeOffBound {
  return accountant instanceof GdpAccountant
    ? gaussianTradeOff({ mu: accountant.mu, relation: accountant.relation })
    : tradeOffOf(deltaCurveOf(accountant));
}

function lossOf(accountant: PrivacyAccountant): PrivacyLoss | undefined {
  return 'privacyLoss' in accountant ? (accountant.privacyLoss as PrivacyLoss) : undefined;
}

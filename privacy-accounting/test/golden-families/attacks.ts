import {
  deltaCurveOf,
  gdpMuOf,
  membershipAdvantage,
  membershipSuccess,
  PldAccountant,
  tradeOffOf,
} from 'privacy-accounting';
import { dpSgdOf } from './events.js';
import type { Family, Params } from './params.js';

/** δ as a function of ε for the case's run, both directions inside. */
function curveOf(p: Params) {
  const relation = p.relation();
  return deltaCurveOf(new PldAccountant({ relation }).compose(dpSgdOf(p, relation)));
}

/** Ceilings on attacks. */
export const ATTACK_FAMILIES: Readonly<Record<string, Family>> = {
  tradeoff_tpr_at_fpr: (p) => ({
    tpr_upper: tradeOffOf(curveOf(p)).truePositiveRate(p.number('fpr')),
  }),
  gdp_mu_from_pld: (p) => ({
    mu: gdpMuOf(tradeOffOf(curveOf(p)), { minimumFalsePositiveRate: p.number('min_fpr', 1e-12) }),
  }),
  attack_metrics: (p) => {
    const curve = curveOf(p);
    const tradeOff = tradeOffOf(curve);
    const missed = p
      .askedAt('beta_at')
      .map((rate) => [rate, tradeOff.falseNegativeRate(Number(rate))] as const);
    return {
      advantage: membershipAdvantage(tradeOff).value,
      beta_at: Object.fromEntries(missed),
      risk_at_half: 1 - membershipSuccess(curve, { prior: 0.5 }).value,
    };
  },
};

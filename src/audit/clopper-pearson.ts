import betaQuantile from '@stdlib/stats-base-dists-beta-quantile';
import { DpError } from 'privacy-accounting';

/** `successes` out of `trials`: two integers, 0 ≤ successes ≤ trials, trials ≥ 1. */
export interface Count {
  readonly successes: number;
  readonly trials: number;
}

/** A rate with its interval. `guarantee` says what stands behind the interval. */
export interface RateInterval extends Count {
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
  /** Nominal coverage of [lower, upper]: at least this for an exact interval. */
  readonly confidence: number;
  readonly method: 'clopper-pearson';
  readonly guarantee: 'exact';
}

// The quantile's own relative error is below 4e-12 up to 1e5 trials; limits are moved outward by more.
const ROUNDING = 1e-11;

/**
 * Lower confidence limit Beta⁻¹(alpha; k, n − k + 1) of a binomial rate with k successes in n trials:
 * P(limit > true rate) ≤ alpha whatever the rate is. 0 when k = 0. Errs downward.
 *
 * Clopper & Pearson 1934. `alpha` ∈ (0, 1) is the one-sided error.
 *
 * @example
 * clopperPearsonLower({ successes: 500, trials: 1000, alpha: 0.025 }); // 0.46854917…
 */
export function clopperPearsonLower({
  successes,
  trials,
  alpha,
}: Count & { readonly alpha: number }): number {
  checkCount({ successes, trials });
  checkAlpha(alpha);
  if (successes === 0) return 0;
  return outward(betaQuantile(alpha, successes, trials - successes + 1), -1);
}

/**
 * Upper confidence limit Beta⁻¹(1 − alpha; k + 1, n − k) of a binomial rate: the mirror image of
 * {@link clopperPearsonLower}, 1 when k = n. Errs upward.
 *
 * @example
 * clopperPearsonUpper({ successes: 0, trials: 1000, alpha: 0.025 }); // 0.00368208…
 */
export function clopperPearsonUpper({
  successes,
  trials,
  alpha,
}: Count & { readonly alpha: number }): number {
  checkCount({ successes, trials });
  checkAlpha(alpha);
  if (successes === trials) return 1;
  return outward(betaQuantile(1 - alpha, successes + 1, trials - successes), 1);
}

/**
 * Two-sided interval: both one-sided limits at (1 − confidence)/2. Exact: it covers the true rate with
 * probability at least `confidence` for independent trials, whatever the rate and the number of trials.
 *
 * @example
 * const { lower, upper } = clopperPearson({ successes: 0, trials: 1000, confidence: 0.95 }); // 0 … 0.00368
 */
export function clopperPearson({
  successes,
  trials,
  confidence,
}: Count & { readonly confidence: number }): RateInterval {
  checkConfidence(confidence);
  const alpha = (1 - confidence) / 2;
  return {
    successes,
    trials,
    value: successes / trials,
    lower: clopperPearsonLower({ successes, trials, alpha }),
    upper: clopperPearsonUpper({ successes, trials, alpha }),
    confidence,
    method: 'clopper-pearson',
    guarantee: 'exact',
  };
}

/** Counts of one threshold attack: members accused (true positives) and non-members accused (false ones). */
export interface AttackCounts {
  readonly truePositives: number;
  readonly members: number;
  readonly falsePositives: number;
  readonly nonMembers: number;
}

/**
 * The corner of the confidence region of (FPR, TPR) that favours the attack least: FPR from above and TPR
 * from below, each with error alpha/2, so that both hold with probability at least 1 − alpha.
 */
export function attackCorner({
  truePositives,
  members,
  falsePositives,
  nonMembers,
  alpha,
}: AttackCounts & { readonly alpha: number }): { readonly fprUpper: number; readonly tprLower: number } {
  return {
    fprUpper: clopperPearsonUpper({ successes: falsePositives, trials: nonMembers, alpha: alpha / 2 }),
    tprLower: clopperPearsonLower({ successes: truePositives, trials: members, alpha: alpha / 2 }),
  };
}

/**
 * ε ≥ max(0, ln((TPR⁻ − δ)/FPR⁺), ln((1 − FPR⁺ − δ)/(1 − TPR⁻))): a lower bound in nats on the ε, at this δ,
 * of any mechanism that the attack was run against, with confidence 1 − alpha. The same two limits serve both
 * terms (Nasr et al. 2021). Errs downward.
 *
 * Valid for independent trials and ONE threshold fixed beforehand. For several thresholds divide alpha by
 * their number. Scores of one trained model are not independent trials: {@link oneRunEpsilonLowerBound}.
 *
 * @example
 * clopperPearsonEpsilon({ truePositives: 500, members: 1000, falsePositives: 10, nonMembers: 1000,
 *   delta: 0, alpha: 0.05 }); // 3.2420…
 */
export function clopperPearsonEpsilon(
  options: AttackCounts & { readonly delta: number; readonly alpha: number },
): number {
  checkDelta(options.delta);
  const { fprUpper, tprLower } = attackCorner(options);
  const { delta } = options;
  const accuse = tprLower > delta ? Math.log((tprLower - delta) / fprUpper) : 0;
  const clear = 1 - fprUpper > delta ? Math.log((1 - fprUpper - delta) / (1 - tprLower)) : 0;
  return Math.max(0, accuse, clear);
}

/** Throws `DP_INVALID_ARGUMENT` unless δ ∈ [0, 1). */
export function checkDelta(delta: number): void {
  if (!(delta >= 0 && delta < 1)) {
    throw new DpError('DP_INVALID_ARGUMENT', `delta: expected a number in [0, 1), got ${delta}.`);
  }
}

/** Throws `DP_INVALID_ARGUMENT` unless the error probability is in (0, 1). */
export function checkAlpha(alpha: number): void {
  if (!(alpha > 0 && alpha < 1)) {
    throw new DpError('DP_INVALID_ARGUMENT', `alpha: expected a number in (0, 1), got ${alpha}.`);
  }
}

/** Throws `DP_INVALID_ARGUMENT` unless the confidence is in (0, 1). */
export function checkConfidence(confidence: number): void {
  if (!(confidence > 0 && confidence < 1)) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `confidence: expected a number in (0, 1), such as 0.95, got ${confidence}.`,
    );
  }
}

function checkCount({ successes, trials }: Count): void {
  if (!Number.isSafeInteger(trials) || trials < 1) {
    throw new DpError('DP_INVALID_ARGUMENT', `trials: expected an integer of at least 1, got ${trials}.`);
  }
  if (!Number.isSafeInteger(successes) || successes < 0 || successes > trials) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `successes: expected an integer in 0…${trials} (the number of trials), got ${successes}.`,
    );
  }
}

function outward(limit: number, direction: 1 | -1): number {
  if (!(limit >= 0 && limit <= 1)) {
    throw new DpError('DP_NUMERICAL', `Clopper-Pearson limit: the beta quantile returned ${limit}.`);
  }
  return Math.min(1, Math.max(0, limit + direction * ROUNDING * Math.min(limit, 1 - limit)));
}

/** Two numbers with the truth between them: lower ≤ truth ≤ upper, every error inside, rounding included. */
export interface Enclosure {
  readonly lower: number;
  readonly upper: number;
}

/**
 * Which law is P, the one that an attacker tries to tell from Q: `remove` has the record (P is the sampled mixture),
 * `add` has it not (P is the base), `replace` is the symmetric pair of replace-one.
 */
export type LossDirection = 'remove' | 'add' | 'replace';

/**
 * A discrete pair (P̂, Q̂) that dominates the truth: whatever an attacker can do against the mechanism, he can do at
 * least as well against this pair (Zhu, Dong & Wang 2022, arXiv:2106.08567, Def. 7). So a ceiling on attacks that is
 * computed from it exactly is a ceiling on attacks on the mechanism.
 *
 * P̂ has mass `masses[i]` at privacy loss `losses[i]` (ascending, nats), Q̂ has `masses[i]·exp(−losses[i])` there;
 * P̂ has `infinityMass` besides, where Q̂ has none. What Q̂ lacks to 1 is at loss −∞. Errors are inside `infinityMass`,
 * so that P̂'s masses may exceed 1 in sum by as much. Do not take small differences: a mass in a far tail is only
 * accurate to about 1e-15 absolutely; for δ and ε ask {@link PrivacyLossDistribution}, which is accurate there.
 */
export interface LossMasses {
  readonly losses: Float64Array;
  readonly masses: Float64Array;
  readonly infinityMass: number;
}

/**
 * The distribution of the privacy loss L = ln(dP/dQ) under P of a whole composition, in one direction:
 *
 *   δ(ε) = sup_E P(E) − e^ε Q(E) = E_P[(1 − e^{ε−L})₊],
 *
 * the hockey-stick divergence as a function of ε. Every answer encloses the truth of the dominating pair: `upper` is
 * what to state as a guarantee; `lower` is what nobody can improve on (0 or −∞ where the distribution was built for
 * upper bounds only, see {@link PrivacyLoss.certified}). Nothing is NaN.
 *
 * Answers are computed when asked: each question about a new part of the curve costs a pair of FFTs (tens of
 * milliseconds), questions near an earlier one are free. Ask in ascending or descending order of ε for whole curves.
 */
export interface PrivacyLossDistribution {
  readonly direction: LossDirection;
  /** ln δ(ε) for any finite ε, negative too. −∞ when δ is 0. Relative accuracy holds down to δ ≈ 1e-18. */
  logDelta(epsilon: number): Enclosure;
  /** The smallest ε ≥ 0 with δ(ε) ≤ `delta`, δ ∈ (0, 1); ∞ when there is none (P(L = ∞) > δ). */
  epsilon(delta: number): Enclosure;
  /**
   * The trade-off function f(α) = inf { 1 − P(E) : Q(E) ≤ α }: the false negative rate that no test of this false
   * positive rate can beat (Dong, Roth & Su 2022, arXiv:1905.02383, Def. 2.1), α ∈ [0, 1]. The guarantee is `lower`
   * (an attacker misses at least so often, his TPR is at most 1 − lower); `upper` is attained or more.
   * Convex duality: f(α) = sup_ε max(0, 1 − δ(ε) − e^ε·α) over ε ∈ ℝ.
   */
  tradeOff(falsePositiveRate: number): Enclosure;
  /** The whole composed law, pessimistic. */
  masses(): LossMasses;
}

/**
 * What a composition leaks under one relation: one distribution a direction. Directions are composed separately and
 * compared after: the direction that is worse for one step need not be the worse one after many.
 */
export interface PrivacyLoss {
  /** [remove, add], or [replace]. */
  readonly directions: readonly PrivacyLossDistribution[];
  /** Whether lower bounds were computed too. */
  readonly certified: boolean;
  /** What limits the bounds, if anything does, such as a grid that had to be coarsened. They stay valid. */
  readonly warning: string | undefined;
  /** The larger of the directions' ln δ(ε). */
  logDelta(epsilon: number): Enclosure;
  /** The larger of the directions' ε(δ). */
  epsilon(delta: number): Enclosure;
  /** The smaller of the directions' f(α): the ceiling on an attacker who may choose the direction. */
  tradeOff(falsePositiveRate: number): Enclosure;
}

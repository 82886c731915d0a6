import { DpError } from 'privacy-accounting';
import { checkDelta } from './clopper-pearson.js';

/**
 * The guarantee under test: the ε that an accountant stated, with its δ and neighbouring relation. An
 * `EpsilonBound` of `privacy-accounting` is one. ε = Infinity: the run claims nothing.
 */
export interface PrivacyClaim {
  readonly epsilon: number;
  readonly delta: number;
  readonly relation: 'add-or-remove-one' | 'replace-one' | 'replace-special';
  readonly accountant?: string | undefined;
}

/**
 * consistent: nothing found that the claim forbids (never a proof of it); violated: the attack did better than
 * the claim allows, at the stated confidence; inconclusive: this sample could not have shown a violation, or
 * there is no finite claim.
 */
export type Verdict = 'consistent' | 'violated' | 'inconclusive';

/** Process exit codes of the three verdicts: 0, 4, 5. */
export const VERDICT_EXIT_CODE: Readonly<Record<Verdict, 0 | 4 | 5>> = Object.freeze({
  consistent: 0,
  violated: 4,
  inconclusive: 5,
});

/**
 * The highest true-positive rate that (ε, δ)-DP leaves to any attack at false-positive rate κ:
 * min(1, e^ε κ + δ, 1 − e^−ε(1 − δ − κ)).
 *
 * A theorem (Wasserman & Zhou 2010; Kairouz, Oh & Viswanath 2015) about one example's membership in the sense
 * of the claim's relation, the rates being averages over the randomness of training. ε in nats, ≥ 0; 1
 * everywhere for ε = ∞.
 *
 * @example
 * tprCeiling({ epsilon: 1, delta: 0 }, 0.01); // 0.02718…
 */
export function tprCeiling(claim: Pick<PrivacyClaim, 'epsilon' | 'delta'>, fpr: number): number {
  checkClaim(claim);
  if (!(fpr >= 0 && fpr <= 1)) {
    throw new DpError('DP_INVALID_ARGUMENT', `fpr: expected a number in [0, 1], got ${fpr}.`);
  }
  const { epsilon, delta } = claim;
  if (epsilon === Number.POSITIVE_INFINITY) return 1;
  return Math.min(1, Math.exp(epsilon) * fpr + delta, 1 - Math.exp(-epsilon) * (1 - delta - fpr));
}

/**
 * The highest AUC that (ε, δ)-DP leaves to any attack: the area under {@link tprCeiling},
 * δ + (1 − δ)(δ + e^ε)/(1 + e^ε).
 */
export function aucCeiling(claim: Pick<PrivacyClaim, 'epsilon' | 'delta'>): number {
  checkClaim(claim);
  const { epsilon, delta } = claim;
  const shrink = Math.exp(-epsilon);
  return delta + ((1 - delta) * (delta * shrink + 1)) / (shrink + 1);
}

/** The highest advantage TPR − FPR that (ε, δ)-DP leaves to any attack: (e^ε − 1 + 2δ)/(e^ε + 1). */
export function advantageCeiling(claim: Pick<PrivacyClaim, 'epsilon' | 'delta'>): number {
  checkClaim(claim);
  const shrink = Math.exp(-claim.epsilon);
  return (1 + (2 * claim.delta - 1) * shrink) / (1 + shrink);
}

/** What one operating point says about the mechanism's ε, at the corrected confidence. */
export interface ClaimEvidence {
  /** Lower bounds on ε at the claim's δ. All must exceed the claim for a violation. */
  readonly epsilonLowerBounds: readonly number[];
  /** The same bounds had the attack made no mistake: what this sample can show at most. */
  readonly certifiableEpsilon: number;
}

/**
 * Compares a claim with the evidence of every operating point. Violated when, at some point, every lower bound
 * exceeds the claimed ε; for the Clopper–Pearson bound that is exactly the corner (FPR⁺, TPR⁻) lying above
 * {@link tprCeiling}. The evidence must already be corrected for the number of points.
 */
export function checkClaimAgainst(
  claim: Pick<PrivacyClaim, 'epsilon' | 'delta'> | undefined,
  evidence: readonly ClaimEvidence[],
): { readonly verdict: Verdict; readonly reason: string } {
  if (claim === undefined || claim.epsilon === Number.POSITIVE_INFINITY) {
    return { verdict: 'inconclusive', reason: 'The run claims no finite ε: there is nothing to violate.' };
  }
  checkClaim(claim);
  const reach = Math.max(0, ...evidence.map((point) => point.certifiableEpsilon));
  const found = Math.max(0, ...evidence.map((point) => Math.min(...point.epsilonLowerBounds)));
  if (found > claim.epsilon) {
    return {
      verdict: 'violated',
      reason: `The attack certifies ε ≥ ${found.toPrecision(6)}, above the claimed ${claim.epsilon.toPrecision(6)}.`,
    };
  }
  if (reach <= claim.epsilon) {
    return {
      verdict: 'inconclusive',
      reason:
        `A flawless attack on a sample of this size could certify ε ≥ ${floor(reach)} at most, ` +
        `not more than the claimed ${ceil(claim.epsilon)}. Audit more examples.`,
    };
  }
  return {
    verdict: 'consistent',
    reason:
      `The attacks certify ${found > 0 ? `ε ≥ ${floor(found)}` : 'no ε above 0'}; the claim is ` +
      `${ceil(claim.epsilon)}, and a flawless attack on this ` +
      `sample would have certified ${floor(reach)}. A stronger attack may still find more: this is not a proof.`,
  };
}

/** Throws `DP_INVALID_ARGUMENT` unless ε ∈ [0, ∞] and δ ∈ [0, 1). */
export function checkClaim({ epsilon, delta }: Pick<PrivacyClaim, 'epsilon' | 'delta'>): void {
  if (!(epsilon >= 0)) {
    throw new DpError('DP_INVALID_ARGUMENT', `claim.epsilon: expected a number ≥ 0, got ${epsilon}.`);
  }
  checkDelta(delta);
}

/** Lower bounds are printed rounded down, claims rounded up. */
function floor(epsilon: number): string {
  return (Math.floor(epsilon * 100) / 100).toFixed(2);
}

function ceil(epsilon: number): string {
  return (Math.ceil(epsilon * 100 - 1e-9) / 100).toFixed(2);
}

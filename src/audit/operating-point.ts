import { attackCorner, clopperPearson, clopperPearsonEpsilon, type RateInterval } from './clopper-pearson.js';
import { countAbove, thresholdAtFpr } from './roc.js';

/**
 * Where the scores come from, which decides what they prove.
 *
 * - `one-model`: every score was taken from the same trained model, whose members were a random part of the
 *   audited examples. The rates describe this model. ε is bounded by the one-run theorem, which allows the
 *   dependence; the Clopper–Pearson ε, which does not, is kept as an estimate.
 * - `independent-trials`: every score comes from a run of its own. Clopper–Pearson bounds ε exactly.
 */
export type AuditDesign = 'one-model' | 'independent-trials';

/** A lower bound on ε at `delta`, in nats; exact means: at most 1 − confidence of claiming too much. */
export interface EpsilonLowerBound {
  readonly value: number;
  readonly delta: number;
  readonly confidence: number;
  readonly method: 'clopper-pearson' | 'one-run';
  readonly guarantee: 'exact' | 'estimate';
}

/** One threshold, fixed on the first half and measured on the second. */
export interface ResolvedPoint {
  readonly resolvable: true;
  readonly targetFpr: number;
  /** In units of the score; the rule is "accuse when score > threshold". */
  readonly threshold: number;
  readonly tpr: RateInterval;
  readonly realisedFpr: RateInterval;
  /** FPR from above, TPR from below, both holding with the corrected `confidence`. */
  readonly corner: { readonly fprUpper: number; readonly tprLower: number; readonly confidence: number };
  readonly epsilonLowerBound: EpsilonLowerBound;
  /** The bound that a flawless attack on this sample would have reached. */
  readonly certifiableEpsilon: number;
}

/** A false-positive rate that the non-members are too few to set or to measure: no number is given. */
export interface UnresolvedPoint {
  readonly resolvable: false;
  readonly targetFpr: number;
  readonly reason: string;
}

export type OperatingPoint = ResolvedPoint | UnresolvedPoint;

/** Scores of one half of the audit, in random order. */
export interface Half {
  readonly members: Float64Array;
  readonly nonMembers: Float64Array;
}

/** The half that fixes thresholds, and the half that they are measured on. */
export interface Halves {
  readonly first: Half;
  readonly second: Half;
}

/** What the measurement of one threshold may spend. */
export interface PointSettings {
  readonly targetFpr: number;
  /** Of each rate's own interval. */
  readonly confidence: number;
  /** Error left to this threshold after the correction for the number of thresholds. */
  readonly alpha: number;
  readonly delta: number;
  readonly design: AuditDesign;
}

/** Fixes the threshold for `targetFpr` on the first half's non-members and measures it on the second half. */
export function measurePoint({ first, second }: Halves, settings: PointSettings): ResolvedPoint {
  const { targetFpr, confidence, alpha, delta, design } = settings;
  const threshold = thresholdAtFpr(first.nonMembers, targetFpr);
  const counts = {
    truePositives: countAbove(second.members, threshold),
    members: second.members.length,
    falsePositives: countAbove(second.nonMembers, threshold),
    nonMembers: second.nonMembers.length,
  };
  const corrected = 1 - alpha;
  return {
    resolvable: true,
    targetFpr,
    threshold,
    tpr: clopperPearson({ successes: counts.truePositives, trials: counts.members, confidence }),
    realisedFpr: clopperPearson({ successes: counts.falsePositives, trials: counts.nonMembers, confidence }),
    corner: { ...attackCorner({ ...counts, alpha }), confidence: corrected },
    epsilonLowerBound: {
      value: clopperPearsonEpsilon({ ...counts, delta, alpha }),
      delta,
      confidence: corrected,
      method: 'clopper-pearson',
      guarantee: design === 'independent-trials' ? 'exact' : 'estimate',
    },
    certifiableEpsilon: clopperPearsonEpsilon({
      ...counts,
      truePositives: counts.members,
      falsePositives: 0,
      delta,
      alpha,
    }),
  };
}

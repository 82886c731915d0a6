import { type AttackResult, type AuditResult, aucCeiling, fromExtended, tprCeiling } from '../audit/index.js';
import { finiteGuarantee, type Guarantee, type ReportRun } from './document.js';
import { ceilingPercent, decimal, deltaText, epsilonText, percent, percentInterval, rate } from './format.js';

/**
 * Sentences that people will repeat. Each is a theorem or a measurement: nothing here turns e^ε into odds
 * (false when δ > 0), nothing calls a failed attack a proof.
 */

const GAME: Readonly<Record<Guarantee['relation'], string>> = {
  'add-or-remove-one': 'whether one given example was in the training data',
  'replace-one': 'which of two given examples was in the training data',
  'replace-special': 'whether one given example was used or blanked out',
};

const COMPARES: Readonly<Record<Guarantee['relation'], string>> = {
  'add-or-remove-one': 'training with and without one example',
  'replace-one': 'training with one example and with any other in its place',
  'replace-special': 'training with one example and with that example blanked out',
};

/** "ε ≤ 2.99 at δ = 10⁻⁵", or that there is none. */
export function boundText(run: Pick<ReportRun, 'privacy'>): string {
  const claim = finiteGuarantee(run);
  if (claim === undefined) return run.privacy === 'not private' ? 'none' : 'ε = ∞: no guarantee';
  return `ε\u00a0≤\u00a0${epsilonText(claim.epsilon)} at δ\u00a0=\u00a0${deltaText(claim.delta)}`;
}

/** What the ε compares, in words. */
export function relationText(relation: Guarantee['relation']): string {
  return COMPARES[relation];
}

/**
 * "At a false-positive rate of 1 %, no attack can have a true-positive rate above 20.1 %": the ceiling of
 * (ε, δ), rounded up, about the game that the relation protects.
 */
export function ceilingSentence(run: Pick<ReportRun, 'privacy'>, fpr: number): string {
  const claim = finiteGuarantee(run);
  if (claim === undefined) {
    return 'Nothing bounds what an attack can find out about one example.';
  }
  const ceiling = tprCeiling(claim, fpr);
  return (
    `At a false-positive rate of ${rate(fpr)}, no attack that tries to tell ${GAME[claim.relation]} can have a ` +
    `true-positive rate above ${ceilingPercent(ceiling)}${ceiling > 0.99 ? ': next to nothing is ruled out.' : '.'}`
  );
}

/** The highest AUC that the claim leaves to any attack, rounded up. */
export function aucCeilingText(run: Pick<ReportRun, 'privacy'>): string {
  const claim = finiteGuarantee(run);
  if (claim === undefined) return '1';
  const ceiling = aucCeiling(claim);
  for (let digits = 2; digits <= 6; digits++) {
    const text = decimal(ceiling, 'up', digits);
    if (!text.startsWith('1')) return text;
  }
  return '1';
}

/** Two or three words and a sentence for each verdict. */
export interface VerdictText {
  readonly kind: AuditResult['verdict']['value'] | 'no claim';
  readonly label: string;
  readonly sentence: string;
}

/** The verdict in words. Without a finite claim there was nothing to test, which is not called inconclusive. */
export function verdictText({ verdict, claim }: Pick<AuditResult, 'verdict' | 'claim'>): VerdictText {
  if (claim === null || fromExtended(claim.epsilon) === Number.POSITIVE_INFINITY) {
    return { kind: 'no claim', label: 'No claim to test', sentence: 'This model promises no privacy.' };
  }
  const label = {
    consistent: 'Consistent with the claim',
    violated: 'Claim violated',
    inconclusive: 'Inconclusive',
  }[verdict.value];
  return { kind: verdict.value, label, sentence: verdict.reason };
}

/** "Loss attack on canaries". */
export function attackTitle({ score, on }: Pick<AttackResult, 'score' | 'on'>): string {
  const name = {
    loss: 'Loss attack',
    confidence: 'Confidence attack',
    'logit-confidence': 'Logit-confidence attack',
    'max-confidence': 'Confidence attack without the label',
  }[score];
  const target = { all: 'all audited examples', canaries: 'canaries', ordinary: 'ordinary examples' }[on];
  return `${name} on ${target}`;
}

/** What one attack measured on one model, at its lowest resolvable false-positive rate. */
export function attackSentence(attack: AttackResult): string {
  const point = attack.points.find((candidate) => candidate.resolvable);
  const whom = attack.on === 'canaries' ? 'canaries' : 'training examples';
  if (point?.resolvable !== true) return 'Too few non-members to measure any of the rates asked for.';
  return (
    `It found ${percent(point.tpr.value)} of the ${whom} (${percentInterval(point.tpr)}) while wrongly accusing ` +
    `${percent(point.realisedFpr.value)} of the others (${percentInterval(point.realisedFpr)}).`
  );
}

/** Whether the exact interval of the AUC lies above guessing. */
export function beatsGuessing({ auc }: AttackResult): boolean {
  return auc.exact.lower > 0.5;
}

/** What every reader must be told, whatever the numbers are. */
export const STANDING_LIMITS: readonly string[] = [
  'ε covers what is released of one run: its final model and every noised step. Each further run on the same ' +
    'data, a tuning run or a failed one included, spends its own ε, which is not counted here.',
  'ε protects one example. Someone with several examples in the data is protected less.',
  'ε does not protect facts that the whole data set shows: a model that learns that a habit is unhealthy says so ' +
    'about everyone who has it.',
  'The size of the data set, the sampling rate and all settings in this report count as public.',
  'Values labelled “private value” were computed from the training data without noise. ε does not cover them; ' +
    'keep this report as you keep the data, or remove them before passing it on.',
  'An audit that finds nothing is no proof: a stronger attack may exist. Only the guarantee is a proof, and only ' +
    'if the software does what it says.',
];

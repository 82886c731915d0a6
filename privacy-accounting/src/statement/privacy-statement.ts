import { invalidArgument, requireCount, requireRecord } from '../arguments.js';
import type { EpsilonBound } from '../bound.js';
import type { DpEvent } from '../events/dp-event.js';
import { parseEvent } from '../events/parse.js';
import { type BeliefOptions, beliefSentence } from './belief.js';
import { describeEvent, formatCount, formatNumber } from './describe-event.js';
import { formatUp } from './format-number.js';
import { type Subject, subjectOf } from './subject.js';

/** Why there is no bound: a `DpError`, or anything with its message. */
export interface PrivacyRefusal {
  readonly message: string;
}

/** What the statement may say besides the bound. */
export interface PrivacyStatementOptions extends BeliefOptions {
  /** What was bounded: named in the statement, with the assumptions that it brings. */
  readonly event?: DpEvent;
  /** The number of examples, if it is public: the statement then says when δ is too large for it. */
  readonly datasetSize?: number;
}

/** Of the tests that the plain sentence speaks of. */
const FALSE_POSITIVE_RATE = 0.01;

/**
 * A bound, or a refusal, in plain words that are true as they stand. With δ > 0 nothing is said about odds ("at
 * most e^ε times the odds" is false then): the plain sentence is the power of a test. A test that is wrong with
 * probability at most f when the example was not used is right with probability at most
 * min(e^ε·f + δ, 1 − e^{−ε}(1 − f − δ)) when it was; and how sure someone can become, with the exception that belongs to
 * it ({@link beliefSentence}). Figures are rounded up. What is an approximation, or a lower bound, is said to guarantee
 * nothing.
 *
 * Source: Kairouz, Oh & Viswanath 2015 (arXiv:1311.0776), Thm 2.1.
 *
 * @example
 * const event = gaussian({ noiseMultiplier: 4 });
 * privacyStatement(epsilonOf(event, { delta: 1e-5, relation: 'replace-special' }), { event });
 */
export function privacyStatement(
  result: EpsilonBound | PrivacyRefusal,
  options: PrivacyStatementOptions = {},
): string {
  const record = requireRecord(result, 'result', 'a bound, or a refusal with a message');
  requireRecord(options, 'options', 'an object');
  const event = options.event === undefined ? undefined : parseEvent(options.event);
  const datasetSize =
    options.datasetSize === undefined ? undefined : requireCount(options.datasetSize, 'datasetSize');
  const { message } = record;
  if (!('epsilon' in record)) {
    if (typeof message !== 'string') throw invalidArgument('result', 'a bound or a refusal', result);
    return `No privacy guarantee can be stated: ${sentence(message)} Without a bound, treat the result as not private.`;
  }
  const bound = result as EpsilonBound;
  const subject = subjectOf(bound);
  if (bound.epsilon === Number.POSITIVE_INFINITY) return notPrivate(bound);
  const isBound = bound.direction === 'upper';
  return [
    ...(isBound
      ? [guarantee(bound, subject), plainly(bound, subject), beliefSentence(bound, subject, options)]
      : [noGuarantee(bound, subject)]),
    ...(event === undefined ? [] : covered(event)),
    ...(datasetSize === undefined ? [] : aboutDelta(bound.delta, datasetSize)),
    ...(bound.warning === undefined ? [] : [sentence(`Note: ${bound.warning}`)]),
  ].join(' ');
}

function notPrivate(bound: EpsilonBound): string {
  const reason = bound.warning ?? 'Not private.';
  return `${sentence(reason)} No finite ε holds (ε = ∞ at δ = ${formatUp(bound.delta)}, ${bound.relation}): the result may reveal everything about ${bound.unit === 'user' ? 'a user' : 'an example'}.`;
}

/** What an approximation or a lower bound says, and what it does not. */
function noGuarantee({ epsilon, delta, relation, accountant, direction }: EpsilonBound, subject: Subject) {
  const context = `at δ = ${formatUp(delta)} for each ${subject.each}, under ${relation} (${subject.pairs})`;
  return direction === 'lower'
    ? `ε ≥ ${formatNumber(epsilon, 4)} ${context}: a lower bound, by the ${accountant} accountant. It guarantees no privacy: it says how much no bound can go below.`
    : `ε ≈ ${formatNumber(epsilon, 4)} ${context}, by the ${accountant} accountant. This is an approximation, and no guarantee: the true ε can be more than twice as large.`;
}

function guarantee(
  { epsilon, delta, relation, accountant, order }: EpsilonBound,
  { each, pairs }: Subject,
): string {
  const at = order === undefined ? '' : ` at Rényi order ${formatNumber(order, 4)}`;
  return (
    `Differentially private with ε ≤ ${formatUp(epsilon)} and δ = ${formatUp(delta)} for each ${each}, under ` +
    `${relation} (${pairs}). ε is an upper bound, by the ${accountant} accountant${at}.`
  );
}

function plainly({ epsilon, delta, relation }: EpsilonBound, { question, others }: Subject): string {
  const power = testPower(epsilon, delta, FALSE_POSITIVE_RATE);
  const percent = Math.min(100, Math.ceil(power * 1000 * (1 + 1e-12)) / 10);
  const [wrong, right] =
    relation === 'replace-one' ? ['it is the one', 'it is the other'] : ['it was not', 'it was'];
  const limit =
    percent >= 99.9
      ? 'this bound alone does not limit how often it is right when'
      : `it is right with probability at most ${percent} % when`;
  return (
    `In plain words: take any test that looks at the result and decides ${question}, even knowing ` +
    `${others}. If it is wrong with probability at most ${FALSE_POSITIVE_RATE * 100} % when ${wrong}, ${limit} ${right}.`
  );
}

/** The largest true-positive rate at a false-positive rate f that (ε, δ) allows. */
function testPower(epsilon: number, delta: number, f: number): number {
  return Math.min(1, Math.exp(epsilon) * f + delta, 1 - Math.exp(-epsilon) * Math.max(0, 1 - f - delta));
}

function covered(event: DpEvent): string[] {
  const { release, assumptions } = describeEvent(event);
  return [`It covers ${release}.`, `It assumes that ${assumptions.join('; ')}.`];
}

function aboutDelta(delta: number, datasetSize: number): string[] {
  if (delta * datasetSize < 1) return [];
  return [
    `δ = ${formatUp(delta)} is not below 1/${formatCount(datasetSize)}: a mechanism that publishes one example picked at random meets δ = 1/${formatCount(datasetSize)}.`,
  ];
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

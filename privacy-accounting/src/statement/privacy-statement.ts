import { invalidArgument, requireCount, requireRecord } from '../arguments.js';
import type { EpsilonBound } from '../bound.js';
import type { DpEvent } from '../events/dp-event.js';
import { parseEvent } from '../events/parse.js';
import type { NeighboringRelation } from '../relation.js';
import { describeEvent, formatCount, formatNumber } from './describe-event.js';

/** Why there is no bound: a `DpError`, or anything with its message. */
export interface PrivacyRefusal {
  readonly message: string;
}

/** What the statement may say besides the bound. */
export interface PrivacyStatementOptions {
  /** What was bounded: named in the statement, with the assumptions that it brings. */
  readonly event?: DpEvent;
  /** The number of examples, if it is public: the statement then says when δ is too large for it. */
  readonly datasetSize?: number;
}

/** Of the tests that the plain sentence speaks of. */
const FALSE_POSITIVE_RATE = 0.01;

const PAIRS: Readonly<Record<NeighboringRelation, string>> = {
  'add-or-remove-one': 'data sets that differ in the presence of one example',
  'replace-one': 'data sets of the same size in which one example is exchanged for any other',
  'replace-special': 'data sets of the same size in which one example is blanked out',
};

const QUESTION: Readonly<Record<NeighboringRelation, string>> = {
  'add-or-remove-one': 'whether one given example was used',
  'replace-one': 'which of two given examples was used in one place',
  'replace-special': 'whether one given example was used or blanked out',
};

/**
 * A bound, or a refusal, in plain words that are true as they stand. With δ > 0 nothing is said about odds ("at
 * most e^ε times the odds" is false then): the plain sentence is the power of a test. A test that is wrong with
 * probability at most f when the example was not used is right with probability at most
 * min(e^ε·f + δ, 1 − e^{−ε}(1 − f − δ)) when it was. Figures are rounded up.
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
  if (bound.epsilon === Number.POSITIVE_INFINITY) return notPrivate(bound);
  return [
    guarantee(bound),
    plainly(bound),
    ...(event === undefined ? [] : covered(event)),
    ...(datasetSize === undefined ? [] : aboutDelta(bound.delta, datasetSize)),
    ...(bound.warning === undefined ? [] : [sentence(`Note: ${bound.warning}`)]),
  ].join(' ');
}

function notPrivate(bound: EpsilonBound): string {
  const reason = bound.warning ?? 'Not private.';
  return `${sentence(reason)} No finite ε holds (ε = ∞ at δ = ${formatUp(bound.delta)}, ${bound.relation}): the result may reveal everything about an example.`;
}

function guarantee({ epsilon, delta, relation, unit, accountant, order }: EpsilonBound): string {
  const at = order === undefined ? '' : ` at Rényi order ${formatNumber(order, 4)}`;
  return (
    `Differentially private with ε ≤ ${formatUp(epsilon)} and δ = ${formatUp(delta)} for each ${unit}, under ` +
    `${relation} (${PAIRS[relation]}). ε is an upper bound, by the ${accountant} accountant${at}.`
  );
}

function plainly({ epsilon, delta, relation }: EpsilonBound): string {
  const power = testPower(epsilon, delta, FALSE_POSITIVE_RATE);
  const percent = Math.min(100, Math.ceil(power * 1000 * (1 + 1e-12)) / 10);
  const [wrong, right] =
    relation === 'replace-one' ? ['it is the one', 'it is the other'] : ['it was not', 'it was'];
  const limit =
    percent >= 99.9
      ? 'this bound alone does not limit how often it is right when'
      : `it is right with probability at most ${percent} % when`;
  return (
    `In plain words: take any test that looks at the result and decides ${QUESTION[relation]}, even knowing every ` +
    `other example. If it is wrong with probability at most ${FALSE_POSITIVE_RATE * 100} % when ${wrong}, ${limit} ${right}.`
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

/** Four significant digits, never below the value. */
function formatUp(value: number): string {
  if (value === 0) return '0';
  const unit = 10 ** (Math.floor(Math.log10(value)) - 3);
  const rounded = Number((Math.ceil((value / unit) * (1 - 1e-13)) * unit).toPrecision(4));
  return formatNumber(rounded < value ? Number((rounded + unit).toPrecision(4)) : rounded, 4);
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

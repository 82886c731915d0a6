import { invalidArgument, requireCount, requireDelta, requireRecord } from '../arguments.js';
import type { EpsilonBound } from '../bound.js';
import type { DpEvent } from '../events/dp-event.js';
import { repeatAndSelect, selfComposed } from '../events/factories.js';
import { parseEvent } from '../events/parse.js';
import { formatCount, formatNumber } from '../statement/describe-event.js';
import { type AccountingOptions, Panel, requireBoundChoice } from './panel.js';

/**
 * How many runs were, or will be, made.
 *
 * - `fixed`: exactly `count`, each of whose results may be looked at: their composition.
 * - `poisson`, `negativeBinomial`: a number that was drawn from that distribution beforehand and is kept secret, and only
 *   the best run's result is looked at. `mean` is the expected number of runs (given at least one, for the negative
 *   binomial); `shape` η > −1: 1 is geometric, 0 logarithmic, towards −1 cheaper and more spread out.
 */
export type TuningRuns =
  | { readonly kind: 'fixed'; readonly count: number }
  | { readonly kind: 'poisson'; readonly mean: number }
  | { readonly kind: 'negativeBinomial'; readonly mean: number; readonly shape: number };

/** What a search over settings costs. */
export interface TuningCost {
  /** All runs together: what to account for. */
  readonly event: DpEvent;
  readonly bound: EpsilonBound;
  /** One run alone, at the same δ. */
  readonly oneRun: EpsilonBound;
  readonly statement: string;
}

/**
 * The event of choosing the best of several runs of `event` on the same data, its ε at `delta`, and a sentence. Runs that
 * were made and thrown away count, whether or not anyone was shown their results: a choice is a release.
 *
 * Source: Papernot & Steinke 2022 (arXiv:2110.03620), Thm 2 (negative binomial) and 6 (Poisson).
 *
 * @example
 * tuningCost(training, { runs: { kind: 'poisson', mean: 20 }, delta: 1e-5, relation: 'add-or-remove-one' }).bound;
 */
export function tuningCost(
  event: DpEvent,
  options: AccountingOptions & { readonly runs: TuningRuns; readonly delta: number },
): TuningCost {
  requireRecord(options, 'options', 'an object with runs, delta and relation');
  const base = parseEvent(event);
  const delta = requireDelta(options.delta);
  requireBoundChoice(options.accountant ?? 'best');
  const tuned = tunedEvent(base, options.runs);
  const bound = new Panel(tuned, options).epsilon(delta);
  const oneRun = new Panel(base, options).epsilon(delta);
  return Object.freeze({ event: tuned, bound, oneRun, statement: statementOf(options.runs, bound, oneRun) });
}

/** The event of all runs; see {@link tuningCost}. */
export function tunedEvent(event: DpEvent, runs: TuningRuns): DpEvent {
  const { kind } = requireRecord(runs, 'runs', 'an object with kind fixed, poisson or negativeBinomial');
  switch (runs.kind) {
    case 'fixed':
      return selfComposed({ count: requireCount(runs.count, 'runs.count'), event });
    case 'poisson':
      return repeatAndSelect({ mean: runs.mean, shape: 'poisson', event });
    case 'negativeBinomial':
      return repeatAndSelect({ mean: runs.mean, shape: runs.shape, event });
    default:
      throw invalidArgument('runs.kind', 'fixed, poisson or negativeBinomial', kind);
  }
}

function statementOf(runs: TuningRuns, bound: EpsilonBound, oneRun: EpsilonBound): string {
  const [what, provided] =
    runs.kind === 'fixed'
      ? [
          `All ${formatCount(runs.count)} runs together`,
          'however many of their results were looked at, and whichever was chosen',
        ]
      : [
          `The best of a random number of runs (${formatNumber(runs.mean)} on average)`,
          'provided that the number was drawn from its distribution beforehand and not shown, that no run was added or dropped, and that nothing of the other runs was looked at',
        ];
  const figure = (epsilon: number) =>
    epsilon === Number.POSITIVE_INFINITY
      ? 'no finite ε'
      : `ε ≤ ${formatNumber(Math.ceil(epsilon * 1e4 * (1 - 1e-13)) / 1e4)}`;
  return (
    `${what} have ${figure(bound.epsilon)} at δ = ${formatNumber(bound.delta)} under ${bound.relation}, ${provided}. ` +
    `One run alone has ${figure(oneRun.epsilon)}: that would be the figure only if the settings had been fixed before any ` +
    'look at these data.'
  );
}

import { requireRecord } from '../arguments.js';
import type { EpsilonBound } from '../bound.js';
import { requireTarget, searchTarget } from '../calibration/target-search.js';
import { DpError } from '../errors.js';
import type { DpEvent } from '../events/dp-event.js';
import { composed, noOp, selfComposed } from '../events/factories.js';
import { parseEvent } from '../events/parse.js';
import { type AccountingOptions, Panel } from './panel.js';

/** More repetitions than this are not counted: a run has at most some 10⁷ steps. */
const MOST = 2 ** 40;

/** What a budget still allows. */
export interface Remaining {
  /**
   * How many further releases of `next` stay within the budget: the largest number, exactly; Infinity when they cost
   * nothing. 0 when not even one does, and when the budget is exceeded already.
   */
  readonly count: number;
  /** The bound after that many. Its ε is within the budget, unless that is exceeded already. */
  readonly bound: EpsilonBound;
  /** The ε that one release more would have; absent when there is no end. */
  readonly oneMore?: number;
  /** The bound on what was spent before. */
  readonly spent: EpsilonBound;
  /** Whether what was spent is within the budget. */
  readonly withinBudget: boolean;
}

/**
 * How many more releases of `next` the budget (ε, δ) allows after `spent`, under `relation`: the largest whole n with
 * ε(spent, n × next) ≤ ε. n and n + 1 were both evaluated. Adaptive choice of the releases is inside every composition;
 * a *stopping rule* that looks at ε is not a fixed n: it is safe here because the bound is of all n.
 *
 * More than 2⁴⁰ are not counted: a larger number is stated as 2⁴⁰, without `oneMore`.
 *
 * @example
 * remaining({ spent: selfComposed({ count: 2000, event: step }), next: step,
 *   budget: { epsilon: 3, delta: 1e-5 }, relation: 'add-or-remove-one' }).count;
 */
export function remaining(
  options: AccountingOptions & {
    readonly spent?: DpEvent;
    readonly next: DpEvent;
    readonly budget: { readonly epsilon: number; readonly delta: number };
  },
): Remaining {
  requireRecord(options, 'options', 'an object with spent, next, budget and relation');
  const budget = requireRecord(options.budget, 'budget', 'an object with epsilon and delta');
  const target = requireTarget({ ...options, epsilon: budget.epsilon, delta: budget.delta });
  const spentEvent = options.spent === undefined ? noOp() : parseEvent(options.spent, 'spent');
  const next = parseEvent(options.next, 'next');
  const after = (count: number) =>
    count === 0 ? spentEvent : composed([spentEvent, selfComposed({ count, event: next })]);
  const boundAfter = (count: number) => new Panel(after(count), target).epsilon(target.delta);

  const spent = boundAfter(0);
  if (spent.epsilon > target.epsilon) {
    // What can't be bounded, or is refused, is refused whatever the budget.
    const oneMore = boundAfter(1).epsilon;
    return Object.freeze({ count: 0, bound: spent, oneMore, spent, withinBudget: false });
  }
  const found = searchTarget({
    makeEvent: after,
    target,
    range: { whole: true, privateSide: 'small', from: 1, to: countable(after, target) },
    start: 1000,
  });
  if (!('kind' in found)) {
    const { value, bound, misses } = found;
    return Object.freeze({ count: value, bound, oneMore: misses.epsilon, spent, withinBudget: true });
  }
  if (found.kind === 'never') {
    return Object.freeze({ count: 0, bound: spent, oneMore: found.epsilon, spent, withinBudget: true });
  }
  const bound = boundAfter(found.end);
  const free = bound.epsilon === spent.epsilon && boundAfter(1).epsilon === spent.epsilon;
  const count = free ? Number.POSITIVE_INFINITY : found.end;
  return Object.freeze({ count, bound, spent, withinBudget: true });
}

/** The largest power of two, up to 2⁴⁰, of releases that can be counted; the refusal of one release if there is none. */
function countable(makeEvent: (count: number) => DpEvent, target: AccountingOptions): number {
  for (let most = MOST; ; most /= 2) {
    try {
      new Panel(makeEvent(most), target);
      return most;
    } catch (error) {
      if (most === 1 || !(error instanceof DpError)) throw error;
    }
  }
}

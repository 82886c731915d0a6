import { invalidArgument, requireCount, requireDelta, requireEpsilon, requireRecord } from '../arguments.js';
import type { AccountantName, DeltaBound, EpsilonBound } from '../bound.js';
import type { DpEvent } from '../events/dp-event.js';
import { selfComposed } from '../events/factories.js';
import { type NeighboringRelation, requireRelation } from '../relation.js';
import { type AccountingOptions, Panel } from './panel.js';

/** A curve as arrays of the same length, for plots: at each place the (ε, δ) that holds, and the accountant that says so. */
export interface PrivacyCurve {
  readonly relation: NeighboringRelation;
  readonly epsilons: readonly number[];
  readonly deltas: readonly number[];
  readonly accountants: readonly AccountantName[];
}

/** ε against the number of steps, at one δ. */
export interface StepsCurve extends PrivacyCurve {
  readonly steps: readonly number[];
}

/**
 * ε(δ) of an event at each of `deltas`, in their order: each an upper bound, by the smallest of the accountants' bounds.
 * One composition serves all. More and smaller δs never give smaller ε, up to what accountants state of themselves.
 *
 * @example
 * epsilonCurve(event, [1e-4, 1e-5, 1e-6], { relation: 'add-or-remove-one' }).epsilons;
 */
export function epsilonCurve(
  event: DpEvent,
  deltas: readonly number[],
  options: AccountingOptions,
): PrivacyCurve {
  requireRecord(options, 'options', 'an object with a relation');
  const checked = requireList(deltas, 'deltas').map((delta, i) => requireDelta(delta, `deltas[${i}]`));
  const panel = new Panel(event, options);
  return curve(
    panel.relation,
    checked.map((delta) => panel.epsilon(delta)),
  );
}

/**
 * δ(ε) of an event at each of `epsilons`; the counterpart of {@link epsilonCurve}.
 *
 * @example
 * deltaCurve(event, [0, 1, 2, 4], { relation: 'add-or-remove-one' }).deltas;
 */
export function deltaCurve(
  event: DpEvent,
  epsilons: readonly number[],
  options: AccountingOptions,
): PrivacyCurve {
  requireRecord(options, 'options', 'an object with a relation');
  const checked = requireList(epsilons, 'epsilons').map((e, i) => requireEpsilon(e, `epsilons[${i}]`));
  const panel = new Panel(event, options);
  return curve(
    panel.relation,
    checked.map((epsilon) => panel.delta(epsilon)),
  );
}

/**
 * ε at `delta` after each of `steps` repetitions of `event`: what a budget looks like while a run goes on.
 *
 * @example
 * epsilonOverSteps(step, [0, 100, 1000, 10_000], { delta: 1e-5, relation: 'add-or-remove-one' }).epsilons;
 */
export function epsilonOverSteps(
  event: DpEvent,
  steps: readonly number[],
  options: AccountingOptions & { readonly delta: number },
): StepsCurve {
  requireRecord(options, 'options', 'an object with delta and relation');
  const delta = requireDelta(options.delta);
  const counts = requireList(steps, 'steps').map((count, i) => requireCount(count, `steps[${i}]`));
  const relation = requireRelation(options.relation);
  const bounds = counts.map((count) => new Panel(selfComposed({ count, event }), options).epsilon(delta));
  return Object.freeze({ ...curve(relation, bounds), steps: Object.freeze(counts) });
}

function curve(relation: NeighboringRelation, bounds: readonly (EpsilonBound | DeltaBound)[]): PrivacyCurve {
  return Object.freeze({
    relation,
    epsilons: Object.freeze(bounds.map(({ epsilon }) => epsilon)),
    deltas: Object.freeze(bounds.map(({ delta }) => delta)),
    accountants: Object.freeze(bounds.map(({ accountant }) => accountant)),
  });
}

function requireList(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value) || ArrayBuffer.isView(value))
    return Array.from(value as unknown as ArrayLike<unknown>);
  throw invalidArgument(path, 'a list of numbers', value);
}

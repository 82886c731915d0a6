import { invalidArgument, requireDelta, requireEpsilon, requireRecord } from '../arguments.js';
import type { DpEvent } from '../events/dp-event.js';
import { parseEvent } from '../events/parse.js';
import { type AccountingOptions, Panel, requireBoundChoice } from '../questions/panel.js';
import { type DpSgdParameters, PLAN_NAMES, planEvent, requirePlan } from './dp-sgd-plan.js';
import { searchEpochs } from './epoch-search.js';
import { type Calibration, settle } from './settle.js';
import { requireTarget, searchTarget } from './target-search.js';
import { requireTolerance } from './tolerance.js';
import {
  namedUnknown,
  requireUnknown,
  type SearchedName,
  type SearchedUnknown,
  UNKNOWN_NAMES,
  type UnknownName,
  type UnknownParameter,
} from './unknowns.js';

/** What to find, and what is given: see {@link calibrate}. */
export interface CalibrateOptions extends AccountingOptions, DpSgdParameters {
  readonly find: UnknownName | UnknownParameter;
  /** The event that a value of the unknown makes. Without it the named parameters of DP-SGD make it. */
  readonly makeEvent?: (value: number) => DpEvent;
  /** What is asked about when `find` is `epsilon` or `delta`. Without it the named parameters make it. */
  readonly event?: DpEvent;
  readonly epsilon?: number;
  readonly delta?: number;
  /** Relative, of values that are not whole: 1e-9 where formulas answer, 1e-5 where a grid must, if not given. */
  readonly tolerance?: number;
}

/**
 * Finds one unknown of a private computation from all others, so that it attains (ε, δ) under the relation:
 *
 * - `noiseMultiplier` (the least), `samplingProbability` (the largest): to a relative tolerance, erring to the private
 *   side;
 * - `steps`, `epochs`, `expectedBatchSize` (the largest), `datasetSize` (the smallest): whole numbers, exactly: the next
 *   one was evaluated, and misses the target;
 * - `epsilon` at δ, `delta` at ε: no search;
 * - any parameter of your own, `{ name, whole, privateSide, from, to }`, of a `makeEvent` of your own.
 *
 * The event is `makeEvent(value)`, or T Poisson-sampled Gaussian steps of the named parameters
 * ({@link DpSgdParameters}). It must lose no privacy towards the private side; with `epochs` given, steps and sampling
 * rate change together, and whole steps make ε a saw-tooth of a batch or data-set size: teeth are searched one by one,
 * under the assumption that more and smaller batches, at equal epochs and noise, lose no privacy.
 *
 * The bound returned holds in any case: it was computed at the value returned. Targets that nothing attains, or anything,
 * are DP_INVALID_ARGUMENT errors that say what would work.
 *
 * @example
 * calibrate({ find: 'steps', noiseMultiplier: 1, samplingProbability: 0.01, epsilon: 3, delta: 1e-5,
 *   relation: 'add-or-remove-one' }).value;
 */
export function calibrate(options: CalibrateOptions): Calibration {
  const record = requireRecord(options, 'options', 'an object with find, relation and what is given');
  const { find } = options;
  if (find === 'epsilon' || find === 'delta') return figure(find, options);
  refuseUnused(record, 'event', ['event']);
  const target = requireTarget(options);
  const tolerance = options.tolerance === undefined ? undefined : requireTolerance(options.tolerance);
  const name = typeof find === 'string' ? requireName(find) : undefined;
  if (options.makeEvent !== undefined) {
    const { makeEvent } = options;
    refuseUnused(record, 'makeEvent', PLAN_NAMES);
    const unknown = name === undefined ? requireUnknown(find) : namedUnknown(name);
    if (typeof makeEvent !== 'function') {
      throw invalidArgument('makeEvent', `a function from ${unknown.name} to an event`, makeEvent);
    }
    return settle(unknown, target.epsilon, search(unknown, makeEvent));
  }
  if (name === undefined) {
    throw invalidArgument('makeEvent', 'a function from the unknown to an event', options.makeEvent);
  }
  const plan = requirePlan(record, name);
  const unknown = namedUnknown(name, cutBy(plan, name));
  if (plan.epochs !== undefined && name !== 'noiseMultiplier') {
    return settle(unknown, target.epsilon, searchEpochs(plan, unknown, target, tolerance));
  }
  return settle(
    unknown,
    target.epsilon,
    search(unknown, (value) => planEvent({ ...plan, [name]: value })),
  );

  function search(range: SearchedUnknown, makeEvent: (value: number) => DpEvent) {
    const precision = tolerance === undefined ? {} : { tolerance };
    return searchTarget({ makeEvent, target, range, start: range.start, ...precision });
  }
}

/** What would be ignored beside something else is refused: someone gave it for a reason. */
function refuseUnused(
  options: Readonly<Record<string, unknown>>,
  beside: string,
  names: readonly string[],
): void {
  for (const name of names) {
    if (options[name] === undefined) continue;
    const why =
      name === beside ? 'left out: it is read for find epsilon or delta only' : `left out beside ${beside}`;
    throw invalidArgument(name, why, options[name]);
  }
}

/** What the data set's size allows for the batch's, and the other way round. */
function cutBy({ datasetSize, expectedBatchSize }: DpSgdParameters, name: SearchedName) {
  if (name === 'expectedBatchSize') return { to: datasetSize! };
  if (name === 'datasetSize') return { from: Math.ceil(expectedBatchSize!) };
  return {};
}

function requireName(find: string): SearchedName {
  if (find !== 'epsilon' && find !== 'delta' && UNKNOWN_NAMES.some((name) => name === find)) {
    return find as SearchedName;
  }
  throw invalidArgument(
    'find',
    `one of ${UNKNOWN_NAMES.join(', ')}, or { name, whole, privateSide, from, to }`,
    find,
  );
}

/** ε at the δ given, or δ at the ε given. */
function figure(find: 'epsilon' | 'delta', options: CalibrateOptions): Calibration {
  const record = options as unknown as Readonly<Record<string, unknown>>;
  if (record[find] !== undefined) {
    throw invalidArgument(find, 'left out: it is what is to be found', record[find]);
  }
  requireBoundChoice(options.accountant ?? 'best');
  refuseUnused(record, find, ['makeEvent']);
  if (options.event !== undefined) refuseUnused(record, 'event', PLAN_NAMES);
  const event =
    options.event === undefined ? planEvent(requirePlan(record, undefined)) : parseEvent(options.event);
  const panel = new Panel(event, options);
  const bound =
    find === 'epsilon'
      ? panel.epsilon(requireDelta(options.delta))
      : panel.delta(requireEpsilon(options.epsilon));
  return Object.freeze({ find, value: bound[find], bound, event, tolerance: 0 });
}

import { requireDelta, requireNumber } from '../arguments.js';
import type { EpsilonBound } from '../bound.js';
import { DpError } from '../errors.js';
import type { DpEvent } from '../events/dp-event.js';
import { type AccountingOptions, Panel, requireBoundChoice } from '../questions/panel.js';
import { type NeighboringRelation, requireRelation } from '../relation.js';
import { type Boundary, findBoundary, type NoBoundary, type SearchRange } from './boundary-search.js';

/** What a calibrated event must attain, and by whom that is judged. */
export interface PrivacyTarget extends AccountingOptions {
  readonly epsilon: number;
  readonly delta: number;
}

/** The value found, its bound, and the nearest value tried that misses the target. */
export interface AttainedTarget {
  readonly value: number;
  readonly event: DpEvent;
  readonly bound: EpsilonBound;
  readonly misses: { readonly value: number; readonly epsilon: number };
  /** Relative; 0 for whole numbers, which are exact. */
  readonly tolerance: number;
}

/** The range has no boundary: everything in it attains the target, or nothing does. */
export interface OneSided extends NoBoundary {
  readonly epsilon: number;
}

/** Relative tolerances of values that are not whole, where formulas answer and where a grid must. */
const TOLERANCE_OF_FORMULAS = 1e-9;
const TOLERANCE_OF_GRIDS = 1e-5;
/** Of the search for a first guess. */
const GUESS = 2e-3;
/** The excess of ε = 0, whose logarithm is not finite. */
const NOTHING = -50;

/** Checked; ε > 0, because noise alone never attains 0. */
export function requireTarget(
  options: {
    readonly [K in keyof PrivacyTarget]?: unknown;
  },
): PrivacyTarget {
  return {
    epsilon: requireNumber(options.epsilon, 'epsilon', 'a finite number above 0', (e) => e > 0),
    delta: requireDelta(options.delta),
    relation: requireRelation(options.relation),
    accountant: requireBoundChoice(options.accountant ?? 'best'),
    ...(options.contributions === undefined ? {} : { contributions: options.contributions as number }),
  };
}

/**
 * The value of a parameter next to which the target is no longer attained, with an event made of it by `makeEvent`.
 *
 * Where a grid is needed, the formulas' answer comes first: it is on the private side, mostly within 15 %, and costs
 * little, so that the grid is evaluated five or six times instead of thirty.
 */
export function searchTarget(options: {
  readonly makeEvent: (value: number) => DpEvent;
  readonly target: PrivacyTarget;
  readonly range: SearchRange;
  readonly start: number;
  readonly tolerance?: number;
}): AttainedTarget | OneSided {
  const { makeEvent, target, range } = options;
  const tried = new Map<number, { readonly event: DpEvent; readonly bound: EpsilonBound }>();
  const excess = (value: number) => {
    const event = makeEvent(value);
    const bound = new Panel(event, target).epsilon(target.delta);
    tried.set(value, { event, bound });
    return excessOf(bound.epsilon, target);
  };
  const guess = guessOf(options);
  const tolerance = options.tolerance ?? (guess.usesGrid ? TOLERANCE_OF_GRIDS : TOLERANCE_OF_FORMULAS);
  const found = findBoundary({ ...range, excess, tolerance, start: guess.start, ...slopeOf(guess) });
  if (found.kind !== 'boundary') {
    return { ...found, epsilon: tried.get(found.end)!.bound.epsilon };
  }
  const { event, bound } = tried.get(found.attains)!;
  const misses = { value: found.misses, epsilon: tried.get(found.misses)!.bound.epsilon };
  return { value: found.attains, event, bound, misses, tolerance: range.whole ? 0 : tolerance };
}

/** An event's bound at the target's δ. */
export function evaluateTarget(
  event: DpEvent,
  target: PrivacyTarget,
): { readonly event: DpEvent; readonly bound: EpsilonBound } {
  return { event, bound: new Panel(event, target).epsilon(target.delta) };
}

interface Guess {
  readonly start: number;
  readonly slope?: number;
  readonly usesGrid: boolean;
}

const slopeOf = ({ slope }: Guess): { readonly slope?: number } => (slope === undefined ? {} : { slope });

/** Where to start, and how steep the loss is there: from formulas, if a grid is what will be asked. */
function guessOf(options: Parameters<typeof searchTarget>[0]): Guess {
  const { makeEvent, target, range, start } = options;
  const usesGrid = new Panel(makeEvent(start), target).usesGrid;
  if (!usesGrid) return { start, usesGrid };
  // A guess needs no soundness: another relation, or the Gaussian limit, is near enough to begin with.
  const relations: readonly NeighboringRelation[] = [target.relation, 'replace-special', 'add-or-remove-one'];
  for (const relation of relations) {
    try {
      const asked = { ...target, relation, accountant: 'best' as const, instantOnly: true };
      const excess = (value: number) =>
        excessOf(new Panel(makeEvent(value), asked).epsilon(target.delta).epsilon, target);
      const found = findBoundary({ ...range, excess, start, tolerance: GUESS });
      return found.kind === 'boundary'
        ? { start: found.attains, usesGrid, slope: steepness(found) }
        : { start, usesGrid };
    } catch (error) {
      if (!(error instanceof DpError)) throw error;
    }
  }
  return { start, usesGrid };
}

/** d excess / d ln x over a boundary. */
function steepness({ attains, misses, excessAttains, excessMisses }: Boundary): number {
  return (excessMisses - excessAttains) / (Math.log(misses) - Math.log(attains));
}

/** ≤ 0 where the target is attained; ln ε is nearly linear in the logarithms of most parameters. */
function excessOf(epsilon: number, target: PrivacyTarget): number {
  if (epsilon === 0) return NOTHING;
  const excess = Math.log(epsilon) - Math.log(target.epsilon);
  // A difference that the logarithms round away must keep its sign.
  if (epsilon > target.epsilon) return Math.max(excess, Number.MIN_VALUE);
  return Math.min(excess, 0);
}

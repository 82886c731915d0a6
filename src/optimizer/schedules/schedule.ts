import { DpError } from 'privacy-accounting';
import { refuseUnknownKeys } from '../option-keys.js';

/** One value at every step. */
export interface ConstantSchedule {
  readonly kind: 'constant';
  readonly value: number;
}

/** From one value to another over a number of steps, and the last one from then on. */
export interface RampSchedule {
  /** `linear`: equal differences; `exponential`: equal ratios; `cosine`: half a cosine, flat at both ends. */
  readonly kind: 'linear' | 'exponential' | 'cosine';
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  /** The value is held for so many steps at a time; 1 unless given. */
  readonly every: number;
}

/** One value until a boundary, the next from there on. */
export interface StepSchedule {
  readonly kind: 'step';
  /** Steps at which the next value begins, ascending, above 0. */
  readonly boundaries: readonly number[];
  /** One more than boundaries. */
  readonly values: readonly number[];
}

/**
 * A number as a function of the logical step k = 0, 1, 2, … alone, never of time: a frozen, JSON-serialisable
 * object. The same k gives the same value in a run that was resumed.
 *
 * For σ, every value that differs is an event of its own to the accountants: `every` keeps them few.
 */
export type Schedule = ConstantSchedule | RampSchedule | StepSchedule;

/** `value` at every step. */
export function constantSchedule(value: number): Schedule {
  return requireSchedule({ kind: 'constant', value });
}

interface Ramp {
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  readonly every?: number;
}

/**
 * from + (to − from)·k/steps for k < steps, then `to`.
 *
 * @example
 * linearSchedule({ from: 2, to: 1, steps: 1000, every: 100 }); // 2, 1.9, …, 1.1, then 1
 */
export function linearSchedule(ramp: Ramp): Schedule {
  return requireSchedule({ every: 1, ...ramp, kind: 'linear' });
}

/** from·(to/from)^(k/steps) for k < steps, then `to`; both above 0. */
export function exponentialSchedule(ramp: Ramp): Schedule {
  return requireSchedule({ every: 1, ...ramp, kind: 'exponential' });
}

/** to + (from − to)·(1 + cos(πk/steps))/2 for k < steps, then `to`. */
export function cosineSchedule(ramp: Ramp): Schedule {
  return requireSchedule({ every: 1, ...ramp, kind: 'cosine' });
}

/**
 * values[j] for the steps from boundaries[j − 1] up to boundaries[j].
 *
 * @example
 * stepSchedule({ values: [0.1, 0.01], boundaries: [500] }); // 0.1 for steps 0 … 499, 0.01 from step 500
 */
export function stepSchedule(options: {
  readonly values: readonly number[];
  readonly boundaries: readonly number[];
}): Schedule {
  return requireSchedule({ ...options, kind: 'step' });
}

/** The value of a number or a schedule at logical step k = 0, 1, 2, … */
export function scheduleAt(schedule: number | Schedule, step: number): number {
  if (typeof schedule === 'number') return schedule;
  if (schedule.kind === 'constant') return schedule.value;
  if (schedule.kind === 'step') {
    const passed = schedule.boundaries.filter((boundary) => boundary <= step).length;
    return schedule.values[passed] as number;
  }
  const { kind, from, to, steps, every } = schedule;
  if (step >= steps) return to;
  const done = (Math.floor(step / every) * every) / steps;
  if (kind === 'linear') return from + (to - from) * done;
  if (kind === 'exponential') return from * (to / from) ** done;
  return to + ((from - to) * (1 + Math.cos(Math.PI * done))) / 2;
}

/** The smallest and the largest value that a schedule takes at any step. */
export function scheduleRange(schedule: number | Schedule): { readonly min: number; readonly max: number } {
  const values =
    typeof schedule === 'number'
      ? [schedule]
      : schedule.kind === 'constant'
        ? [schedule.value]
        : schedule.kind === 'step'
          ? schedule.values
          : [schedule.from, schedule.to];
  return { min: Math.min(...values), max: Math.max(...values) };
}

/** The schedule of the same shape whose values are `factor` times as large. */
export function scaleSchedule(schedule: number | Schedule, factor: number): Schedule {
  if (typeof schedule === 'number') return constantSchedule(schedule * factor);
  if (schedule.kind === 'constant') return constantSchedule(schedule.value * factor);
  if (schedule.kind === 'step') {
    return requireSchedule({ ...schedule, values: schedule.values.map((value) => value * factor) });
  }
  return requireSchedule({ ...schedule, from: schedule.from * factor, to: schedule.to * factor });
}

/** A frozen copy of a well-formed schedule, as from JSON; throws `DP_INVALID_ARGUMENT` for any other value. */
export function requireSchedule(value: unknown, name = 'a schedule'): Schedule {
  const invalid = (expected: string, got: unknown) =>
    new DpError('DP_INVALID_ARGUMENT', `Expected ${name} ${expected}, got ${describe(got)}.`);
  if (typeof value !== 'object' || value === null) {
    throw invalid('to be made by linearSchedule(…) or its like', value);
  }
  const given = value as Readonly<Record<string, unknown>>;
  const finite = (field: string, entry: unknown): number => {
    if (typeof entry !== 'number' || !(entry >= 0 && Number.isFinite(entry))) {
      throw invalid(`with ${field} finite and ≥ 0`, entry);
    }
    return entry;
  };
  const whole = (field: string, entry: unknown): number => {
    if (!Number.isSafeInteger(entry) || !((entry as number) > 0))
      throw invalid(`with a whole number ${field} > 0`, entry);
    return entry as number;
  };
  if (given.kind === 'constant') {
    refuseUnknownKeys(name, given, { kind: true, value: true });
    return Object.freeze({ kind: 'constant', value: finite('value', given.value) });
  }
  if (given.kind === 'linear' || given.kind === 'exponential' || given.kind === 'cosine') {
    refuseUnknownKeys(name, given, { kind: true, from: true, to: true, steps: true, every: true });
    const { kind } = given;
    const ramp = {
      kind,
      from: finite('from', given.from),
      to: finite('to', given.to),
      steps: whole('steps', given.steps),
      every: whole('every', given.every),
    } as const;
    if (kind === 'exponential' && !(ramp.from > 0 && ramp.to > 0)) {
      throw invalid('with from and to > 0, since ratios are equal', `from ${ramp.from} to ${ramp.to}`);
    }
    return Object.freeze(ramp);
  }
  if (given.kind === 'step') {
    refuseUnknownKeys(name, given, { kind: true, values: true, boundaries: true });
    const { values, boundaries } = given;
    if (!Array.isArray(values) || !Array.isArray(boundaries) || values.length !== boundaries.length + 1) {
      throw invalid('with one value more than boundaries', JSON.stringify({ values, boundaries }));
    }
    const starts = boundaries.map((entry: unknown) => whole('boundary', entry));
    if (starts.some((start, j) => j > 0 && start <= (starts[j - 1] as number))) {
      throw invalid('with ascending boundaries', starts.join(', '));
    }
    return Object.freeze({
      kind: 'step',
      values: Object.freeze(values.map((entry: unknown, j) => finite(`values[${j}]`, entry))),
      boundaries: Object.freeze(starts),
    });
  }
  throw invalid("of kind 'constant', 'linear', 'exponential', 'cosine' or 'step'", given.kind);
}

function describe(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? 'nothing' : String(value);
}

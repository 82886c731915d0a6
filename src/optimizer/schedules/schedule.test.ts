import { DpError } from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import {
  constantSchedule,
  cosineSchedule,
  describeSchedule,
  exponentialSchedule,
  linearSchedule,
  requireSchedule,
  type Schedule,
  scaleSchedule,
  scheduleAt,
  scheduleRange,
  stepSchedule,
} from './index.js';

const all: Record<string, Schedule> = {
  constant: constantSchedule(0.7),
  linear: linearSchedule({ from: 2, to: 1, steps: 10 }),
  'linear, in threes': linearSchedule({ from: 1, to: 3, steps: 10, every: 3 }),
  exponential: exponentialSchedule({ from: 1, to: 0.01, steps: 4 }),
  cosine: cosineSchedule({ from: 0.1, to: 0, steps: 8 }),
  step: stepSchedule({ values: [3, 1, 2], boundaries: [5, 7] }),
};

const valuesOf = (schedule: Schedule, steps: number) =>
  Array.from({ length: steps }, (_, k) => scheduleAt(schedule, k));

describe('a schedule', () => {
  it('takes the values that its formula gives', () => {
    expect(scheduleAt(1.5, 12)).toBe(1.5);
    expect(valuesOf(all.constant!, 3)).toEqual([0.7, 0.7, 0.7]);
    expect(scheduleAt(all.linear!, 0)).toBe(2);
    expect(scheduleAt(all.linear!, 5)).toBe(1.5);
    expect(scheduleAt(all.linear!, 10)).toBe(1);
    expect(scheduleAt(all.linear!, 1e6)).toBe(1);
    const ratios = valuesOf(all.exponential!, 5);
    for (let k = 1; k < 5; k++) expect(ratios[k]! / ratios[k - 1]!).toBeCloseTo(10 ** -0.5, 12);
    expect(scheduleAt(all.cosine!, 0)).toBeCloseTo(0.1, 12);
    expect(scheduleAt(all.cosine!, 4)).toBeCloseTo(0.05, 12);
    expect(scheduleAt(all.cosine!, 8)).toBe(0);
    expect(valuesOf(all.step!, 9)).toEqual([3, 3, 3, 3, 3, 1, 1, 2, 2]);
  });

  it('holds a value for as many steps as it is told, and ends in time', () => {
    const values = valuesOf(all['linear, in threes']!, 12);
    expect(new Set(values).size).toBe(5);
    expect(values[0]).toBe(values[2]);
    expect(values[3]).toBeCloseTo(1.6, 12);
    expect(values[10]).toBe(3);
  });

  it.each(Object.keys(all))('%s: is frozen, survives JSON, stays in its range and scales', (name) => {
    const schedule = all[name] as Schedule;
    expect(Object.isFrozen(schedule)).toBe(true);
    expect(requireSchedule(JSON.parse(JSON.stringify(schedule)))).toEqual(schedule);
    const { min, max } = scheduleRange(schedule);
    const values = valuesOf(schedule, 30);
    expect(Math.min(...values)).toBeGreaterThanOrEqual(min);
    expect(Math.max(...values)).toBeLessThanOrEqual(max);
    const scaled = valuesOf(scaleSchedule(schedule, 2.5), 30);
    scaled.forEach((value, k) => {
      expect(value).toBeCloseTo(2.5 * values[k]!, 12);
    });
  });

  it('can be put into words, with steps counted from 1', () => {
    expect(describeSchedule(0.5)).toBe('0.5');
    expect(describeSchedule(all.constant!)).toBe('0.7');
    expect(describeSchedule(all.linear!)).toBe('linear from 2 to 1 over 10 steps');
    expect(describeSchedule(all['linear, in threes']!)).toContain('held for 3 at a time');
    expect(describeSchedule(all.step!)).toBe('3, 1 from step 6, 2 from step 8');
  });

  it('scales a number, too', () => {
    expect(scaleSchedule(2, 3)).toEqual(constantSchedule(6));
  });

  it.each([
    ['no schedule', null],
    ['a text', 'linear'],
    ['an unknown kind', { kind: 'quadratic' }],
    ['NaN', { kind: 'constant', value: Number.NaN }],
    ['a negative value', { kind: 'constant', value: -1 }],
    ['no steps', { kind: 'linear', from: 1, to: 2, steps: 0, every: 1 }],
    ['half a step', { kind: 'linear', from: 1, to: 2, steps: 1.5, every: 1 }],
    ['a ratio of zero', { kind: 'exponential', from: 1, to: 0, steps: 3, every: 1 }],
    ['too few values', { kind: 'step', values: [1], boundaries: [3] }],
    ['descending boundaries', { kind: 'step', values: [1, 2, 3], boundaries: [3, 3] }],
    ['an option that nobody reads', { kind: 'constant', value: 1, steps: 4 }],
  ])('refuses %s', (_, value) => {
    expect(() => requireSchedule(value, 'noiseMultiplier')).toThrow(DpError);
  });
});

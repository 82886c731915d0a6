import type { Schedule } from './schedule.js';

/** A schedule in words, for reports: `linear from 2 to 1 over 500 steps`. */
export function describeSchedule(schedule: number | Schedule): string {
  if (typeof schedule === 'number') return String(schedule);
  if (schedule.kind === 'constant') return String(schedule.value);
  if (schedule.kind === 'step') {
    const [first, ...rest] = schedule.values;
    return [
      `${first}`,
      ...rest.map((value, j) => `${value} from step ${(schedule.boundaries[j] as number) + 1}`),
    ].join(', ');
  }
  const { kind, from, to, steps, every } = schedule;
  const held = every === 1 ? '' : `, held for ${every} at a time`;
  return `${kind} from ${shown(from)} to ${shown(to)} over ${steps} steps${held}`;
}

const shown = (value: number): string => String(Number(value.toPrecision(4)));

import type { DpEvent } from 'privacy-accounting';
import type { Answer } from './answer.js';

/** What an event consists of, over and over. */
export interface Repetition {
  /** What one of them is called, in the plural. */
  readonly unit: 'steps' | 'passes' | 'repetitions';
  readonly step: DpEvent;
  /** How many there are. */
  readonly count: number;
}

/** The steps of a plan (the passes, of shuffled batches), what an event repeats, or the whole event once. */
export function repeated({ event, plan }: Pick<Answer, 'event' | 'plan'>): Repetition {
  if (event.type !== 'selfComposed') return { unit: 'repetitions', step: event, count: 1 };
  const unit = plan === undefined ? 'repetitions' : plan.passes === null ? 'steps' : 'passes';
  return { unit, step: event.event, count: event.count };
}

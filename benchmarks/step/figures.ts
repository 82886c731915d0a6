import { ifComparable, mergeRows } from '../earlier-figures.js';
import type { Machine } from '../machine.js';
import type { Milliseconds, StepTimes } from './step-times.js';
import type { ModelId } from './targets.js';

export const STEP_SCHEMA = 'tfjs-privacy/bench-step/2';

/** The machine, and the versions of TensorFlow.js and of what computes for it. */
export interface StepMachine extends Machine {
  readonly tfjs: string;
}

export interface TimeRow extends StepTimes {
  readonly model: ModelId;
  readonly backend: string;
  readonly batch: number;
}

export interface MemoryRow {
  readonly model: ModelId;
  readonly backend: string;
  readonly batch: number;
  /** Fresh processes a side; the figures are medians over them. */
  readonly processes: number;
  /** MiB above the bare backend; null where stock tfjs throws. */
  readonly plain: number | null;
  readonly private: number;
}

export interface PeerRow {
  readonly peer: string;
  readonly version: string;
  readonly model: ModelId;
  readonly batch: number;
  readonly threads: number;
  readonly parameters: number;
  readonly rounds: number;
  /** The peer's own step without privacy. */
  readonly plain: Milliseconds | null;
  readonly private: Milliseconds | null;
  /** What was chosen for it, such as the size of its micro-batches. */
  readonly detail?: string;
  /** Why it is not there. */
  readonly error?: string;
}

/** The section `step` of results.json. */
export interface StepFigures {
  readonly schema: typeof STEP_SCHEMA;
  readonly machine: StepMachine;
  readonly times: readonly TimeRow[];
  readonly memory: readonly MemoryRow[];
  readonly peers: readonly PeerRow[];
}

type Key = {
  readonly model: string;
  readonly batch: number;
  readonly backend?: string;
  readonly peer?: string;
};
const keyOf = (row: Key) => JSON.stringify([row.model, row.batch, row.backend ?? row.peer]);

/**
 * The figures of an earlier run, brought up to date by a newer one. Figures of another machine, or of another schema,
 * are dropped: beside new ones they would mislead.
 */
export function mergeFigures(older: unknown, newer: StepFigures): StepFigures {
  const before = ifComparable(older, newer);
  if (before === undefined) return newer;
  return {
    ...newer,
    times: mergeRows(before.times, newer.times, keyOf),
    memory: mergeRows(before.memory, newer.memory, keyOf),
    peers: mergeRows(before.peers, newer.peers, keyOf),
  };
}

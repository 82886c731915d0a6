import { ifComparable, mergeRows } from '../earlier-figures.js';
import type { Machine } from '../machine.js';

export const ACCOUNTING_SCHEMA = 'tfjs-privacy/bench-accounting/1';

/** Milliseconds of one question over its rounds. */
export interface Timing {
  readonly minimum: number;
  readonly median: number;
  readonly rounds: number;
}

/** One of our questions; `error` where it was not answered. */
export interface QuestionRow {
  readonly question: string;
  readonly timing: Timing | null;
  /** What was answered: numbers by name. */
  readonly answer: Readonly<Record<string, number>>;
  readonly error?: string;
}

/** A peer's answer to the same question. */
export interface AccountingPeerRow {
  readonly peer: string;
  readonly version: string;
  readonly question: string;
  readonly timing: Timing | null;
  readonly answer: number | null;
  readonly error?: string;
}

/** The worst over a grid of valid inputs, in one process. */
export interface HardInputs {
  readonly inputs: number;
  readonly slowestMilliseconds: number;
  readonly slowest: string;
  /** Of the process, Node itself included. */
  readonly peakMiB: number;
  /** Inputs that got no bound: what they were, and why. */
  readonly failures: readonly string[];
}

export interface BundleSize {
  readonly minifiedBytes: number;
  readonly gzippedBytes: number;
}

/** The section `accounting` of results.json. */
export interface AccountingFigures {
  readonly schema: typeof ACCOUNTING_SCHEMA;
  readonly machine: Machine;
  readonly questions: readonly QuestionRow[];
  readonly peers: readonly AccountingPeerRow[];
  readonly hardInputs?: HardInputs;
  readonly bundle?: BundleSize;
}

type Key = { readonly question: string; readonly peer?: string };
const keyOf = ({ question, peer }: Key) => JSON.stringify([question, peer]);

/**
 * The figures of an earlier run, brought up to date by a newer one. Figures of another machine, or of another schema,
 * are dropped: beside new ones they would mislead.
 */
export function mergeAccountingFigures(older: unknown, newer: AccountingFigures): AccountingFigures {
  const before = ifComparable(older, newer);
  if (before === undefined) return newer;
  return {
    ...before,
    ...newer,
    questions: mergeRows(before.questions, newer.questions, keyOf),
    peers: mergeRows(before.peers, newer.peers, keyOf),
  };
}

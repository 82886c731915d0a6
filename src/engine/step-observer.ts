import type * as tf from '@tensorflow/tfjs-core';
import type { NormMethod } from './norm-method.js';

/** How the norms of one use of a parameter are found. Sizes only, never values. */
export interface NormReport {
  readonly variable: tf.Variable;
  /** `lookup`: rows of a table by id. `direct`: the gradient itself came from the walk. `masked`: no rule. */
  readonly method: NormMethod | 'lookup' | 'direct' | 'masked';
  /** Elements of the parameter, or of the block of columns that is used, as a matrix p × d. */
  readonly p: number;
  readonly d: number;
  /** Positions at which one example meets the parameter. */
  readonly time: number;
  readonly batch: number;
}

/** Someone who watches a step to forecast what larger ones need. */
export interface StepObserver {
  /** Methods are chosen as if the batch had this size; the size that it has unless given. */
  readonly asForBatch?: number;
  /** Called around the work on each use of a parameter; returns what `find` returns. */
  norms<T>(report: NormReport, find: () => T): T;
}

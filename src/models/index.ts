/**
 * Models that can be trained privately: what stands in the way, and what to put in its place.
 *
 * What it is: layers whose per-example gradients the engine knows exactly, a list of what a model holds that cannot be
 * private, and copies of models without it, or with few trained weights. What it is not: it trains nothing, and no
 * private data pass through it: models are examined on random numbers.
 *
 * Invariants: the model that comes in is never changed, nor are its weights shared with the copy that goes out; what
 * `validateModel` calls refused, the engine or a trainer refuses at the first step; every change is told.
 */

export { type FixModelOptions, fixModel, type ModelChange } from './fix-model.js';
export { freeze, unfreeze } from './freeze.js';
export {
  GroupNormalization,
  type GroupNormalizationArgs,
  groupNormalization,
} from './group-normalization.js';
export { type LoraOptions, lora, mergeLora } from './lora.js';
export { LowRankAdapter, type LowRankAdapterArgs } from './low-rank-adapter.js';
export type { ModelProblem, ModelProblemCode } from './model-problem.js';
export { type ValidateModelOptions, validateModel } from './validate-model.js';

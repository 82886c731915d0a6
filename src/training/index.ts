/**
 * Training: the loop that owns sampler, engine, noise, accountant and record together.
 *
 * What it is: `privateFit`, which samples, splits logical batches into physical ones, calibrates, stops before
 * overspending, and keeps a run on disk that survives a crash; `guardedFit`, which watches `model.fit`; `plan`, which
 * forecasts a step's memory and time. What it is not: it has no gradient, noise or accounting of its own.
 *
 * Invariants: a step is on record before its noise is drawn; the noise is added once a logical batch; values
 * computed from data without noise are returned apart from public ones.
 */
export { type Augmentation, averageOverViews } from './augmentation.js';
export type { FitPlan, PrivateFitOptions } from './fit-options.js';
export { type GuardedFitArgs, type GuardedFitResult, guardedFit } from './guarded-fit.js';
export { memoryBudget } from './memory-budget.js';
export type { LossFunction } from './model-loss.js';
export { PhysicalBatches } from './physical-batches.js';
export type { ParameterPlan, ParameterUsePlan } from './plan/parameter-plan.js';
export { type PlanBatch, type PlanOptions, plan, type StepPlan } from './plan/plan.js';
export { planReport } from './plan/plan-report.js';
export { type PrivateFitResult, privateFit } from './private-fit.js';
export type { EpochMetrics, StepProgress } from './progress.js';
export { type LoadedRun, loadRun, type RunConfig, type RunPrivacy } from './run-directory.js';
export { runReleases } from './run-releases.js';
export type { TrainingData } from './training-data.js';

/**
 * Per-example gradients, clipped and summed, by walking TensorFlow.js's own tape.
 *
 * What it is: one forward pass, one backward pass that stops short of every parameter, the norm of each
 * example's gradient by the cheapest exact rule for the operation that consumed the parameter, and one
 * weighted sum a parameter. What it is not: it draws no noise, spends no budget and knows no optimizer.
 *
 * Invariants: an operation without a rule costs time, never correctness; an operation that cannot be shown to
 * keep examples apart is refused by name; nothing is kept between calls but the record of what was checked.
 */
export type { ClipGroup, Rescaling } from './clip-factors.js';
export { PerExampleEngine } from './clipped-sum.js';
export { inspectLoss, readsOnlyVariables } from './inspect.js';
export { partSize } from './norm-method.js';
export { isOutOfMemory } from './out-of-memory.js';
export { defaultRules, type OpRule, type Use } from './rules/index.js';
export type { NormReport, StepObserver } from './step-observer.js';
export { watchBytes } from './tape.js';
export { guardWasmHeap } from './wasm-heap.js';
export type { ClippedSum, ClippingOptions } from './weighted-sums.js';

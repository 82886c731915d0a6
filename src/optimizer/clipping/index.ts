/**
 * Clipping strategies: which parameters share a norm, how a norm becomes a factor, and how C moves.
 *
 * What they are: frozen, serialisable objects; a plan for the engine, step by step; the state of adaptive clipping.
 * What they are not: they compute no gradient and draw no noise.
 *
 * Invariants: every plan states the L2 sensitivity √ΣC² of what the engine will sum, and the noise is relative to
 * that number; a variable that no group holds is an error; a bound that moves is computed from noised values alone.
 */
export { AdaptiveBounds, type NoiseSplit, splitNoise } from './adaptive-bounds.js';
export { type ClipPlan, planClipping, sensitivityOf } from './clip-plan.js';
export {
  type AdaptiveClipping,
  type AutomaticClipping,
  adaptiveClipping,
  automaticClipping,
  type Clipping,
  describeClipping,
  type FlatClipping,
  flatClipping,
  normalizedClipping,
  type PerGroupClipping,
  type PerLayerClipping,
  perGroupClipping,
  perLayerClipping,
  requireClipping,
} from './clipping.js';
export type { GroupRule } from './group-rule.js';

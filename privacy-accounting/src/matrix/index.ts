/*
 * Sensitivities of matrix mechanisms: how far one record can move C·g, where g are the clipped gradients of all steps.
 *
 * Is: exact sensitivities (upper bounds where the docstring says so) of the strategy matrix C, as functions of plain
 * numbers. A release of C·g + N(0, σ²I) is one Gaussian of noise multiplier σ / sensitivity, σ in units of what one
 * participation contributes: the clipping norm, or twice that under replace-one. Is not: about sampling. Amplification
 * of banded mechanisms is cyclic Poisson sampling, an event of its own. Invariants: rounded up; participation patterns
 * are stated by every function: at most `maxParticipations` steps, any two of them at least `minSeparation` apart (1:
 * any steps at all); contributions of one record may point anywhere.
 */
export {
  bandedSensitivity,
  gramSensitivity,
  type Participation,
  requireParticipation,
} from './banded-sensitivity.js';
export { bltCoefficients, bltSensitivity } from './blt-sensitivity.js';
export { fixedEpochSensitivity } from './fixed-epoch-sensitivity.js';
export { toeplitzSensitivity } from './toeplitz-sensitivity.js';
export { singleEpochTreeSquare, treeRestartSquare } from './tree-restart.js';
export { treeNoRestartSquare } from './tree-sensitivity.js';

/*
 * Numerics that the accountants share: Mills' ratio of the normal law, a rule of quadrature, a bracketing root finder.
 *
 * Is not: public. Nothing here knows what privacy is.
 * Invariants: no NaN is returned; errors are relative to the result and stated; a root is returned as the bracket
 * around it, so that the caller chooses the side to err on.
 */
export { bracketRoot } from './bracket-root.js';
export { GAUSS_LEGENDRE } from './gauss-legendre.js';
export { erfcx, millsDifference, millsRatio } from './mills-ratio.js';

/*
 * Numerics that the accountants share: Mills' ratio of the normal law, a bracketing root finder.
 *
 * Is not: public. Nothing here knows what privacy is.
 * Invariants: no NaN is returned; errors are relative to the result and stated; a root is returned as the bracket
 * around it, so that the caller chooses the side to err on.
 */
export { bracketRoot, type SignBracket } from './bracket-root.js';
export { erfcx, millsDifference, millsRatio, millsSlope } from './mills-ratio.js';

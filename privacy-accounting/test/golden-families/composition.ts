import { optimalEpsilon } from 'privacy-accounting';
import type { Family } from './params.js';

/** Composition of mechanisms of which only (ε, δ) is known. */
export const COMPOSITION_FAMILIES: Readonly<Record<string, Family>> = {
  optimal_composition: (p) => ({
    total_epsilon: optimalEpsilon({
      mechanisms: [{ epsilon: p.number('epsilon'), delta: p.number('delta', 0), count: p.number('k') }],
      delta: p.number('total_delta'),
    }),
  }),
};

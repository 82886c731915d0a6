import { parametersOf } from '../composition/mechanism-parameters.js';
import type { Mechanism } from '../events/mechanisms/mechanism.js';

/** (ξ, ρ)-zCDP but for an event of probability `delta`, which is added to δ. */
export interface ZcdpCost {
  readonly rho: number;
  readonly xi: number;
  readonly delta: number;
}

const ROUND_UP = 1 + 8 * Number.EPSILON;

/**
 * What a mechanism costs in zCDP, rounded up; undefined where nothing is known.
 *
 * - Gaussians, continuous or discrete (rounding inside their sensitivity), unsampled: ρ = 1/(2σ²), σ relative to the
 *   sensitivity. A run that allocates each record to k steps at random: k times that (mixing over steps never adds).
 * - Bounded-range (exponential mechanism): ε²/8. GNMax: 1/σ², whatever the votes.
 * - Anything pure, Poisson-sampled or not: ε²/2; with a δ, that apart (approximate zCDP).
 *
 * Poisson-sampled Gaussians are refused: their divergences grow faster than any ρα beyond some order (they are only
 * "truncated" zCDP).
 *
 * Source: Bun & Steinke 2016 (arXiv:1605.02065), Prop. 1.4, 1.6, Def. 8.1; Canonne, Kamath & Steinke 2020
 * (arXiv:2004.00010), Thm 4 and 14; Cesar & Rogers 2021 (arXiv:2005.07210), Lemma 3.2.
 */
export function zcdpCost(mechanism: Mechanism): ZcdpCost | undefined {
  switch (mechanism.kind) {
    case 'gaussian':
      return mechanism.samplingProbability === 1 ? gaussian(mechanism.noiseMultiplier, 1) : undefined;
    case 'discreteGaussian':
      return gaussian(mechanism.sigma / mechanism.sensitivity, 1);
    case 'randomAllocationGaussian':
      return gaussian(mechanism.noiseMultiplier, mechanism.selected);
    case 'gnMax':
      return gaussian(mechanism.standardDeviation, 2);
    case 'zCDP':
      return { rho: mechanism.rho, xi: mechanism.xi, delta: 0 };
    case 'exponentialMechanism':
      return { rho: (mechanism.epsilon ** 2 / 8) * ROUND_UP, xi: 0, delta: 0 };
    default: {
      const parameters = parametersOf(mechanism);
      if (parameters === undefined) return undefined;
      return { rho: (parameters.epsilon ** 2 / 2) * ROUND_UP, xi: 0, delta: parameters.delta };
    }
  }
}

/** times/(2σ²), never 0. */
function gaussian(sigma: number, times: number): ZcdpCost {
  const rho = Math.max((times / 2 / sigma / sigma) * ROUND_UP, Number.MIN_VALUE);
  return { rho, xi: 0, delta: 0 };
}

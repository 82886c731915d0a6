import { type ParameterGroup, type PrivacyParameters, requireParameters } from './parameters.js';

/**
 * (Σ εᵢ, Σ δᵢ): what mechanisms that are (εᵢ, δᵢ)-differentially private cost together, also when each is chosen
 * after seeing the results of those before it. Rounded up; δ at most 1. Optimal when every δᵢ is 0 and none is
 * allowed in total.
 *
 * Source: Dwork & Lei 2009; Dwork & Roth 2014, Thm 3.16 and App. B.
 *
 * @example
 * basicComposition([{ epsilon: 0.5, delta: 1e-8, count: 20 }]); // { epsilon: 10, delta: 2e-7 }
 */
export function basicComposition(mechanisms: readonly PrivacyParameters[]): {
  readonly epsilon: number;
  readonly delta: number;
} {
  const groups = requireParameters(mechanisms);
  let delta = 0;
  for (const group of groups) delta += group.count * group.delta;
  return { epsilon: sumOfEpsilons(groups), delta: Math.min(1, roundUp(delta, groups.length)) };
}

/** Σ εᵢ, rounded up; exact when there is one mechanism only. */
export function sumOfEpsilons(groups: readonly ParameterGroup[]): number {
  let sum = 0;
  for (const { epsilon, count } of groups) sum += count * epsilon;
  return groups.length === 1 && Number.isInteger(Math.log2(groups[0]!.count))
    ? sum
    : roundUp(sum, groups.length);
}

/** A sum of `terms` products of non-negative numbers, rounded up by the largest error that it can have. */
function roundUp(sum: number, terms: number): number {
  return sum * (1 + (terms + 1) * Number.EPSILON);
}

import { invalidArgument, requireEpsilon, requireNumber, requireRecord } from '../arguments.js';
import { sumOfEpsilons } from './basic-composition.js';
import {
  deltaLeft,
  deltaWith,
  type ParameterGroup,
  type PrivacyParameters,
  requireParameters,
} from './parameters.js';

/**
 * ε at δ of mechanisms that are (εᵢ, δᵢ)-differentially private, chosen adaptively with these parameters, by the
 * closed form
 *
 *   min { Σεᵢ,  M + √(2V ln(1/δ₀)),  M + √(2V ln(e + √V/δ₀)) },  M = Σ εᵢ tanh(εᵢ/2),  V = Σ εᵢ²,
 *   1 − δ = (1 − δ₀)·Π (1 − δᵢ).
 *
 * Rounded up; ∞ when the δᵢ alone exceed δ. Never below {@link optimalEpsilon}, at every δ; it costs nothing to compute and
 * is what papers quote. Dwork, Rothblum & Vadhan's first form, with εᵢ(e^εᵢ − 1) in place of the tanh, is looser.
 *
 * Source: Kairouz, Oh & Viswanath 2015 (arXiv:1311.0776), Thm 3.5 (Thm 3.4 when all are equal); Dwork, Rothblum &
 * Vadhan 2010.
 *
 * @example
 * advancedEpsilon({ mechanisms: [{ epsilon: 0.1, delta: 0, count: 100 }], delta: 1e-6 }); // 5.75…
 */
export function advancedEpsilon(options: {
  readonly mechanisms: readonly PrivacyParameters[];
  readonly delta: number;
}): number {
  requireRecord(options, 'options', 'an object { mechanisms, delta }');
  return advancedEpsilonOf(requireParameters(options.mechanisms), requireTotalDelta(options.delta));
}

/** δ at ε ≥ 0: the counterpart of {@link advancedEpsilon}, rounded up. */
export function advancedDelta(options: {
  readonly mechanisms: readonly PrivacyParameters[];
  readonly epsilon: number;
}): number {
  requireRecord(options, 'options', 'an object { mechanisms, epsilon }');
  return advancedDeltaOf(requireParameters(options.mechanisms), requireEpsilon(options.epsilon));
}

/** δ ∈ [0, 1): 0 is a question that pure mechanisms answer. */
export function requireTotalDelta(value: unknown, path = 'delta'): number {
  return requireNumber(
    value,
    path,
    'a number from 0 up to, not including, 1',
    (delta) => delta >= 0 && delta < 1,
  );
}

/** {@link advancedEpsilon} of checked arguments. */
export function advancedEpsilonOf(groups: readonly ParameterGroup[], delta: number): number {
  const left = deltaLeft(delta, groups);
  if (left === undefined) return Number.POSITIVE_INFINITY;
  const { mean, spread, slack } = moments(groups);
  const basic = sumOfEpsilons(groups);
  if (left === 0) return basic;
  const exponent = Math.min(-Math.log(left), Math.log(Math.E + Math.sqrt(spread) / left));
  const advanced = (mean + Math.sqrt(2 * spread * Math.max(0, exponent))) * slack;
  return Math.min(basic, advanced);
}

/** {@link advancedDelta} of checked arguments. */
export function advancedDeltaOf(groups: readonly ParameterGroup[], epsilon: number): number {
  if (epsilon >= sumOfEpsilons(groups)) return deltaWith(0, groups);
  const { mean, spread, slack } = moments(groups);
  const excess = epsilon / slack - mean;
  if (!(excess > 0)) return 1;
  const exponent = (excess * excess) / (2 * spread);
  const root = Math.exp(exponent) - Math.E;
  const other = root > 0 ? Math.sqrt(spread) / root : 1;
  const rounding = 1 + 8 * Number.EPSILON * (2 + exponent + (epsilon / excess) * exponent);
  return deltaWith(Math.min(1, Math.min(Math.exp(-exponent), other) * rounding), groups);
}

/** M and V of {@link advancedEpsilon}, and the factor 1 + η that covers the rounding of both and of their use. */
function moments(groups: readonly ParameterGroup[]) {
  let mean = 0;
  let spread = 0;
  for (const { epsilon, count } of groups) {
    mean += count * epsilon * Math.tanh(epsilon / 2);
    spread += count * epsilon * epsilon;
  }
  if (spread === Number.POSITIVE_INFINITY) throw invalidArgument('epsilon', 'below 1e150', spread);
  return { mean, spread, slack: 1 + (groups.length + 12) * Number.EPSILON };
}

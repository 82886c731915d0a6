import { requireEpsilon, requireNumber, requireRecord, requireSamplingProbability } from '../arguments.js';

/**
 * (ln(1 + q(e^ε − 1)), qδ): what an (ε, δ)-differentially private mechanism costs when it is run on a Poisson sample of
 * rate q = `samplingProbability` ∈ (0, 1]. Rounded up; relative error of a few units in the last place also where
 * q·ε is tiny.
 *
 * Holds under add-or-remove-one and replace-special. Not under replace-one: there the mechanism's output with one
 * record must be close to that with the other *and* to that with neither.
 *
 * Source: Balle, Barthe & Gaboardi 2018 (arXiv:1807.01647), Thm 8; tight for every q, ε and δ.
 *
 * @example
 * amplifiedByPoissonSampling({ samplingProbability: 0.01, epsilon: 1, delta: 1e-6 }); // { epsilon: 0.01703…, delta: 1e-8 }
 */
export function amplifiedByPoissonSampling(options: {
  readonly samplingProbability: number;
  readonly epsilon: number;
  readonly delta: number;
}): { readonly epsilon: number; readonly delta: number } {
  requireRecord(options, 'options', 'an object { samplingProbability, epsilon, delta }');
  const q = requireSamplingProbability(options.samplingProbability);
  const epsilon = requireEpsilon(options.epsilon);
  const delta = requireNumber(options.delta, 'delta', 'a number from 0 to 1', (d) => d >= 0 && d <= 1);
  if (q === 1) return { epsilon, delta };
  return {
    epsilon: Math.min(epsilon, logOneMore(q, epsilon) * (1 + 8 * Number.EPSILON)),
    delta: Math.min(delta, q * delta * (1 + Number.EPSILON)),
  };
}

/** ln(1 + q(e^ε − 1)); past ε = 30 as ε + ln(q + (1 − q)e^{−ε}), which does not overflow. */
function logOneMore(q: number, epsilon: number): number {
  if (epsilon <= 30) return Math.log1p(q * Math.expm1(epsilon));
  const lost = Math.log(q + (1 - q) * Math.exp(-epsilon));
  return epsilon + lost + 4 * Number.EPSILON * (epsilon - lost);
}

import { requireCount, requireNumber, requireRecord, requireSamplingProbability } from '../arguments.js';
import { normalCdf } from './normal-law.js';

/** A run of T = `steps` Gaussians of σ = `noiseMultiplier` on samples of rate q = `samplingProbability` ∈ (0, 1]. */
export interface SampledRun {
  readonly samplingProbability: number;
  readonly noiseMultiplier: number;
  readonly steps: number;
}

/**
 * μ = q·√(T(e^{1/σ²} − 1)): the Gaussian to which T Poisson-sampled Gaussians tend as T grows and q√T stays.
 *
 * **An approximation, not a bound.** It can be far below the truth: q = 1e-3, σ = 0.4, T = 1000 at δ = 1e-6 gives ε = 3.37
 * where the truth is 8.63. Never state it as a guarantee.
 *
 * Source: Bu, Dong, Long & Su 2020 (arXiv:1911.11607).
 *
 * @example
 * cltPoissonMu({ samplingProbability: 0.01, noiseMultiplier: 1.3, steps: 10_000 }); // 0.89838…
 */
export function cltPoissonMu(run: SampledRun): number {
  const { q, sigma, steps } = requireRun(run);
  return q * Math.sqrt(steps * Math.expm1(1 / sigma / sigma));
}

/**
 * μ = q·√(2T(e^{1/σ²}Φ(3/(2σ)) + 3Φ(−1/(2σ)) − 2)): the same limit for samples of a fixed size q·n without replacement,
 * under replace-one; σ relative to the sensitivity under that relation. **An approximation, not a bound.**
 *
 * Source: Dong, Roth & Su 2022 (arXiv:1905.02383), § 5; Bu et al. 2020.
 *
 * @example
 * cltUniformMu({ samplingProbability: 0.05, noiseMultiplier: 2, steps: 1000 }); // 0.99224…
 */
export function cltUniformMu(run: SampledRun): number {
  const { q, sigma, steps } = requireRun(run);
  const inverse = 1 / sigma;
  // The three terms as e^{1/σ²}Φ(3/2σ) − Φ(1/2σ) − 2(Φ(1/2σ) − Φ(−1/2σ)) + …: regrouped so that 2 never cancels 2.
  const up = Math.expm1(inverse * inverse) * normalCdf(1.5 * inverse);
  const down = 3 * normalMiddle(0.5 * inverse) - normalMiddle(1.5 * inverse);
  return q * Math.sqrt(2 * steps * Math.max(0, up - down));
}

/** Φ(x) − ½ for x ≥ 0, accurate for small x: the series of the integral of φ. */
function normalMiddle(x: number): number {
  if (x > 1) return 0.5 - normalCdf(-x);
  let term = x;
  let sum = x;
  for (let k = 1; k < 40; k++) {
    term *= (-x * x) / (2 * k);
    sum += term / (2 * k + 1);
  }
  return sum / Math.sqrt(2 * Math.PI);
}

function requireRun(run: SampledRun): { readonly q: number; readonly sigma: number; readonly steps: number } {
  requireRecord(run, 'run', 'an object { samplingProbability, noiseMultiplier, steps }');
  return {
    q: requireSamplingProbability(run.samplingProbability),
    sigma: requireNumber(run.noiseMultiplier, 'noiseMultiplier', 'a finite number above 0', (s) => s > 0),
    steps: requireCount(run.steps, 'steps'),
  };
}

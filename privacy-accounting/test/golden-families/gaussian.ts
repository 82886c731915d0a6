import {
  cltPoissonMu,
  cltUniformMu,
  epsilonOf,
  gaussianDelta,
  gaussianEpsilon,
  gaussianLogDelta,
  gaussianMu,
  type SampledRun,
} from 'privacy-accounting';
import { dpSgdOf } from './events.js';
import type { Answers, Family, Params } from './params.js';

/** μ of one release of noise multiplier σ, composed `steps` times. */
const muOf = (p: Params) => Math.sqrt(p.number('steps', 1)) / p.number('sigma');

const centralLimit =
  (muOfRun: (run: SampledRun) => number) =>
  (p: Params): Answers => {
    const mu = muOfRun({
      samplingProbability: p.number('q'),
      noiseMultiplier: p.number('sigma'),
      steps: p.number('steps'),
    });
    return { mu, epsilon: gaussianEpsilon({ mu, delta: p.number('delta') }) };
  };

/** Gaussian noise without sampling, exactly; and the central limit, which is no bound. */
export const GAUSSIAN_FAMILIES: Readonly<Record<string, Family>> = {
  gaussian_epsilon: (p) => ({ epsilon: gaussianEpsilon({ mu: muOf(p), delta: p.number('delta') }) }),
  gaussian_sigma: (p) => ({
    sigma:
      Math.sqrt(p.number('steps', 1)) /
      gaussianMu({ epsilon: p.number('epsilon'), delta: p.number('delta') }),
  }),
  gaussian_delta: (p) => {
    const at = { mu: muOf(p), epsilon: p.number('epsilon') };
    return { delta: gaussianDelta(at), log_delta: gaussianLogDelta(at) };
  },
  gaussian_replace_one: (p) => {
    const relation = p.relation();
    const event = dpSgdOf(p, relation);
    return { epsilon: epsilonOf(event, { delta: p.number('delta'), relation, accountant: 'gdp' }).epsilon };
  },
  gdp_mu_to_epsilon: (p) => ({ epsilon: gaussianEpsilon({ mu: p.number('mu'), delta: p.number('delta') }) }),
  gdp_mu_to_delta: (p) => ({ delta: gaussianDelta({ mu: p.number('mu'), epsilon: p.number('epsilon') }) }),
  gdp_clt_poisson: centralLimit(cltPoissonMu),
  gdp_clt_uniform: centralLimit(cltUniformMu),
};

import {
  CertifiedPldAccountant,
  cyclicPoisson,
  type DpEvent,
  discreteGaussian,
  discreteLaplace,
  epsilonDelta,
  forGroup,
  gaussian,
  mixtureOfGaussians,
  type NeighboringRelation,
  PldAccountant,
  RdpAccountant,
  randomizedResponse,
  truncatedPoissonSampled,
} from 'privacy-accounting';
import { dpSgdOf, eventOf, partsOf, repeated } from './events.js';
import type { Answers, Family, Params } from './params.js';

/** ε at the case's δ by the PLD accountant, on the grid that it chooses for itself. */
export function pldEpsilon(p: Params, relation: NeighboringRelation, event: DpEvent): Answers {
  return {
    epsilon: new PldAccountant({ relation }).compose(event).getEpsilon(p.number('delta')).epsilon,
  };
}

/** The family of one event, `steps` times. */
const ofEvent =
  (make: (p: Params) => DpEvent, fallback?: NeighboringRelation): Family =>
  (p) =>
    pldEpsilon(p, p.relation(fallback), repeated(p.number('steps', 1), make(p)));

const dpSgdEpsilon: Family = (p) => pldEpsilon(p, p.relation(), dpSgdOf(p, p.relation()));
const ofParts: Family = (p) => pldEpsilon(p, p.relation(), partsOf(p, p.relation()));

/** Lower and upper bound, and in between what the accountant without certificate states. */
function bracket(p: Params, event: DpEvent): Answers {
  const relation = p.relation();
  const delta = p.number('delta');
  const { lower, upper } = new CertifiedPldAccountant({ relation }).compose(event).getEpsilonInterval(delta);
  return {
    epsilon_lower: lower.epsilon,
    epsilon_estimate: new PldAccountant({ relation }).compose(event).getEpsilon(delta).epsilon,
    epsilon_upper: upper.epsilon,
  };
}

const dpSgdBracket: Family = (p) => bracket(p, dpSgdOf(p, p.relation()));

/** C(n, k) q^k (1 − q)^(n − k) for k = 0 … n: on how many of n samples a record is. */
function binomial(n: number, q: number): number[] {
  const weights = [(1 - q) ** n];
  for (let k = 1; k <= n; k++) weights.push((weights[k - 1]! * q * (n - k + 1)) / ((1 - q) * k));
  return weights;
}

/** What is answered by privacy loss distributions. */
export const PLD_FAMILIES: Readonly<Record<string, Family>> = {
  pld_poisson_gaussian: dpSgdEpsilon,
  pld_poisson_gaussian_tiny_delta: dpSgdEpsilon,
  pld_poisson_gaussian_replace_one: dpSgdEpsilon,
  pld_optimistic: dpSgdBracket,
  prv_opacus: dpSgdBracket,
  prv_microsoft: dpSgdBracket,
  prv_laplace: (p) => bracket(p, eventOf(p.as('laplace'), p.relation())),
  pld_delta_for_epsilon: (p) => {
    const relation = p.relation();
    const accountant = new PldAccountant({ relation }).compose(dpSgdOf(p, relation));
    return { delta: accountant.getDelta(p.number('epsilon')).delta };
  },
  pld_laplace: (p) => pldEpsilon(p, p.relation(), eventOf(p.as('laplace'), p.relation())),
  pld_subsampled_laplace: (p) => pldEpsilon(p, p.relation(), eventOf(p.as('laplace'), p.relation())),
  pld_discrete_laplace: ofEvent((p) =>
    discreteLaplace({ parameter: p.number('parameter'), sensitivity: p.number('sensitivity', 1) }),
  ),
  pld_discrete_gaussian: ofEvent((p) =>
    discreteGaussian({ sigma: p.number('sigma'), sensitivity: p.number('sensitivity', 1) }),
  ),
  pld_mixture_of_gaussians: ofEvent((p) =>
    mixtureOfGaussians({
      noiseMultiplier: p.number('sigma'),
      sensitivities: p.numbers('sensitivities'),
      probabilities: p.numbers('probs'),
    }),
  ),
  pld_truncated_poisson: ofEvent((p) =>
    truncatedPoissonSampled({
      samplingProbability: p.number('q'),
      maxBatchSize: p.number('max_batch'),
      datasetSize: p.number('dataset_size'),
      event: gaussian({ noiseMultiplier: p.number('sigma') }),
    }),
  ),
  randomized_response_pld: ofEvent(
    (p) => randomizedResponse({ noiseParameter: p.number('noise_parameter'), buckets: p.number('buckets') }),
    'replace-one',
  ),
  // The same record on several workers, each with a sample of its own.
  parallel_poisson: ofEvent((p) => {
    const workers = p.number('workers');
    return mixtureOfGaussians({
      noiseMultiplier: p.number('sigma'),
      sensitivities: Array.from({ length: workers + 1 }, (_, k) => k),
      probabilities: binomial(workers, p.number('q')),
    });
  }),
  group_privacy_dpsgd: (p) => {
    const relation = p.relation();
    return pldEpsilon(p, relation, forGroup(dpSgdOf(p, relation), { size: p.number('group_size') }));
  },
  bandmf_cyclic_poisson: (p) =>
    pldEpsilon(
      p,
      p.relation(),
      cyclicPoisson({
        samplingProbability: p.number('q_within_group'),
        noiseMultiplier: p.number('sigma_over_max_column_norm'),
        iterations: p.number('iterations'),
        bands: p.number('bands'),
      }),
    ),
  heterogeneous_pld: ofParts,
  heterogeneous_mixed: ofParts,
  epsilon_delta_event: (p) => {
    const relation = p.relation();
    const event = partsOf(p, relation);
    const delta = p.number('delta');
    return {
      epsilon_rdp: new RdpAccountant({ relation }).compose(event).getEpsilon(delta).epsilon,
      epsilon_pld: new PldAccountant({ relation }).compose(event).getEpsilon(delta).epsilon,
    };
  },
  pld_epsilon_delta_composition: (p) => {
    const relation = p.relation();
    const claim = epsilonDelta({ epsilon: p.number('epsilon'), delta: p.number('delta', 0), relation });
    const accountant = new PldAccountant({ relation }).compose(claim, p.number('k'));
    return { epsilon: accountant.getEpsilon(p.number('total_delta')).epsilon };
  },
};

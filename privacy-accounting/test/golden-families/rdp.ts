import {
  type DpEvent,
  exponentialMechanism,
  gaussian,
  gaussianRdp,
  laplaceRdp,
  type NeighboringRelation,
  poissonGaussianRdp,
  RdpAccountant,
  randomizedResponse,
  rdpToDelta,
  rdpToEpsilon,
  repeatAndSelect,
  sampledWithoutReplacement,
  singleEpochTreeAggregation,
  sumNoiseMultiplier,
  withoutReplacementGaussianRdp,
  zCDP,
} from 'privacy-accounting';
import { dpSgdOf, eventOf, partsOf, repeated } from './events.js';
import type { Answers, Family, Params } from './params.js';

/** ε at the case's δ by the RDP accountant. */
export function rdpEpsilon(p: Params, relation: NeighboringRelation, event: DpEvent): Answers {
  const accountant = new RdpAccountant({ relation, ...p.orders() }).compose(event);
  return { epsilon: accountant.getEpsilon(p.number('delta')).epsilon };
}

const dpSgdEpsilon: Family = (p) => rdpEpsilon(p, p.relation(), dpSgdOf(p, p.relation()));

/** What is answered in Rényi divergences. */
export const RDP_FAMILIES: Readonly<Record<string, Family>> = {
  rdp_poisson_gaussian: dpSgdEpsilon,
  rdp_opacus: dpSgdEpsilon,
  heterogeneous_rdp: (p) => rdpEpsilon(p, p.relation(), partsOf(p, p.relation())),
  rdp_value_gaussian: (p) => ({
    rdp: p.number('steps', 1) * gaussianRdp({ noiseMultiplier: p.number('sigma'), order: p.number('order') }),
  }),
  rdp_value_poisson_gaussian: (p) => ({
    rdp:
      p.number('steps', 1) *
      poissonGaussianRdp({
        samplingProbability: p.number('q'),
        noiseMultiplier: p.number('sigma'),
        order: p.number('order'),
      }),
  }),
  rdp_value_wor: (p) => {
    // A rate, of which any sizes will do.
    const datasetSize = 1e6;
    return {
      rdp: withoutReplacementGaussianRdp({
        datasetSize,
        sampleSize: Math.round(p.number('q') * datasetSize),
        noiseMultiplier: p.number('sigma'),
        order: p.number('order'),
      }),
    };
  },
  rdp_laplace: (p) => ({ rdp: laplaceRdp({ parameter: p.number('parameter'), order: p.number('order') }) }),
  rdp_to_epsilon: (p) => ({
    epsilon: rdpToEpsilon({ orders: p.numbers('orders'), rdp: p.numbers('rdp'), delta: p.number('delta') })
      .epsilon,
  }),
  rdp_to_delta: (p) => ({
    delta: rdpToDelta({ orders: p.numbers('orders'), rdp: p.numbers('rdp'), epsilon: p.number('epsilon') })
      .delta,
  }),
  rdp_wor_gaussian: (p) => {
    const relation = p.relation('replace-one');
    const event = sampledWithoutReplacement({
      datasetSize: p.number('n'),
      sampleSize: p.number('m'),
      event: gaussian({ noiseMultiplier: p.sigma(relation) }),
    });
    return rdpEpsilon(p, relation, repeated(p.number('steps', 1), event));
  },
  tree_single_epoch: (p) =>
    rdpEpsilon(
      p,
      p.relation('replace-special'),
      singleEpochTreeAggregation({
        noiseMultiplier: p.number('sigma'),
        stepCounts: p.numbers('step_counts'),
      }),
    ),
  repeat_and_select: (p) => {
    const relation = p.relation();
    const shape = p.number('shape');
    const event = repeatAndSelect({
      mean: p.number('mean'),
      shape: shape === Number.POSITIVE_INFINITY ? 'poisson' : shape,
      event: eventOf(p.part('base'), relation),
    });
    return rdpEpsilon(p, relation, event);
  },
  randomized_response_rdp: (p) => {
    const report = randomizedResponse({
      noiseParameter: p.number('noise_parameter'),
      buckets: p.number('buckets'),
    });
    return rdpEpsilon(p, p.relation('replace-one'), repeated(p.number('steps', 1), report));
  },
  zcdp: (p) => {
    const relation = p.relation();
    return rdpEpsilon(p, relation, zCDP({ rho: p.number('rho'), xi: p.number('xi', 0), relation }));
  },
  exponential_mechanism_rdp: (p) => {
    const relation = p.relation();
    const choice = exponentialMechanism({ epsilon: p.number('epsilon'), relation });
    return rdpEpsilon(p, relation, repeated(p.number('count', 1), choice));
  },
  adaptive_clipping: (p) => ({
    sum_noise_multiplier: sumNoiseMultiplier({
      effectiveNoiseMultiplier: p.number('effective_noise_multiplier'),
      countStddev: p.number('count_stddev'),
    }),
  }),
};

import {
  composed,
  type DpEvent,
  discreteGaussian,
  discreteLaplace,
  epsilonDelta,
  gaussian,
  laplace,
  type NeighboringRelation,
  poissonSampled,
  selfComposed,
} from 'privacy-accounting';
import type { Params } from './params.js';

export const repeated = (count: number, event: DpEvent): DpEvent =>
  count === 1 ? event : selfComposed({ count, event });

const sampled = (q: number, event: DpEvent): DpEvent =>
  q === 1 ? event : poissonSampled({ samplingProbability: q, event });

/** Gaussians of noise multiplier σ on Poisson samples of rate q; unsampled ones at q = 1. */
export const dpSgd = (q: number, sigma: number, steps: number): DpEvent =>
  repeated(steps, sampled(q, gaussian({ noiseMultiplier: sigma })));

/** The event of the parameters q, sigma, steps, as most families have them. */
export const dpSgdOf = (p: Params, relation: NeighboringRelation): DpEvent =>
  dpSgd(p.number('q', 1), p.sigma(relation), p.number('steps', 1));

/** One entry of `parts`, or a `base`: by its type, DP-SGD when it has none. */
export function eventOf(p: Params, relation: NeighboringRelation): DpEvent {
  const type = p.text('type', 'dpsgd');
  const times = p.number('steps', p.number('count', 1));
  const over = (event: DpEvent) => repeated(times, sampled(p.number('q', 1), event));
  switch (type) {
    case 'dpsgd':
    case 'gaussian':
      return over(gaussian({ noiseMultiplier: p.sigma(relation) }));
    case 'laplace':
      return over(laplace({ parameter: p.number('parameter') }));
    case 'discrete_laplace':
      return over(
        discreteLaplace({ parameter: p.number('parameter'), sensitivity: p.number('sensitivity', 1) }),
      );
    case 'discrete_gaussian':
      return over(discreteGaussian({ sigma: p.number('sigma'), sensitivity: p.number('sensitivity', 1) }));
    case 'epsilon_delta':
      return over(epsilonDelta({ epsilon: p.number('epsilon'), delta: p.number('delta', 0), relation }));
    default:
      throw new TypeError(`a part of type "${type}" is not known here`);
  }
}

/** Everything in `parts`, composed. */
export const partsOf = (p: Params, relation: NeighboringRelation): DpEvent =>
  composed(p.parts('parts').map((part) => eventOf(part, relation)));

import {
  calibrateNoiseMultiplier,
  composed,
  type DpEvent,
  epsilonOf,
  gaussian,
  gaussianDelta,
  gaussianEpsilon,
  gaussianLogDelta,
  gaussianMu,
  gaussianRdp,
  type NeighboringRelation,
  poissonGaussianRdp,
  poissonSampled,
  RdpAccountant,
  rdpToDelta,
  rdpToEpsilon,
  requireRelation,
  selfComposed,
} from 'privacy-accounting';
import { type Answers, toNumber } from './golden-check.js';

/** Parameters of a case, read with their names in the errors. */
class Params {
  readonly #params: Readonly<Record<string, unknown>>;

  constructor(params: Readonly<Record<string, unknown>>) {
    this.#params = params;
  }

  number(name: string, fallback?: number): number {
    const value = this.#params[name];
    return value === undefined && fallback !== undefined ? fallback : toNumber(value, `params.${name}`);
  }

  numbers(name: string): number[] {
    return this.list(name).map((value, i) => toNumber(value, `params.${name}[${i}]`));
  }

  parts(name: string): Params[] {
    return this.list(name).map((part) => new Params(part as Readonly<Record<string, unknown>>));
  }

  relation(): NeighboringRelation {
    return requireRelation(String(this.#params.relation ?? 'add_or_remove_one').replaceAll('_', '-'));
  }

  /** σ relative to the clipping norm, whatever the case's convention is. */
  sigma(relation: NeighboringRelation): number {
    const convention = String(this.#params.sigma_convention ?? 'noise std / clip norm');
    const perSensitivity = /sensitivity/.test(convention) && relation === 'replace-one';
    return this.number('sigma') * (perSensitivity ? 2 : 1);
  }

  /** A list of orders if the case gives one; a name of some library's grid leaves ours. */
  orders(): { orders?: number[] } {
    return Array.isArray(this.#params.orders) ? { orders: this.numbers('orders') } : {};
  }

  private list(name: string): readonly unknown[] {
    const value = this.#params[name];
    if (!Array.isArray(value)) throw new TypeError(`params.${name} must be a list`);
    return value;
  }
}

function dpSgd(q: number, sigma: number, steps: number): DpEvent {
  const release = gaussian({ noiseMultiplier: sigma });
  return selfComposed({
    count: steps,
    event: q === 1 ? release : poissonSampled({ samplingProbability: q, event: release }),
  });
}

function rdpEpsilon(p: Params): Answers {
  const relation = p.relation();
  const event = dpSgd(p.number('q', 1), p.sigma(relation), p.number('steps', 1));
  const accountant = new RdpAccountant({ relation, ...p.orders() }).compose(event);
  return { epsilon: accountant.getEpsilon(p.number('delta')).epsilon };
}

/** μ of one release of noise multiplier σ, composed `steps` times. */
const muOf = (p: Params) => Math.sqrt(p.number('steps', 1)) / p.number('sigma');

/** How each family that this package answers is computed. A family that is not here is skipped. */
export const FAMILIES: Readonly<Record<string, (p: Params) => Answers>> = {
  rdp_poisson_gaussian: rdpEpsilon,
  rdp_opacus: rdpEpsilon,
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
  rdp_to_epsilon: (p) => ({
    epsilon: rdpToEpsilon({ orders: p.numbers('orders'), rdp: p.numbers('rdp'), delta: p.number('delta') })
      .epsilon,
  }),
  rdp_to_delta: (p) => ({
    delta: rdpToDelta({ orders: p.numbers('orders'), rdp: p.numbers('rdp'), epsilon: p.number('epsilon') })
      .delta,
  }),
  heterogeneous_rdp: (p) => {
    const relation = p.relation();
    const parts = p
      .parts('parts')
      .map((part) => dpSgd(part.number('q', 1), part.sigma(relation), part.number('steps', 1)));
    const accountant = new RdpAccountant({ relation, ...p.orders() }).compose(composed(parts));
    return { epsilon: accountant.getEpsilon(p.number('delta')).epsilon };
  },
  calibrate_sigma_rdp: (p) => {
    const { noiseMultiplier } = calibrateNoiseMultiplier({
      makeEvent: (sigma) => dpSgd(p.number('q', 1), sigma, p.number('steps', 1)),
      targetEpsilon: p.number('epsilon'),
      delta: p.number('delta'),
      relation: p.relation(),
      accountant: 'rdp',
    });
    return { sigma: noiseMultiplier };
  },
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
    const event = dpSgd(1, p.sigma(relation), p.number('steps', 1));
    return { epsilon: epsilonOf(event, { delta: p.number('delta'), relation, accountant: 'gdp' }).epsilon };
  },
  gdp_mu_to_epsilon: (p) => ({ epsilon: gaussianEpsilon({ mu: p.number('mu'), delta: p.number('delta') }) }),
  gdp_mu_to_delta: (p) => ({ delta: gaussianDelta({ mu: p.number('mu'), epsilon: p.number('epsilon') }) }),
};

/** The answers to a case of a known family; undefined for a family that is not answered. */
export function answer(family: string, params: Readonly<Record<string, unknown>>): Answers | undefined {
  return Object.hasOwn(FAMILIES, family) ? FAMILIES[family]!(new Params(params)) : undefined;
}

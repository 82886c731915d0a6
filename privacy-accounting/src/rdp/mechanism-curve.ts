import { type GnMaxMechanism, type Mechanism, mechanismKey } from '../events/mechanisms/mechanism.js';
import type { NeighboringRelation } from '../relation.js';
import { composedDelta } from './approximate-delta.js';
import { boundedRangeRdpAt } from './bounded-range-rdp.js';
import { poissonGaussianCurve, remembered } from './curve-cache.js';
import { discreteLaplaceRdpAt } from './discrete-laplace-rdp.js';
import { divergenceOfExcess } from './finite-rdp.js';
import { gaussianRdpAt } from './gaussian-rdp.js';
import { gnMaxDataDependentRdp, gnMaxRdpAt } from './gn-max-rdp.js';
import { laplaceRdpAt, poissonLaplaceRdpAt } from './laplace-rdp.js';
import { mixtureOfGaussiansRdpAt } from './mixture-of-gaussians-rdp.js';
import { logExcessOfMoments } from './moment-sum.js';
import { atWholeOrders } from './poisson-discrete-rdp.js';
import { poissonPureDpRdpAt, pureDpRdpAt } from './pure-dp-rdp.js';
import { selectedAllocationCurve } from './random-allocation-rdp.js';
import { randomizedResponseRdpAt } from './randomized-response-rdp.js';
import { type RdpCurve, repeatAndSelectCurve } from './repeat-and-select-rdp.js';
import { copiesOfRecord, withReplacementGaussianRdpAt } from './with-replacement-rdp.js';
import { withoutReplacementGaussianRdpAt } from './without-replacement-rdp.js';

/** α ↦ RDP(α) of a mechanism, but for an event of probability `delta`, which is added to δ. */
export interface MechanismCurve {
  readonly curve: RdpCurve;
  readonly delta: number;
  /**
   * Whether (α − 1)·RDP(α) is convex, as that of a pair of distributions is: then the best order is found by bisection.
   * Bounds need not be; of what is not known to be convex many orders are tried.
   */
  readonly convex: boolean;
}

/** What the Rényi bounds of a mechanism depend on, beside itself. */
export interface CurveOptions {
  /** Whether GNMax may be bounded by its votes (which makes the result data-dependent). */
  readonly dataDependent: boolean;
}

/** Why there is no Rényi bound of `mechanism` under `relation`; undefined when there is one. */
export function rdpRefusal(mechanism: Mechanism, relation: NeighboringRelation): string | undefined {
  switch (mechanism.kind) {
    case 'gaussian':
      if (mechanism.samplingProbability === 1 || relation !== 'replace-one') return undefined;
      return (
        'no Rényi divergence is known for a Poisson-sampled Gaussian under replace-one. ' +
        'Use add-or-remove-one or replace-special.'
      );
    case 'truncatedPoissonGaussian':
      return 'no Rényi divergence is known for truncated Poisson samples. Use the pld accountant.';
    case 'repeatAndSelect':
      for (const part of mechanism.parts) {
        const reason = rdpRefusal(part.mechanism, relation);
        if (reason !== undefined) return reason;
        if (mechanismCurve(part.mechanism, { dataDependent: false }).delta > 0) {
          return 'repeated runs with a δ of their own have no bound: what is selected may be what failed.';
        }
      }
      return undefined;
    default:
      return undefined;
  }
}

/** The Rényi bound of a mechanism that {@link rdpRefusal} does not refuse. Values are remembered between calls. */
export function mechanismCurve(mechanism: Mechanism, options: CurveOptions): MechanismCurve {
  switch (mechanism.kind) {
    case 'gaussian': {
      const { samplingProbability: q, noiseMultiplier: sigma, noise } = mechanism;
      // Cheaper than looking it up.
      if (q === 1) return exactly((order) => gaussianRdpAt(sigma, order));
      const curve = poissonGaussianCurve(q, sigma);
      return exactly(noise === 'discrete' ? atWholeOrders(curve) : curve);
    }
    case 'gnMax':
      return options.dataDependent
        ? { ...exactly((order) => gnMaxDependent(mechanism, order)), convex: false }
        : exactly((order) => gnMaxRdpAt(mechanism.standardDeviation, order));
    default: {
      let bound = bounds.get(mechanism);
      if (bound === undefined) {
        const { curve, ...rest } = newCurve(mechanism);
        bound = { curve: remembered(mechanismKey(mechanism), curve), ...rest };
        bounds.set(mechanism, bound);
      }
      return bound;
    }
  }
}

/** By mechanism, as long as something holds it. */
const bounds = new WeakMap<Mechanism, MechanismCurve>();

function exactly(curve: RdpCurve): MechanismCurve {
  return { curve, delta: 0, convex: true };
}

function gnMaxDependent(
  { standardDeviation: sigma, logNonPlurality: logOther }: GnMaxMechanism,
  order: number,
): number {
  return logOther < 0 ? gnMaxDataDependentRdp({ logOther, sigma, order }) : gnMaxRdpAt(sigma, order);
}

function newCurve(mechanism: Mechanism): MechanismCurve {
  switch (mechanism.kind) {
    case 'laplace': {
      const { samplingProbability: q, parameter } = mechanism;
      // 1/b is rounded up, so that no ε is below the true one.
      const epsilon = (1 / parameter) * (1 + Number.EPSILON);
      return exactly((order) =>
        q === 1 ? laplaceRdpAt(epsilon, order) : poissonLaplaceRdpAt(q, epsilon, order),
      );
    }
    case 'discreteGaussian': {
      const sigma = mechanism.sigma / mechanism.sensitivity;
      // Exact at whole orders, and the continuous Gaussian's in between; Canonne, Kamath & Steinke 2020, Prop. 5.
      return exactly((order) => gaussianRdpAt(sigma, order) * (1 + 4 * Number.EPSILON));
    }
    case 'discreteLaplace':
      return exactly((order) => discreteLaplaceRdpAt(1, mechanism.parameter, mechanism.sensitivity, order));
    case 'mixtureOfGaussians':
      return exactly((order) =>
        mixtureOfGaussiansRdpAt(
          mechanism.noiseMultiplier,
          mechanism.sensitivities,
          mechanism.probabilities,
          order,
        ),
      );
    case 'randomizedResponse':
      return exactly((order) => {
        const relation = mechanism.against === 'blank' ? 'replace-special' : 'replace-one';
        return randomizedResponseRdpAt(mechanism.noiseParameter, mechanism.buckets, relation, order);
      });
    case 'exponentialMechanism':
      return exactly((order) => boundedRangeRdpAt(mechanism.epsilon, order));
    case 'reportNoisyMax':
      return exactly((order) => pureDpRdpAt(mechanism.epsilon, order));
    case 'epsilonDelta':
      return { ...exactly((order) => pureDpRdpAt(mechanism.epsilon, order)), delta: mechanism.delta };
    case 'zCDP':
      return exactly((order) => (mechanism.xi + mechanism.rho * order) * (1 + 2 * Number.EPSILON));
    case 'poissonSampled':
      return poissonSampledCurve(mechanism.samplingProbability, mechanism.parts);
    case 'sampledWithoutReplacementGaussian': {
      const q = mechanism.sampleSize / mechanism.datasetSize;
      return exactly((order) => withoutReplacementGaussianRdpAt(q, mechanism.noiseMultiplier, order));
    }
    case 'sampledWithReplacementGaussian': {
      const copies = copiesOfRecord(mechanism.datasetSize, mechanism.sampleSize);
      const { noiseMultiplier } = mechanism;
      return {
        ...exactly((order) => withReplacementGaussianRdpAt(copies, noiseMultiplier, order)),
        delta: copies.delta,
      };
    }
    case 'randomAllocationGaussian': {
      const { steps, selected, noiseMultiplier } = mechanism;
      return { ...exactly(selectedAllocationCurve(steps, selected, noiseMultiplier)), convex: false };
    }
    case 'repeatAndSelect': {
      if (mechanism.parts.length === 0) return exactly(() => 0);
      const run = composedCurve(
        mechanism.parts.map((part) => ({
          ...mechanismCurve(part.mechanism, { dataDependent: false }),
          count: part.count,
        })),
      );
      const curve = repeatAndSelectCurve(remembered(undefined, run), mechanism);
      return { ...exactly(curve), convex: mechanism.shape !== 'poisson' };
    }
    default:
      return exactly(() => Number.POSITIVE_INFINITY);
  }
}

/** Σ count·RDP(α). */
export function composedCurve(
  parts: readonly { readonly curve: RdpCurve; readonly count: number }[],
): RdpCurve {
  return (order) => {
    let sum = 0;
    for (const { curve, count } of parts) sum += count * curve(order);
    return sum;
  };
}

/** Above this order the moments are not added up one by one. */
const LARGEST_SUMMED_ORDER = 1024;

/**
 * Several releases of one Poisson sample: at whole orders the binomial sum over the moments of the unsampled
 * composition (see `logExcessOfMoments`), and (α − 1)·RDP(α), which is convex, interpolated between them. Above order
 * 1024, joint convexity: A ≤ 1 − q + q·A_unsampled. Upper bound.
 *
 * That is the direction "removed", (1 − q)Q + qP against Q, of a pair (P, Q) that dominates the parts: a product of
 * pairs, in each of which P and Q are exchanged by a reflection (for a bounded-range part, the pair of what is
 * ε-private). So is the product's, and the direction "added" is the smaller one (see `atWholeOrders`, step 3). A
 * part's own δ counts with probability q: 1 − qδ of both sides is the sampled mechanism without it, mixed with
 * something that tells nothing.
 */
function poissonSampledCurve(
  q: number,
  parts: readonly { readonly mechanism: Mechanism; readonly count: number }[],
): MechanismCurve {
  const symmetric = parts.map(({ mechanism, count }) => {
    const { curve, delta } = mechanismCurve(mechanism, { dataDependent: false });
    const paired: RdpCurve =
      mechanism.kind === 'exponentialMechanism' ? (order) => pureDpRdpAt(mechanism.epsilon, order) : curve;
    return { curve: paired, delta, count };
  });
  const delta = q * composedDelta(symmetric) * (1 + 2 * Number.EPSILON);
  const single =
    parts.length === 1 && parts[0]!.count === 1 ? sampledAlone(q, parts[0]!.mechanism) : undefined;
  if (single !== undefined) return { ...exactly(single), delta };

  const whole = composedCurve(symmetric);
  const exponents: number[] = [0, 0];
  const exponentAt = (k: number) => {
    for (let next = exponents.length; next <= k; next++) exponents.push((next - 1) * whole(next));
    return exponents[k]!;
  };
  const logExcess = (order: number) =>
    order <= LARGEST_SUMMED_ORDER
      ? logExcessOfMoments(q, order, exponentAt)
      : Math.log(q) + (order - 1) * whole(order);
  const chord = atWholeOrders((order) => divergenceOfExcess(logExcess(order), order, 1 + 2e-12));
  return { curve: (order) => Math.min(whole(order), chord(order)), delta, convex: false };
}

/** What has a curve of its own when it is all that is released of a sample. */
function sampledAlone(q: number, mechanism: Mechanism): RdpCurve | undefined {
  switch (mechanism.kind) {
    case 'discreteLaplace':
      return (order) => discreteLaplaceRdpAt(q, mechanism.parameter, mechanism.sensitivity, order);
    case 'exponentialMechanism':
    case 'reportNoisyMax':
    case 'epsilonDelta':
      return (order) => poissonPureDpRdpAt(q, mechanism.epsilon, order);
    default:
      return undefined;
  }
}

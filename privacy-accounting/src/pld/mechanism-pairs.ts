import type { Mechanism } from '../events/mechanisms/mechanism.js';
import type { NeighboringRelation } from '../relation.js';
import { symmetrisedPair } from './combined-pairs.js';
import type { DominatingPair } from './dominating-pair.js';
import { boundedRangePair } from './exponential-pair.js';
import {
  gaussianPair,
  mixtureOfGaussiansPair,
  poissonGaussianExchangePair,
  poissonGaussianPair,
} from './gaussian-pairs.js';
import {
  discreteGaussianAtoms,
  discreteGaussianPair,
  discreteLaplacePair,
  epsilonDeltaPair,
  MOST_ATOMS,
  randomizedResponseBlankPair,
  randomizedResponsePair,
} from './pairs-discrete.js';
import { laplacePair } from './pairs-laplace.js';
import { randomAllocationPair } from './random-allocation-pair.js';
import { truncatedPoissonGaussianPair } from './truncated-poisson-pair.js';

/** A dominating pair, or a sentence that says why there is none and what would work. */
export type PairReading =
  | {
      readonly kind: 'pair';
      readonly pair: () => DominatingPair;
      /** How often the pair is composed for one mechanism; once unless given. */
      readonly times?: number;
      /** The pair itself is an upper bound: what bounds it from below says nothing of the mechanism. */
      readonly isUpper?: boolean;
    }
  | { readonly kind: 'nonPrivate'; readonly reason: string }
  | { readonly kind: 'none'; readonly reason: string };

const TOO_WIDE = `it has more than ${MOST_ATOMS} outcomes that matter, which are not enumerated. Use the rdp accountant, or a coarser grid.`;

const pairOf = (pair: () => DominatingPair) => ({ kind: 'pair', pair }) as const;
const none = (reason: string): PairReading => ({ kind: 'none', reason });

/** The one table from mechanisms to pairs (P, Q) under `relation`; (Q, P) is the other direction. */
export function pairForMechanism(mechanism: Mechanism, relation: NeighboringRelation): PairReading {
  switch (mechanism.kind) {
    case 'gaussian': {
      const { samplingProbability: q, noiseMultiplier: sigma } = mechanism;
      if (mechanism.noise === 'discrete') {
        return none(
          'discrete Gaussian noise on a vector is not the same in every direction, and no privacy loss distribution is ' +
            'known that dominates all of them. Use the rdp accountant.',
        );
      }
      if (sigma === 0) return { kind: 'nonPrivate', reason: 'a sum was released without noise' };
      if (q === 1) return pairOf(() => gaussianPair(sigma));
      if (relation !== 'replace-one') {
        return pairOf(() => poissonGaussianPair({ samplingProbability: q, noiseMultiplier: sigma }));
      }
      // σ is relative to 2C there, the pair to C.
      return pairOf(() =>
        poissonGaussianExchangePair({
          samplingProbability: q,
          noiseMultiplier: 2 * sigma,
          there: 1,
          here: 1,
        }),
      );
    }
    case 'laplace':
      if (mechanism.samplingProbability < 1 && relation === 'replace-one') {
        return none('no pair is known for Poisson-sampled Laplace noise under replace-one.');
      }
      return pairOf(() => laplacePair(mechanism));
    case 'discreteGaussian':
      return discreteGaussianAtoms(mechanism) > MOST_ATOMS
        ? none(TOO_WIDE)
        : pairOf(() => discreteGaussianPair(mechanism));
    case 'discreteLaplace':
      return mechanism.sensitivity > MOST_ATOMS
        ? none(TOO_WIDE)
        : pairOf(() => discreteLaplacePair(mechanism));
    case 'mixtureOfGaussians':
      if (relation === 'replace-one') {
        return none('no pair is known for a mixture of Gaussians under replace-one. Use add-or-remove-one.');
      }
      return pairOf(() => mixtureOfGaussiansPair(mechanism));
    case 'randomizedResponse':
      return pairOf(() =>
        mechanism.against === 'blank'
          ? randomizedResponseBlankPair(mechanism)
          : randomizedResponsePair(mechanism),
      );
    case 'exponentialMechanism':
      // The worst of many mechanisms, which none is alone.
      return { ...pairOf(() => boundedRangePair(mechanism.epsilon)), isUpper: true };
    case 'reportNoisyMax':
      return pairOf(() => epsilonDeltaPair({ epsilon: mechanism.epsilon, delta: 0 }));
    case 'epsilonDelta':
      return pairOf(() => epsilonDeltaPair(mechanism));
    case 'truncatedPoissonGaussian':
      return pairOf(() => truncatedPoissonGaussianPair({ ...mechanism, relation }));
    case 'sampledWithoutReplacementGaussian': {
      const { sampleSize, datasetSize, noiseMultiplier } = mechanism;
      const samplingProbability = sampleSize / datasetSize;
      // Either of two pairs may be the worse, at another ε: no mechanism has both.
      const pair = () => {
        const poisson = poissonGaussianPair({ samplingProbability, noiseMultiplier });
        return symmetrisedPair(`without replacement ${poisson.key}`, poisson);
      };
      return { ...pairOf(pair), isUpper: true };
    }
    case 'zCDP':
      return none(
        'zCDP says nothing about the distribution of the privacy loss. Use the zcdp or rdp accountant.',
      );
    case 'poissonSampled':
      return none('no pair is computed for several releases of one sample. Use the rdp accountant.');
    case 'sampledWithReplacementGaussian':
      return none('no pair is computed for sampling with replacement. Sample without, or Poisson.');
    case 'randomAllocationGaussian': {
      const { noiseMultiplier, selected } = mechanism;
      const steps = Math.floor(mechanism.steps / selected);
      return {
        ...pairOf(() => randomAllocationPair({ noiseMultiplier, steps })),
        isUpper: true,
        times: selected,
      };
    }
    case 'repeatAndSelect':
      return none(
        'only Rényi bounds are known for the best of a random number of runs. Use the rdp accountant.',
      );
    case 'gnMax':
      return none('a data-dependent PATE answer has Rényi bounds only. Use the rdp accountant.');
  }
}

import type { Mechanism, MechanismCount } from '../events/mechanisms/mechanism.js';
import { amplifiedByPoissonSampling } from './amplification.js';
import { sumOfEpsilons } from './basic-composition.js';
import { jointDelta, type ParameterGroup, requireParameters } from './parameters.js';

/** ε and δ of one mechanism. */
interface EpsilonDelta {
  readonly epsilon: number;
  readonly delta: number;
}

const ROUND_UP = 1 + 8 * Number.EPSILON;

/**
 * The (ε, δ) of a mechanism that has them without a choice: pure ones, and those that are stated so; rounded up.
 * Undefined for the rest: a Gaussian has an ε for every δ, and which to spend is not this table's to decide.
 *
 * Sampled ones are amplified; several releases of one sample are composed before (Σε, 1 − Π (1 − δ)).
 * Sources: Dwork et al. 2006 (Laplace), Ghosh et al. 2012 (geometric), Warner 1965, McSherry & Talwar 2007.
 */
export function parametersOf(mechanism: Mechanism): EpsilonDelta | undefined {
  switch (mechanism.kind) {
    case 'laplace':
      return sampled(mechanism.samplingProbability, pure(1 / mechanism.parameter));
    case 'discreteLaplace':
      return pure(mechanism.parameter * mechanism.sensitivity);
    case 'randomizedResponse': {
      const { buckets, noiseParameter, against } = mechanism;
      if (against === 'blank') {
        return pure(Math.max(Math.log1p((buckets - 1) * (1 - noiseParameter)), -Math.log(noiseParameter)));
      }
      const excess = (buckets * (1 - noiseParameter)) / noiseParameter;
      // Where the quotient overflows, 1 is nothing beside it.
      return pure(
        excess < Number.POSITIVE_INFINITY ? Math.log1p(excess) : Math.log(buckets) - Math.log(noiseParameter),
      );
    }
    case 'exponentialMechanism':
    case 'reportNoisyMax':
      return { epsilon: mechanism.epsilon, delta: 0 };
    case 'epsilonDelta':
      return { epsilon: mechanism.epsilon, delta: mechanism.delta };
    case 'poissonSampled': {
      const parts = groupsOf(mechanism.parts);
      if (parts === undefined) return undefined;
      return sampled(mechanism.samplingProbability, {
        epsilon: sumOfEpsilons(parts),
        delta: jointDelta(parts),
      });
    }
    default:
      return undefined;
  }
}

/** {@link parametersOf}, undefined also where ε overflows: there is nothing to add up. */
export function finiteParametersOf(mechanism: Mechanism): EpsilonDelta | undefined {
  const parameters = parametersOf(mechanism);
  return parameters !== undefined && parameters.epsilon < Number.POSITIVE_INFINITY ? parameters : undefined;
}

/** Why there are none, for {@link finiteParametersOf} undefined. */
export function parameterRefusal(mechanism: Mechanism): string {
  if (parametersOf(mechanism) !== undefined)
    return 'its ε is larger than any number. State it as nonPrivate.';
  return (
    `a mechanism of kind ${mechanism.kind} has no single (ε, δ) to compose; it has a curve of them. Use the pld or rdp accountant, ` +
    'or state the release as an epsilonDelta event.'
  );
}

/** Everything as a multiset of (ε, δ); undefined if one part has none, or an ε that is not finite. */
export function groupsOf(mechanisms: readonly MechanismCount[]): readonly ParameterGroup[] | undefined {
  const parameters: (EpsilonDelta & { readonly count: number })[] = [];
  for (const { mechanism, count } of mechanisms) {
    const one = finiteParametersOf(mechanism);
    if (one === undefined) return undefined;
    parameters.push({ ...one, count });
  }
  return requireParameters(parameters);
}

function pure(epsilon: number): EpsilonDelta {
  return { epsilon: epsilon * ROUND_UP, delta: 0 };
}

function sampled(samplingProbability: number, base: EpsilonDelta): EpsilonDelta {
  return base.epsilon < Number.POSITIVE_INFINITY
    ? amplifiedByPoissonSampling({ samplingProbability, ...base })
    : base;
}

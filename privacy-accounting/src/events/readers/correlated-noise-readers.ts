import { describeValue, didYouMean, invalidArgument, requireRecord } from '../../arguments.js';
import { DpError } from '../../errors.js';
import type {
  CorrelatedNoiseEvent,
  MatrixParticipation,
  MatrixStrategy,
} from '../correlated-noise-events.js';
import { type EventReaders, FieldReader, type Fields } from './fields.js';

/** What rounding may add to a sum of scales that is exactly 1. */
const SUM_ROUNDING = 1e-12;

const NOISE = 'It is the standard deviation of the noise divided by the clipping norm.';

/** Readers of the events whose noise is shared between steps. */
export const CORRELATED_NOISE_READERS: EventReaders<CorrelatedNoiseEvent['type']> = {
  cyclicPoisson: {
    fields: ['samplingProbability', 'noiseMultiplier', 'iterations', 'bands'],
    read: (fields, context) => {
      const of = new FieldReader(fields, context);
      return {
        type: 'cyclicPoisson',
        samplingProbability: of.samplingProbability(),
        noiseMultiplier: of.noise(
          'noiseMultiplier',
          'It is the standard deviation of the noise divided by the clipping norm and by the largest column norm.',
        ),
        iterations: of.whole('iterations', 0, 'It is the number of steps of the whole run.'),
        bands: of.whole('bands', 1, 'It is the number of bands, and of groups of records.'),
      };
    },
  },
  singleEpochTreeAggregation: {
    fields: ['noiseMultiplier', 'stepCounts'],
    read: (fields, context) => {
      const of = new FieldReader(fields, context);
      return {
        type: 'singleEpochTreeAggregation',
        noiseMultiplier: of.noise('noiseMultiplier', NOISE),
        stepCounts: of.numbers(
          'stepCounts',
          'a whole number from 1 to 2^53 - 1',
          (count) => Number.isSafeInteger(count) && count >= 1,
          'They are the numbers of steps of the trees, one for each restart.',
        ),
      };
    },
  },
  matrixMechanism: {
    fields: ['noiseMultiplier', 'steps', 'strategy', 'participation'],
    read: (fields, context) => {
      const of = new FieldReader(fields, context);
      const steps = of.whole('steps', 1, 'It is the number of steps of the whole run.');
      return {
        type: 'matrixMechanism',
        noiseMultiplier: of.noise('noiseMultiplier', NOISE),
        steps,
        strategy: readStrategy(fields.strategy, `${context.path}.strategy`, steps),
        participation: readParticipation(fields.participation, `${context.path}.participation`),
      };
    },
  },
};

type Tagged = { readonly type: string };
type Variants<V extends Tagged> = {
  readonly [T in V['type']]: {
    readonly fields: readonly string[];
    readonly read: (of: FieldReader, path: string) => V;
  };
};

/** One of the tagged objects that `variants` describes, frozen; `fields` and errors as for events. */
function readTagged<V extends Tagged>(value: unknown, path: string, variants: Variants<V>): V {
  const types = Object.keys(variants) as V['type'][];
  const record: Fields = requireRecord(value, path, `an object with a type (${types.join(', ')})`);
  const type = types.find((name) => name === record.type);
  if (type === undefined) throw invalidArgument(`${path}.type`, `one of ${types.join(', ')}`, record.type);
  const { fields, read } = variants[type];
  for (const key of Object.keys(record)) {
    if (key === 'type' || fields.includes(key)) continue;
    const guess = didYouMean(key, fields);
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `${path}.${key} is not a field of ${describeValue(type).replace('the string ', '')} (${fields.length === 0 ? 'it has none' : fields.join(', ')}). ${
        guess === undefined
          ? 'Remove it: a field that the accountant ignored could change the bound.'
          : `Did you mean "${guess}"?`
      }`,
    );
  }
  return Object.freeze(read(new FieldReader(record, { path }), path));
}

function readStrategy(value: unknown, path: string, steps: number): MatrixStrategy {
  return readTagged<MatrixStrategy>(value, path, {
    banded: {
      fields: ['bands', 'squaredColumnNorms'],
      read: (of) => {
        const bands = of.whole('bands', 1, 'It is the number of non-zero diagonals.');
        const squaredColumnNorms = of.numbers(
          'squaredColumnNorms',
          'a finite number, 0 or larger',
          (norm) => norm >= 0,
          'They are the diagonal of CᵀC, one for each step.',
        );
        if (squaredColumnNorms.length !== steps) {
          throw new DpError(
            'DP_INVALID_ARGUMENT',
            `${path}.squaredColumnNorms must be as many as the steps, got ${squaredColumnNorms.length} for ${steps}.`,
          );
        }
        return { type: 'banded', bands, squaredColumnNorms };
      },
    },
    toeplitz: {
      fields: ['coefficients'],
      read: (of) => {
        const coefficients = of.numbers(
          'coefficients',
          'a finite number, 0 or larger',
          (coefficient) => coefficient >= 0,
          'They are the first column of C.',
        );
        const rising = coefficients.findIndex((c, i) => i > 0 && c > coefficients[i - 1]!);
        if (rising > 0) {
          throw invalidArgument(
            `${path}.coefficients[${rising}]`,
            `at most the one before it, ${coefficients[rising - 1]}`,
            coefficients[rising],
            'The sensitivity is known for coefficients that do not increase.',
          );
        }
        if (coefficients[0] === 0) {
          throw invalidArgument(`${path}.coefficients[0]`, 'above 0', 0, 'It is the diagonal of C.');
        }
        return { type: 'toeplitz', coefficients };
      },
    },
    blt: {
      fields: ['outputScales', 'bufferDecays'],
      read: (of) => {
        const outputScales = of.numbers(
          'outputScales',
          'a finite number, 0 or larger',
          (scale) => scale >= 0,
          'They are the ω of C[i, j] = Σ ω θ^(i - j - 1).',
        );
        const bufferDecays = of.numbers(
          'bufferDecays',
          'a number from 0 to below 1',
          (decay) => decay >= 0 && decay < 1,
          'They are the θ of C[i, j] = Σ ω θ^(i - j - 1).',
        );
        if (bufferDecays.length !== outputScales.length) {
          throw new DpError(
            'DP_INVALID_ARGUMENT',
            `${path}.bufferDecays must be as many as the outputScales, got ${bufferDecays.length} for ${outputScales.length}.`,
          );
        }
        const sum = outputScales.reduce((total, scale) => total + scale, 0);
        if (sum > 1 + SUM_ROUNDING) {
          throw invalidArgument(
            `${path}.outputScales`,
            'numbers with a sum of at most 1',
            outputScales,
            `Their sum is ${sum}; the sensitivity is known for coefficients that do not increase.`,
          );
        }
        return { type: 'blt', outputScales, bufferDecays };
      },
    },
    tree: { fields: [], read: () => ({ type: 'tree' }) },
  });
}

function readParticipation(value: unknown, path: string): MatrixParticipation {
  return readTagged<MatrixParticipation>(value, path, {
    single: { fields: [], read: () => ({ type: 'single' }) },
    fixed: {
      fields: ['participations', 'period'],
      read: (of) => ({
        type: 'fixed',
        participations: of.whole('participations', 1, 'It is the number of steps of one record.'),
        period: of.whole('period', 1, 'It is the number of steps from one participation to the next.'),
      }),
    },
    minSeparation: {
      fields: ['separation', 'maxParticipations'],
      read: (of) => {
        const separation = of.whole(
          'separation',
          1,
          'It is the least distance between two steps of one record.',
        );
        if (!of.has('maxParticipations')) return { type: 'minSeparation', separation };
        const maxParticipations = of.whole(
          'maxParticipations',
          1,
          'It is the largest number of steps of one record; leave it out when only the separation limits it.',
        );
        return { type: 'minSeparation', separation, maxParticipations };
      },
    },
  });
}

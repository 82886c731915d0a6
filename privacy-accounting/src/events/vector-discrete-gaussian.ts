import { requireNumber } from '../arguments.js';
import type { NeighboringRelation } from '../relation.js';
import type { VectorDiscreteGaussianEvent } from './dp-event.js';

/** Covers the three roundings of C + γ√d in float64. */
const ROUNDED_UP = 1 + 4 * Number.EPSILON;

/** C + γ√d, rounded up. */
function sensitivityWithRounding(l2NormClip: number, granularity: number, dimension: number): number {
  return (l2NormClip + granularity * Math.sqrt(dimension)) * ROUNDED_UP;
}

/** Checks the fields of a `vectorDiscreteGaussian` event, each by itself and against the others. */
export function readVectorDiscreteGaussian(
  fields: Readonly<Record<string, unknown>>,
  path: string,
): VectorDiscreteGaussianEvent {
  const positive = (value: unknown, name: string, what: string) =>
    requireNumber(value, `${path}.${name}`, 'a finite number above 0', (number) => number > 0, what);
  const granularity = positive(fields.granularity, 'granularity', 'It is the step of the grid.');
  const dimension = requireNumber(
    fields.dimension,
    `${path}.dimension`,
    'a whole number from 1 to 2^53 - 1',
    (d) => Number.isSafeInteger(d) && d >= 1,
    'It is the number of coordinates that are rounded and released.',
  );
  const standardDeviation = requireNumber(
    fields.standardDeviation,
    `${path}.standardDeviation`,
    'a finite number, 0 (no noise, not private) or larger',
    (s) => s >= 0,
    'It is the parameter of the noise, in the units of the sum.',
  );
  const l2NormClip = positive(
    fields.l2NormClip,
    'l2NormClip',
    'It is the clipping norm, in the units of the sum.',
  );
  const demanded = sensitivityWithRounding(l2NormClip, granularity, dimension);
  // One that was itself C + γ√d in float64, rounded to nearest, is accepted; accountants round up.
  const least = demanded / ROUNDED_UP / ROUNDED_UP;
  const l2Sensitivity = requireNumber(
    fields.l2Sensitivity ?? demanded,
    `${path}.l2Sensitivity`,
    `a finite number of at least l2NormClip + granularity * sqrt(dimension) = ${demanded}`,
    (sensitivity) => sensitivity >= least,
    'Rounding to the grid moves neighbouring sums further apart.',
  );
  return {
    type: 'vectorDiscreteGaussian',
    granularity,
    dimension,
    standardDeviation: standardDeviation + 0, // JSON has no −0
    l2NormClip,
    l2Sensitivity,
  };
}

/**
 * Noise standard deviation / L2 sensitivity under `relation`, rounded down: C + γ√d when a contribution appears,
 * disappears or becomes zero, 2C + γ√d when it is exchanged (the sum is rounded once, whatever its neighbour).
 */
export function discreteNoiseMultiplier(
  event: VectorDiscreteGaussianEvent,
  relation: NeighboringRelation,
): number {
  const exchanged = relation === 'replace-one' ? event.l2NormClip : 0;
  const sensitivity = (event.l2Sensitivity + exchanged) * ROUNDED_UP * ROUNDED_UP;
  return event.standardDeviation / sensitivity;
}

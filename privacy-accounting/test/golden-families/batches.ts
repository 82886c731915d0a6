import { PldAccountant, randomAllocationEpsilon, shuffleDeltaFloor } from 'privacy-accounting';
import { dpSgd } from './events.js';
import type { Family, Params } from './params.js';

/** Every record in one of the steps; the package bounds no other number of them. */
const oneOf = (p: Params) => (p.number('selected', 1) === 1 ? p.number('steps') : undefined);

/** Shuffled batches, and batches to which records are allocated at random. */
export const BATCH_FAMILIES: Readonly<Record<string, Family>> = {
  random_allocation: (p) => {
    const steps = oneOf(p);
    if (steps === undefined) return undefined;
    const round = { noiseMultiplier: p.number('sigma'), steps };
    return { epsilon: p.numbers('deltas').map((delta) => randomAllocationEpsilon(round, { delta })) };
  },
  random_allocation_bounds: (p) => {
    const steps = oneOf(p);
    if (steps === undefined) return undefined;
    const round = { noiseMultiplier: p.number('sigma'), steps };
    return { epsilon: randomAllocationEpsilon(round, { delta: p.number('delta') }) };
  },
  shuffle_lower_bound: (p) => {
    const [sigma, stepsPerEpoch] = [p.number('sigma'), p.number('steps_per_epoch')];
    const [epochs, epsilon] = [p.number('epochs', 1), p.number('epsilon')];
    const relation = p.relation('replace-special');
    const run = { noiseMultiplier: sigma, stepsPerEpoch, epochs, relation };
    const poisson = new PldAccountant({ relation }).compose(
      dpSgd(1 / stepsPerEpoch, sigma, stepsPerEpoch * epochs),
    );
    return {
      delta_lower: shuffleDeltaFloor(run, { epsilon }).delta,
      delta_poisson_upper: poisson.getDelta(epsilon).delta,
    };
  },
};

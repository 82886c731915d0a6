import {
  CertifiedPldAccountant,
  calibrateNoiseMultiplier,
  gaussian,
  PldAccountant,
  poissonSampled,
  RdpAccountant,
  selfComposed,
} from 'privacy-accounting';
import { STEP_COUNTS } from './targets.js';

const RELATION = { relation: 'add-or-remove-one' } as const;
const [Q, SIGMA, STEPS, DELTA, TARGET_EPSILON, INTERVAL] = [0.01, 1.1, 10_000, 1e-5, 3, 1e-4];

/** The i-th round's parameter: another one in its ninth digit, so that nothing kept from earlier rounds helps. */
const varied = (value: number, i: number) => value * (1 + 1e-9 * i);

const step = (sigma: number) =>
  poissonSampled({ samplingProbability: Q, event: gaussian({ noiseMultiplier: sigma }) });
const run = (sigma: number, steps = STEPS) => selfComposed({ count: steps, event: step(sigma) });

/** What is asked in round i, and answered by numbers. */
export const ASKED: Readonly<Record<string, (i: number) => Readonly<Record<string, number>>>> = {
  'pld-epsilon': (i) => {
    const accountant = new PldAccountant({ ...RELATION, valueDiscretizationInterval: INTERVAL });
    return { epsilon: accountant.compose(run(varied(SIGMA, i))).getEpsilon(DELTA).epsilon };
  },
  'certified-epsilon': (i) => {
    const accountant = new CertifiedPldAccountant(RELATION).compose(run(varied(SIGMA, i)));
    const { lower, upper } = accountant.getEpsilonInterval(DELTA);
    return { lower: lower.epsilon, upper: upper.epsilon };
  },
  'pld-calibration': (i) => {
    const { noiseMultiplier } = calibrateNoiseMultiplier({
      makeEvent: (sigma) => run(sigma),
      targetEpsilon: varied(TARGET_EPSILON, -i),
      delta: DELTA,
      ...RELATION,
      accountant: 'pld',
      tolerance: 1e-4,
    });
    return { sigma: noiseMultiplier };
  },
  'rdp-epsilon': (i) => ({
    epsilon: new RdpAccountant(RELATION).compose(run(varied(SIGMA, i))).getEpsilon(DELTA).epsilon,
  }),
  'single-steps': (i) => {
    const accountant = new PldAccountant({ ...RELATION, valueDiscretizationInterval: INTERVAL });
    const event = step(varied(SIGMA, i));
    let epsilon = 0;
    for (let k = 0; k < 100; k++) epsilon = accountant.compose(event).getEpsilon(DELTA).epsilon;
    return { epsilon };
  },
  ...Object.fromEntries(
    STEP_COUNTS.map((steps) => [
      `pld-steps-${steps}`,
      (i: number) => ({
        epsilon: new PldAccountant(RELATION).compose(run(varied(SIGMA, i), steps)).getEpsilon(DELTA).epsilon,
      }),
    ]),
  ),
};

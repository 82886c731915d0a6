import { calibrate, laplace, type NeighboringRelation } from 'privacy-accounting';
import { dpSgd, repeated } from './events.js';
import type { Family, Params } from './params.js';

const target = (p: Params): { epsilon: number; delta: number; relation: NeighboringRelation } => ({
  epsilon: p.number('epsilon'),
  delta: p.number('delta'),
  relation: p.relation(),
});

const sigmaBy =
  (accountant: 'rdp' | 'pld'): Family =>
  (p) => {
    const makeEvent = (sigma: number) => dpSgd(p.number('q', 1), sigma, p.number('steps', 1));
    const { value } = calibrate({ find: 'noiseMultiplier', makeEvent, ...target(p), accountant });
    return { sigma: value };
  };

/** From a target back to a parameter. */
export const CALIBRATION_FAMILIES: Readonly<Record<string, Family>> = {
  calibrate_sigma_rdp: sigmaBy('rdp'),
  calibrate_sigma_pld: sigmaBy('pld'),
  calibrate_steps: (p) => {
    const makeEvent = (steps: number) => dpSgd(p.number('q', 1), p.number('sigma'), steps);
    const { value } = calibrate({ find: 'steps', makeEvent, ...target(p), accountant: 'pld' });
    return { steps: value };
  },
  calibrate_sampling_rate: (p) => {
    const makeEvent = (q: number) => dpSgd(q, p.number('sigma'), p.number('steps', 1));
    const { value } = calibrate({ find: 'samplingProbability', makeEvent, ...target(p), accountant: 'pld' });
    return { q: value };
  },
  calibrate_laplace: (p) => {
    const makeEvent = (parameter: number) => repeated(p.number('queries', 1), laplace({ parameter }));
    const find = { name: 'parameter', whole: false, privateSide: 'large', from: 1e-6, to: 1e9 } as const;
    const { value } = calibrate({ find, makeEvent, ...target(p), accountant: 'pld' });
    // The parameter is the scale over the sensitivity; the case wants the scale.
    return { parameter: value * p.number('sensitivity', 1) };
  },
};

import type { DpEvent } from '../events/dp-event.js';
import { describeRelease } from './describe-release.js';

export { formatCount, formatNumber } from './format-number.js';

/** What must hold in the world for the bound of an event to be true, as full sentences' ends. */
export interface EventDescription {
  /** What was done, as a noun phrase. */
  readonly release: string;
  /** What the bound takes for granted. */
  readonly assumptions: readonly string[];
}

/** What each kind of event takes for granted: many kinds share a list. `nothing else was released` always comes last. */
const NOISY_SUM = [
  'each example’s contribution was clipped before it was added up',
  'the noise was fresh, secret and of the stated size',
];
const NOISY_QUERY = [
  'one example moves the query by at most the stated sensitivity',
  'the noise was fresh, secret and of the stated size',
];
const FIXED_SIZES = [
  'samples were drawn afresh, secretly and uniformly, from a number of examples that is public',
];
const OWN_STEPS = [
  'every example took part in no more steps than stated, and the steps that other examples took part in do not depend on it',
];
const CLAIM = ['the stated guarantee of that mechanism holds'];

const ASSUMPTIONS: Readonly<Record<DpEvent['type'], readonly string[]>> = {
  noOp: [],
  nonPrivate: [],
  unsupported: [],
  composed: [],
  selfComposed: [],
  gaussian: NOISY_SUM,
  vectorDiscreteGaussian: NOISY_SUM,
  laplace: NOISY_SUM,
  adaptiveClip: [
    ...NOISY_SUM,
    'each example moved the count of unclipped examples by plus or minus one half',
  ],
  mixtureOfGaussians: [
    ...NOISY_SUM,
    'the size of each example’s contribution was drawn independently of all others, and kept secret',
  ],
  discreteGaussian: NOISY_QUERY,
  discreteLaplace: NOISY_QUERY,
  randomizedResponse: ['each example’s report was randomised once, by itself'],
  exponentialMechanism: CLAIM,
  epsilonDelta: CLAIM,
  zCDP: CLAIM,
  reportNoisyMax: [
    'one example moves each score by at most the stated sensitivity',
    'the noise was fresh and secret, and nothing but the winner’s name was shown',
  ],
  repeatAndSelect: [
    'the number of runs was drawn beforehand from the stated distribution and not shown, and only the best run’s result was looked at',
  ],
  gnMax: [
    'each example belongs to one teacher, whose vote alone it can change',
    'the noise was fresh, secret and of the stated size',
  ],
  poissonSampled: [
    'each batch held every example independently with the stated probability, which is public, and its size was not revealed',
  ],
  truncatedPoissonSampled: [
    'each batch held every example independently with the stated probability, which is public, and a random part of it was kept when it was too large',
    'the number of examples is public',
  ],
  sampledWithoutReplacement: FIXED_SIZES,
  sampledWithReplacement: FIXED_SIZES,
  shuffled: [
    'every example was in exactly one batch of each pass, and the number of examples and of batches is public',
  ],
  randomAllocation: [
    'the steps of each example were drawn afresh in each round, uniformly, secretly and independently of all other examples',
  ],
  cyclicPoisson: [
    'each example’s contribution was clipped before it was added up',
    'the noise was fresh, secret and of the stated size',
    'each example was put into one of the groups by itself, and sampled independently whenever its group’s turn came',
  ],
  singleEpochTreeAggregation: [...NOISY_SUM, ...OWN_STEPS],
  matrixMechanism: [...NOISY_SUM, ...OWN_STEPS],
};

/** Puts an event into words, with the assumptions that its kind of sampling brings. */
export function describeEvent(event: DpEvent): EventDescription {
  const types = new Set<DpEvent['type']>();
  collect(event, types, new Set());
  const assumptions = new Set<string>();
  for (const type of Object.keys(ASSUMPTIONS) as DpEvent['type'][]) {
    if (types.has(type)) for (const assumption of ASSUMPTIONS[type]) assumptions.add(assumption);
  }
  assumptions.add(
    'nothing else that was computed from the same examples was released (statistics, other runs, a choice of settings)',
  );
  return { release: describeRelease(event), assumptions: [...assumptions] };
}

function collect(event: DpEvent, types: Set<DpEvent['type']>, seen: Set<DpEvent>): void {
  if (seen.has(event)) return;
  seen.add(event);
  types.add(event.type);
  if (event.type === 'composed') for (const part of event.events) collect(part, types, seen);
  else if ('event' in event) collect(event.event, types, seen);
}

import {
  type AccountantChoice,
  DpError,
  type DpEvent,
  type EpsilonBound,
  epsilonOf,
  privacyStatement,
  requireRelation,
} from 'privacy-accounting';
import { eventOfReleases } from '../optimizer/index.js';
import { poissonSampler, shuffleSampler } from '../sampling/index.js';
import { type LoadedRun, runReleases } from '../training/index.js';

/** What a run claims about its privacy, taken from its record of steps. */
export interface RunClaim {
  readonly bound: EpsilonBound;
  readonly event: DpEvent;
  readonly statement: string;
}

/** A stated ε may be this much below the accountant's present one: accountants improve, and differ in rounding. */
const TOLERANCE = 0.01;

/**
 * The bound on everything that the run has on record, steps lost in a crash included. `stated` is what the run wrote
 * down when it ended, if it did: a smaller ε for the same steps means that one of the two was altered.
 *
 * @throws DpError `DP_CORRUPT` when the run contradicts itself.
 */
export function claimOf(run: LoadedRun, stated?: Readonly<Record<string, unknown>>): RunClaim {
  const { config, steps } = run;
  const { datasetSize, expectedBatchSize, delta } = config;
  const sampler =
    config.sampler === 'shuffle'
      ? shuffleSampler({ datasetSize, batchSize: expectedBatchSize })
      : poissonSampler({ datasetSize, expectedBatchSize });
  const event = eventOfReleases(sampler, runReleases(config, steps));
  const bound = epsilonOf(event, {
    delta,
    relation: requireRelation(config.relation, 'run.json: config.relation'),
    accountant: config.accountant as AccountantChoice,
  });
  const written = stated?.steps === steps ? (stated.epsilon as { epsilon?: unknown } | undefined) : undefined;
  if (typeof written?.epsilon === 'number' && written.epsilon < bound.epsilon * (1 - TOLERANCE)) {
    throw new DpError(
      'DP_CORRUPT',
      `${run.path}: privacy.json states ε ≤ ${written.epsilon}, but the ${steps} steps on record amount to ` +
        `ε ≤ ${bound.epsilon}. One of them was altered since the run.`,
    );
  }
  if (stated?.steps === steps && JSON.stringify(stated.event) !== JSON.stringify(event)) {
    throw new DpError(
      'DP_CORRUPT',
      `${run.path}: privacy.json and run.json describe different steps. One of them was altered since the run.`,
    );
  }
  return { bound, event, statement: privacyStatement(bound, { event, datasetSize }) };
}

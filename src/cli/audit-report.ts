import { jsonNumber } from 'privacy-accounting';
import type { AuditResult } from '../audit/index.js';
import type { BackendInfo } from '../backend/index.js';
import { describeClipping, describeSchedule } from '../optimizer/index.js';
import type { ReportInput } from '../report/index.js';
import type { LoadedRun, RunConfig } from '../training/index.js';
import type { RunClaim } from './run-claim.js';

const ID = 'run';

/** One run and its audit as the document that the HTML page is drawn from. */
export function auditReport(parts: {
  readonly run: LoadedRun;
  readonly claim: RunClaim;
  readonly result: AuditResult;
  readonly backend: BackendInfo;
  readonly version: string;
}): ReportInput {
  const { run, claim, result, backend, version } = parts;
  const { config, versions } = run;
  const { epsilon, delta, relation, unit, accountant, warning } = claim.bound;
  return {
    schema: 'tfjs-privacy/report/1',
    title: `Privacy audit of ${run.path}`,
    created: result.created,
    summary: 'A saved training run, attacked as someone would who can question its model.',
    versions: { 'tfjs-privacy': version, ...versions },
    backend: {
      name: backend.name,
      reason: backend.reason,
      threads: backend.threads,
      version: backend.version,
    },
    dataset: {
      name: 'the run’s own',
      description:
        `${config.datasetSize} training examples. The audit looked at ${result.sample.members} of them and at ` +
        `${result.sample.nonMembers} that were left out.`,
      trainExamples: config.datasetSize,
    },
    runs: [
      {
        id: ID,
        name: run.path,
        private: epsilon < Number.POSITIVE_INFINITY,
        privacy: {
          epsilon: jsonNumber(epsilon),
          delta,
          relation,
          unit,
          accountant,
          statement: claim.statement,
          ...(warning === undefined ? {} : { warning }),
        },
        datasetSize: config.datasetSize,
        steps: run.steps,
        noiseMultiplier: config.noiseMultiplier,
        l2NormClip: config.l2NormClip,
        ...planOf(config),
        expectedBatchSize: config.expectedBatchSize,
        sampler: config.sampler,
        optimizer: config.optimizer,
        parameters: run.model.countParams(),
      },
    ],
    audits: [{ run: ID, result }],
    notes: [],
  };
}

/** What a run was started with beside plain numbers, in words; σ and C above are then the ones that claim least. */
function planOf(config: RunConfig): { readonly clipping?: string; readonly schedules?: string } {
  const { clipping, noise, multiplicity, noiseSchedule, clipSchedule, learningRate, weightAverageDecay } =
    config;
  const bounded = [
    ...(clipping === undefined ? [] : [describeClipping(clipping)]),
    ...(multiplicity === undefined ? [] : [`${multiplicity} views of an example averaged before`]),
  ];
  const changing = [
    ...(noiseSchedule === undefined ? [] : [`σ: ${describeSchedule(noiseSchedule)}`]),
    ...(clipSchedule === undefined ? [] : [`C: ${describeSchedule(clipSchedule)}`]),
    ...(learningRate === undefined ? [] : [`learning rate: ${describeSchedule(learningRate)}`]),
    ...(noise?.kind === 'discrete-gaussian' ? ['discrete noise'] : []),
    ...(weightAverageDecay === undefined ? [] : [`weights also averaged, decay ${weightAverageDecay}`]),
  ];
  return {
    ...(bounded.length === 0 ? {} : { clipping: bounded.join('; ') }),
    ...(changing.length === 0 ? {} : { schedules: changing.join('; ') }),
  };
}

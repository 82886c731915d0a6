import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import type { BackendInfo } from 'tfjs-privacy';
import { REPORT_SCHEMA, type ReportInput } from 'tfjs-privacy/report';
import type { Trained } from './train.js';

type Run = ReportInput['runs'][number];
type Curve = NonNullable<ReportInput['curves']>[number];

/** Who a run is in the report. */
export interface RunName {
  readonly id: string;
  readonly name: string;
  readonly group?: string;
}

/** Accuracy on test digits is public when the model is: a private model's is covered by its ε. */
const ON = 'MNIST test digits';

/** What every report of the examples says about where it was made. */
export function reportFrame(
  backend: BackendInfo,
): Pick<ReportInput, 'schema' | 'created' | 'versions' | 'backend'> {
  const { version } = createRequire(import.meta.url)('tfjs-privacy/package.json') as { version: string };
  return {
    schema: REPORT_SCHEMA,
    created: new Date().toISOString(),
    versions: {
      'tfjs-privacy': version,
      '@tensorflow/tfjs-core': tf.version_core,
      '@tensorflow/tfjs-layers': tfl.version_layers,
      node: process.versions.node,
    },
    backend: {
      name: backend.name,
      reason: backend.reason,
      threads: backend.threads,
      version: backend.version,
    },
  };
}

/** A trained classifier as a run of the report. */
export function runOf(name: RunName, trained: Trained, testExamples: number): Run {
  const { fit } = trained;
  const common = {
    ...name,
    accuracy: {
      value: trained.accuracy,
      examples: testExamples,
      on: ON,
      visibility: fit === undefined ? ('private value' as const) : ('public' as const),
    },
    seconds: trained.seconds,
    datasetSize: trained.examples,
    epochs: trained.epochs,
    steps: trained.steps,
    expectedBatchSize: trained.batchSize,
    optimizer: trained.optimizer,
    parameters: trained.model.countParams(),
  };
  if (fit === undefined) return { ...common, private: false, privacy: 'not private' };
  const { epsilon, delta, relation, unit, accountant, warning } = fit.privacy.epsilon;
  return {
    ...common,
    private: true,
    privacy: {
      epsilon: Number.isFinite(epsilon) ? epsilon : 'inf',
      delta,
      relation,
      unit,
      accountant,
      statement: fit.privacy.statement,
      ...(warning === undefined ? {} : { warning }),
    },
    noiseMultiplier: fit.privacy.noiseMultiplier,
    sampler: 'poisson',
    ...(trained.l2NormClip === undefined ? {} : { l2NormClip: trained.l2NormClip }),
  };
}

/** Accuracy and loss by epoch, and for a private run ε. */
export function curvesOf(run: string, { fit, accuracyByEpoch, lossByEpoch }: Trained): Curve[] {
  const curves: Curve[] = [
    {
      run,
      metric: 'accuracy',
      on: ON,
      visibility: fit === undefined ? 'private value' : 'public',
      points: accuracyByEpoch,
    },
    {
      run,
      metric: 'loss',
      on: 'training digits',
      visibility: 'private value',
      points: lossByEpoch.filter(([, loss]) => Number.isFinite(loss)),
    },
  ];
  if (fit !== undefined) {
    const points = fit.history.public.map(({ epoch, epsilon }): [number, number] => [epoch, epsilon.epsilon]);
    curves.push({ run, metric: 'epsilon', visibility: 'public', points });
  }
  return curves.filter(({ points }) => points.length > 0);
}

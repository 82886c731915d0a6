import type * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import { requireClipping } from './clipping/index.js';
import type { DpOptimizerOptions, SettledOptions } from './dp-optimizer-options.js';
import { requireNoise } from './noise-kind.js';
import { requireSchedule, type Schedule } from './schedules/index.js';

type ConfigDict = tf.serialization.ConfigDict;

/**
 * Options as tfjs saves them. What is nested is text, because tfjs rewrites the keys of nested configurations when it
 * loads them.
 */
export function saveOptions(options: SettledOptions): ConfigDict {
  const { l2NormClip, noiseMultiplier, expectedBatchSize, clipping, noise, learningRate, seed } = options;
  return {
    l2NormClip: saveNumber(l2NormClip),
    noiseMultiplier: saveNumber(noiseMultiplier),
    expectedBatchSize,
    ...(clipping.kind === 'flat' ? {} : { clipping: JSON.stringify(clipping) }),
    ...(noise.kind === 'gaussian' ? {} : { noise: JSON.stringify(noise) }),
    ...(learningRate === undefined ? {} : { learningRate: saveNumber(learningRate) }),
    ...(seed === undefined ? {} : { seed }),
  };
}

/** The inverse of {@link saveOptions}; what it returns is checked where an optimizer is made of it. */
export function loadOptions(config: ConfigDict): DpOptimizerOptions {
  const { clipping, noise, learningRate, seed } = config;
  const present = (value: unknown) => value !== undefined && value !== null;
  return {
    l2NormClip: loadNumber('l2NormClip', config.l2NormClip),
    noiseMultiplier: loadNumber('noiseMultiplier', config.noiseMultiplier),
    expectedBatchSize: config.expectedBatchSize as number,
    ...(present(clipping) ? { clipping: requireClipping(parse('clipping', clipping)) } : {}),
    ...(present(noise) ? { noise: requireNoise(parse('noise', noise)) } : {}),
    ...(present(learningRate) ? { learningRate: loadNumber('learningRate', learningRate) } : {}),
    ...(present(seed) ? { seed: seed as string | number } : {}),
  };
}

function saveNumber(value: number | Schedule): number | string {
  if (typeof value === 'object') return JSON.stringify(value);
  return Number.isFinite(value) ? value : 'inf';
}

function loadNumber(name: string, value: unknown): number | Schedule {
  if (value === 'inf') return Number.POSITIVE_INFINITY;
  return typeof value === 'string' ? requireSchedule(parse(name, value), name) : (value as number);
}

function parse(name: string, text: unknown): unknown {
  try {
    return JSON.parse(text as string);
  } catch {
    throw new DpError(
      'DP_CORRUPT',
      `Expected ${name} as JSON in the saved optimizer, got '${String(text).slice(0, 60)}'.`,
    );
  }
}

import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';

/** A tfjs optimizer as text: its registered class and its configuration. */
export interface InnerOptimizer {
  readonly className: string;
  readonly config: tf.serialization.ConfigDict;
}

export function innerConfig(inner: tf.Optimizer): { className: string; config: tf.serialization.ConfigDict } {
  return { className: inner.getClassName(), config: inner.getConfig() };
}

export function restoreInner(saved: InnerOptimizer): tf.Optimizer {
  const registered = tf.serialization.SerializationMap.getMap().classNameMap[saved.className];
  if (registered === undefined) {
    throw new DpError(
      'DP_CORRUPT',
      `Expected a registered optimizer class, got '${saved.className}'. Register it with ` +
        'tf.serialization.registerClass before loading.',
    );
  }
  const [optimizerClass, fromConfig] = registered;
  return fromConfig(optimizerClass, saved.config) as unknown as tf.Optimizer;
}

/** Throws `DP_INVALID_ARGUMENT` unless it has the methods of a tf.Optimizer. */
export function requireOptimizer(inner: unknown): void {
  const candidate = inner as Partial<tf.Optimizer> | null | undefined;
  if (typeof candidate?.applyGradients === 'function' && typeof candidate.getConfig === 'function') return;
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `Expected a tf.Optimizer such as tf.train.adam(1e-3), got ${inner === null ? 'null' : typeof inner}` +
      `${typeof inner === 'string' ? ` '${inner}'` : ''}.`,
  );
}

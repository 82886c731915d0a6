import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import { activeBackend, requireFaithfulBackend, requireLiveBackend } from '../backend/backend-health.js';

/**
 * Holds a run to backends that can be believed, step by step: variables that hold values, arithmetic that norms can
 * rest on, one backend from a step's first operation to its last, and none that lost what it held, this one or the
 * one before it, whose tensors tfjs moves over as the zeros that they read as.
 */
export class BackendWatch {
  private last: tf.KernelBackend | undefined;

  begin(variables: readonly tf.Variable[]): void {
    const backend = activeBackend();
    // tf.disposeVariables frees the values of variables that go on calling themselves undisposed.
    const { registeredVariables } = tf.engine();
    const freed = variables.find((variable) => registeredVariables[variable.name] !== variable);
    if (freed !== undefined) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected variables that are not disposed, got '${freed.name}', whose values tfjs has freed. ` +
          'After tf.disposeVariables() or tf.engine().reset() build the model again.',
      );
    }
    if (this.last !== undefined && this.last !== backend) requireLiveBackend(this.last);
    requireFaithfulBackend();
    this.last = backend;
  }

  end(): void {
    const backend = activeBackend();
    if (backend !== this.last) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected one backend for the whole step, got another, ${tf.getBackend()}, at its end. ` +
          'Call selectBackend or tf.setBackend between steps, not in the loss, and await it.',
      );
    }
    requireLiveBackend(backend);
  }
}

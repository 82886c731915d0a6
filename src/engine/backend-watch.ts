import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import { activeBackend, requireFaithfulBackend, requireLiveBackend } from '../backend/backend-health.js';

/**
 * Holds a run to backends that can be believed, step by step: variables that tfjs still knows, arithmetic that
 * norms can rest on, one backend from a step's first operation to its last, and none that lost what it held, this
 * one or the one before it, whose tensors tfjs moves over as the zeros that they read as.
 */
export class BackendWatch {
  private last: tf.KernelBackend | undefined;

  begin(variables: readonly tf.Variable[]): void {
    const backend = activeBackend();
    const { registeredVariables } = tf.engine();
    const unknown = variables.find((variable) => registeredVariables[variable.name] !== variable);
    if (unknown !== undefined) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected variables that are not disposed, got '${unknown.name}', which tfjs no longer knows. ` +
          'tf.disposeVariables() and tf.engine().reset() throw variables away: build the model again after them.',
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

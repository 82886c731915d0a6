import * as tf from '@tensorflow/tfjs-core';
import { BackwardPass } from './backward.js';
import { parameterGradients } from './collect-gradients.js';
import { proveIsolation } from './isolation/isolation.js';
import { defaultRules } from './rules/index.js';
import { recordTape } from './tape.js';

/** How the engine would form the gradients of a loss, found without forming their norms. */
export interface LossInspection {
  /** The variables that no rule serves: exact, by one backward pass an example. */
  readonly masked: readonly tf.Variable[];
  /** The variables that the examples' losses do not depend on. */
  readonly unreached: readonly tf.Variable[];
}

/**
 * Runs `f` once and says which rules would serve `variables`, which may be none. Gradients are also sent to the data
 * tensors `through`, as they would be if a trained layer had made them.
 *
 * Throws as `PerExampleEngine.clippedSum` does where examples are not kept apart. For looking at a model before
 * training, on public or made-up data: it shows nothing about values.
 */
export function inspectLoss(
  f: () => tf.Tensor,
  variables: readonly tf.Variable[],
  through: readonly tf.Tensor[] = [],
): LossInspection {
  let inspection: LossInspection | undefined;
  tf.tidy(() => {
    const tape = recordTape(f, { keepLeaves: false });
    try {
      const isolation = proveIsolation(tape);
      const pass = new BackwardPass(
        tape,
        isolation,
        [...variables, ...(through as tf.Variable[])],
        defaultRules,
      );
      const { fallback } = parameterGradients(pass, pass.seeds(), variables, isolation.batch);
      inspection = { masked: fallback, unreached: pass.unreached(variables) };
    } finally {
      tape.dispose();
    }
  });
  return inspection as LossInspection;
}

/** Whether `f` reads nothing but variables and numbers of its own: what a penalty that is not clipped must keep to. */
export function readsOnlyVariables(f: () => tf.Tensor): boolean {
  return tf.tidy(() => {
    const tape = recordTape(f, { keepLeaves: false });
    const own = [...tape.leaves.values()].every(({ origin }) => origin !== 'captured');
    tape.dispose();
    return own;
  });
}

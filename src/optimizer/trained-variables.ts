import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';

/**
 * The trainable ones among the given variables, each once; all that tfjs knows but those in `state`, when none are
 * given. Throws `DP_INVALID_ARGUMENT` when one is disposed or none is trainable.
 */
export function trainedVariables(
  varList: readonly tf.Variable[] | undefined,
  state: ReadonlySet<tf.Variable>,
): tf.Variable[] {
  const all =
    varList ?? Object.values(tf.engine().registeredVariables).filter((variable) => !state.has(variable));
  const disposed = all.find((variable) => variable.isDisposed);
  if (disposed !== undefined) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected variables that are still there, got '${disposed.name}', which was disposed. No step was taken.`,
    );
  }
  // A variable named twice would be clipped once and moved twice.
  const trainable = [...new Set(all)].filter((variable) => variable.trainable);
  if (trainable.length === 0) {
    throw new DpError('DP_INVALID_ARGUMENT', `Expected trainable variables, got none among ${all.length}.`);
  }
  return trainable;
}

/** Throws `DP_INVALID_ARGUMENT` unless these are the variables, by name and in any order, of the first step. */
export function requireSameVariables(first: readonly string[] | undefined, names: readonly string[]): void {
  if (first === undefined) return;
  const [before, now] = [new Set(first), new Set(names)];
  const gone = first.filter((name) => !now.has(name));
  const added = names.filter((name) => !before.has(name));
  if (gone.length === 0 && added.length === 0) return;
  const list = (what: string, which: readonly string[]) =>
    which.length === 0 ? [] : [`${which.map((name) => `'${name}'`).join(', ')} ${what}`];
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `Expected the ${first.length} variables of the first step, got others: ` +
      `${[...list('no longer trained', gone), ...list('new', added)].join('; ')}. The model was changed since. The ` +
      "inner optimizer's state belongs to the first list: undo the change, or make a new optimizer and compose both " +
      'events.',
  );
}

/** Throws `DP_INVALID_ARGUMENT` unless both lists hold the same variables: one logical batch has one list. */
export function requireOneList(before: readonly tf.Variable[], now: readonly tf.Variable[]): void {
  const ids = new Set(before.map(({ id }) => id));
  if (ids.size === now.length && now.every(({ id }) => ids.has(id))) return;
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    'Expected one list of variables for all physical batches of a step and for the step, got different ones.',
  );
}

/** The variables that an optimizer holds in its own fields: no loss depends on them. */
export function stateOf(optimizer: tf.Optimizer): Set<tf.Variable> {
  const found = new Set<tf.Variable>();
  for (const field of Object.values(optimizer)) {
    const entries: readonly unknown[] = Array.isArray(field) ? field : [field];
    for (const entry of entries) {
      // Moments are kept as { originalName, variable }.
      const held = entry instanceof tf.Variable ? entry : (entry as { variable?: unknown } | null)?.variable;
      if (held instanceof tf.Variable) found.add(held);
    }
  }
  return found;
}

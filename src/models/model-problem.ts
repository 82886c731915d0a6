import { DpError } from 'privacy-accounting';

/** What can be wrong with a model; a code never changes its meaning. */
export type ModelProblemCode =
  /** Statistics of the batch, and moving ones that publish data; frozen or not. */
  | 'batch-normalization'
  /** A recurrent layer that hands its state from one batch to the next. */
  | 'stateful'
  /** A random layer whose mask for a place in the batch is the same at every step. */
  | 'fixed-seed'
  /** A penalty on activations: a term of the loss that depends on data. */
  | 'activity-regularizer'
  /** Another loss term that reads something besides weights. */
  | 'loss-reads-data'
  /** An operation lets one example's data reach another's loss. */
  | 'mixes-examples'
  /** An operation of which it is not known whether it keeps examples apart, or that cannot be differentiated. */
  | 'unknown-operation'
  /** Nothing to train. */
  | 'no-trainable-weights'
  /** A trained weight on which no output depends: it would get noise and nothing else. */
  | 'unreached-weight'
  /** The model does not run on made-up inputs. */
  | 'cannot-run'
  /** The engine's gradients and TensorFlow.js's disagree. */
  | 'self-check'
  /** No rule for the operation that reads the weight: exact, by one backward pass an example. */
  | 'masked-fallback';

/** One thing that keeps a model from private training, or slows it down. */
export interface ModelProblem {
  /** Name of the layer, behind those of the models and wrappers that hold it: 'encoder/norm'. */
  readonly layer: string;
  readonly className: string;
  readonly problem: ModelProblemCode;
  /** `refused`: training stops with an error. `slow`: it is exact, and takes longer. */
  readonly severity: 'refused' | 'slow';
  readonly why: string;
  readonly whatToDo: string;
}

const ADVICE: Readonly<Record<ModelProblemCode, string>> = {
  'batch-normalization':
    'Replace it by groupNormalization: fixModel(model) does, and carries gamma and beta.',
  stateful: 'Set stateful to false: fixModel(model) does.',
  'fixed-seed': 'Leave the seed out: fixModel(model) does.',
  'activity-regularizer': 'Remove it, and penalise weights instead (kernelRegularizer).',
  'loss-reads-data': 'Add what depends on examples to the per-example loss, where it is clipped.',
  'mixes-examples': 'Remove or replace the operation: reduce, compare and normalise within the example only.',
  'unknown-operation':
    'Replace the operation by others of TensorFlow.js, or compute it beforehand on public data.',
  'no-trainable-weights': 'Set trainable to true on what is to be learnt.',
  'unreached-weight': 'Freeze the layer (trainable = false), or connect it to an output.',
  'cannot-run': 'Pass public example inputs: validateModel(model, { inputs }).',
  'self-check': 'Please report the layer and its options; meanwhile use another layer or backend.',
  'masked-fallback':
    'Nothing, if it is fast enough. Otherwise write a rule for the operation (CONTRIBUTING.md) or use another layer.',
};

export function problemOf(
  site: { readonly path: string; readonly className: string },
  problem: ModelProblemCode,
  why: string,
): ModelProblem {
  return {
    layer: site.path,
    className: site.className,
    problem,
    severity: problem === 'masked-fallback' ? 'slow' : 'refused',
    why,
    whatToDo: ADVICE[problem],
  };
}

/** The code for what the engine, or TensorFlow.js, threw at a model. */
export function codeOf(error: unknown): ModelProblemCode {
  if (!(error instanceof DpError)) return 'cannot-run';
  if (error.code === 'DP_CROSS_EXAMPLE') return 'mixes-examples';
  if (error.code === 'DP_UNSUPPORTED_OP') return 'unknown-operation';
  return error.code === 'DP_SELF_CHECK' ? 'self-check' : 'cannot-run';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

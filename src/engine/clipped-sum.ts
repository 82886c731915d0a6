import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import { BackendWatch } from './backend-watch.js';
import { BackwardPass } from './backward.js';
import { requireGroups, requireRescaling } from './clip-factors.js';
import { fallbackNorms, parameterGradients } from './collect-gradients.js';
import { type Isolation, proveIsolation } from './isolation/isolation.js';
import { RememberedProof } from './isolation/remembered-proof.js';
import { nonFiniteExamples, replaceRows } from './non-finite.js';
import { readNorms } from './norm-terms.js';
import type { ParameterGradient } from './parameter-gradient.js';
import { defaultRules, type OpRule } from './rules/index.js';
import { checkAgainstMaskedBackprop, checkPerturbation } from './self-check.js';
import type { StepObserver } from './step-observer.js';
import { recordTape, type Tape } from './tape.js';
import { guardWasmHeap } from './wasm-heap.js';
import {
  type ClippedSum,
  type ClippingOptions,
  roundingMargin,
  total,
  type UnbrandedSum,
  type Walk,
  weightedSums,
} from './weighted-sums.js';

/** Beyond this, float32 sums are too coarse for so large a batch. */
const LARGEST_MARGIN = 0.1;

/** The size that sums are taken to have where nothing was said. */
const DEFAULT_EXPECTED_BATCH = 16;

/** Squares of norms below this lose their digits in float32. */
const SMALLEST_CLIP = 1e-12;

/**
 * Per-example gradient clipping for functions over `tf.Variable`s.
 *
 * One engine serves one training run. On the first call, and whenever the computation changes, it checks
 * itself against masked back-propagation and perturbs one example; every call proves from the tape that
 * examples stay apart.
 */
export class PerExampleEngine {
  private readonly rules: readonly OpRule[];
  private readonly observer: StepObserver | undefined;
  private readonly checked = new Set<string>();
  private readonly perturbed = new Set<string>();
  private readonly proofs = new RememberedProof();
  private readonly watch = new BackendWatch();
  private keepLeaves = true;
  private scales: { readonly batch: number; readonly values: readonly number[] } | undefined;

  constructor(options: { readonly rules?: readonly OpRule[]; readonly observer?: StepObserver } = {}) {
    this.rules = options.rules ?? defaultRules;
    this.observer = options.observer;
  }

  /**
   * Runs `f` once and returns the clipped sum of its per-example gradients with respect to `variables`.
   *
   * `f` returns either per-example losses, shape [batch], or a scalar that is their mean or sum. The caller
   * disposes the result's tensors. Throws `DP_CROSS_EXAMPLE`, `DP_UNSUPPORTED_OP` or `DP_SELF_CHECK` before
   * anything is changed.
   */
  clippedSum(f: () => tf.Tensor, variables: readonly tf.Variable[], options: ClippingOptions): ClippedSum {
    const { l2NormClip, scale = 1, expectedBatchSize = DEFAULT_EXPECTED_BATCH } = options;
    if (!(roundingMargin(expectedBatchSize) < LARGEST_MARGIN)) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected an expectedBatchSize below ${Math.floor(LARGEST_MARGIN * 2 ** 23)}, got ${expectedBatchSize}: float32 ` +
          'sums of so many gradients are too coarse to bound one of them.',
      );
    }
    if (!(l2NormClip >= SMALLEST_CLIP)) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected l2NormClip of at least ${SMALLEST_CLIP}, got ${l2NormClip}.`,
      );
    }
    if (typeof f !== 'function') {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected a function that computes the losses, got ${typeof f}.`,
      );
    }
    if (!variables.every((variable) => variable instanceof tf.Variable && !variable.isDisposed)) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        'Expected variables to be tf.Variables that are not disposed.',
      );
    }
    if (variables.length === 0) {
      throw new DpError('DP_INVALID_ARGUMENT', 'Expected at least one trainable variable, got none.');
    }
    const { groups = [{ variables, l2NormClip }], rescaling = { kind: 'clip' } } = options;
    requireGroups(groups, variables, l2NormClip);
    requireRescaling(rescaling, l2NormClip);
    const clipping = { l2NormClip, scale, expectedBatchSize, groups, rescaling };
    let result: UnbrandedSum | undefined;
    guardWasmHeap();
    this.watch.begin(variables);
    try {
      tf.tidy(() => {
        result = this.attempt(f, variables, clipping, new Set());
      });
    } finally {
      // Where the backend was lost, that is the error, whatever came of it.
      this.endStep(result);
    }
    return result as ClippedSum;
  }

  private endStep(result: UnbrandedSum | undefined): void {
    try {
      this.watch.end();
    } catch (error) {
      const { sums = [], penalties = [], value } = result ?? {};
      tf.dispose([...sums, ...penalties, value].filter((tensor) => tensor !== null && tensor !== undefined));
      throw error;
    }
  }

  /**
   * One run of `f`. `excluded` examples contribute exactly zero: their rows are read as those of another example,
   * since zero times NaN is NaN in every product (rule 12).
   */
  private attempt(
    f: () => tf.Tensor,
    variables: readonly tf.Variable[],
    clipping: Required<ClippingOptions>,
    excluded: ReadonlySet<number>,
    substitutes?: ReadonlyMap<number, tf.Tensor>,
  ): UnbrandedSum {
    const tape = recordTape(f, { keepLeaves: this.keepLeaves, ...(substitutes ? { substitutes } : {}) });
    try {
      const walk = this.walk(tape, variables);
      const { isolation, pass, seeds, gradients, fallback } = walk;
      const signature = signatureOf(tape);
      const ruleNorms = readNorms(
        gradients.map((gradient) => gradient.normTerms()),
        isolation.batch,
      );
      const norms = total(ruleNorms, isolation.batch);
      let squares = squaresOf(gradients, ruleNorms, fallback, []);
      const bad = nonFiniteExamples(norms, seeds, isolation);
      for (const i of excluded) bad.add(i);
      const firstTime = !this.checked.has(signature);
      if (
        excluded.size === 0 &&
        bad.size > 0 &&
        bad.size < isolation.batch &&
        (firstTime || fallback.length > 0)
      ) {
        return this.attempt(f, variables, clipping, bad, replaceRows(tape, isolation, bad));
      }
      if (bad.size < isolation.batch) {
        const masked = fallbackNorms(fallback, pass, seeds, isolation.batch, this.observer);
        if (masked === undefined) {
          if (excluded.size > 0) throw notFinite(fallback);
          const found = this.probeExamples(f, variables, tape, isolation);
          if (found.size === 0) throw notFinite(fallback);
          if (found.size === isolation.batch) {
            return weightedSums({ tape, ...walk, squares, bad: found, variables, clipping });
          }
          return this.attempt(f, variables, clipping, found, replaceRows(tape, isolation, found));
        }
        squares = squaresOf(gradients, ruleNorms, fallback, masked);
        this.checkOnce(tape, signature, walk, ruleNorms, total([...squares.values()], isolation.batch));
      }
      return weightedSums({ tape, ...walk, squares, bad, variables, clipping });
    } finally {
      tape.dispose();
    }
  }

  /** The proof, the backward pass and the gradients of every parameter. */
  private walk(tape: Tape, variables: readonly tf.Variable[]): Walk {
    const isolation = this.proofs.prove(tape);
    this.requireSameScales(isolation.batch, isolation.scales);
    const pass = new BackwardPass(tape, isolation, variables, this.rules);
    if (!pass.reachesParameters) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        'Expected a loss that depends on at least one of the trainable variables, got one that depends on none.',
      );
    }
    requireReached(pass, variables);
    const seeds = pass.seeds();
    const { batch } = isolation;
    return {
      isolation,
      pass,
      seeds,
      ...parameterGradients(pass, seeds, variables, batch, this.observer),
    };
  }

  /**
   * The examples with infinite or NaN gradients, each tried in a batch of copies of itself. Only where a
   * parameter has no rule: there, one such example makes every other's gradient NaN.
   */
  private probeExamples(
    f: () => tf.Tensor,
    variables: readonly tf.Variable[],
    tape: Tape,
    isolation: Isolation,
  ): Set<number> {
    const found = new Set<number>();
    for (let i = 0; i < isolation.batch; i++) {
      tf.tidy(() => {
        const others = new Set(Array.from({ length: isolation.batch }, (_, k) => k).filter((k) => k !== i));
        const alone = recordTape(f, { keepLeaves: false, substitutes: replaceRows(tape, isolation, others) });
        try {
          const proof = proveIsolation(alone);
          const pass = new BackwardPass(alone, proof, variables, this.rules);
          const sums = pass.parameterSums(pass.seeds(), tf.ones([proof.batch]));
          const finite = [...sums.values()].every((sum) => tf.all(tf.isFinite(sum)).dataSync()[0] === 1);
          if (!finite) found.add(i);
        } finally {
          alone.dispose();
        }
      });
    }
    return found;
  }

  /** A public scale that changes when the size of the batch does is not public after all. */
  private requireSameScales(batch: number, values: readonly number[]): void {
    const before = this.scales;
    if (
      before !== undefined &&
      before.batch !== batch &&
      before.values.some((value, i) => value !== values[i])
    ) {
      throw new DpError(
        'DP_CROSS_EXAMPLE',
        `Expected the loss to be scaled by the same numbers for every batch, got ${before.values.join(', ')} for ` +
          `${before.batch} examples and ${values.join(', ')} for ${batch}. Return the per-example losses instead.`,
      );
    }
    this.scales = { batch, values };
  }

  private checkOnce(
    tape: Tape,
    signature: string,
    { isolation, pass, seeds, gradients }: Walk,
    ruleNorms: readonly Float64Array[],
    norms: Float64Array,
  ): void {
    if (!this.checked.has(signature)) {
      checkAgainstMaskedBackprop(pass, seeds, gradients, ruleNorms, norms);
      this.checked.add(signature);
    }
    if (!this.perturbed.has(signature) && isolation.batch > 1) {
      if (!this.keepLeaves) {
        // The computation changed: keep the leaves of the next step, so that it can be replayed.
        this.keepLeaves = true;
        return;
      }
      checkPerturbation(tape, isolation);
      this.perturbed.add(signature);
      this.keepLeaves = false;
    }
  }
}

/** Another backend is another computation: its kernels are checked as well. */
const signatureOf = (tape: Tape): string =>
  `${tf.getBackend()}:${tape.calls.map((call) => call.kernelName).join()}`;

function squaresOf(
  gradients: readonly ParameterGradient[],
  ruleNorms: readonly Float64Array[],
  fallback: readonly tf.Variable[],
  masked: readonly Float64Array[],
): Map<number, Float64Array> {
  const squares = new Map<number, Float64Array>();
  gradients.forEach(({ variable }, k) => {
    squares.set(variable.id, ruleNorms[k] as Float64Array);
  });
  fallback.forEach(({ id }, k) => {
    const norms = masked[k];
    if (norms !== undefined) squares.set(id, norms);
  });
  return squares;
}

/** Noise on a variable that no example can move costs accuracy and says nothing: mostly it is a mistake. */
function requireReached(pass: BackwardPass, variables: readonly tf.Variable[]): void {
  const unused = pass.unreached(variables);
  if (unused.length === 0) return;
  throw new DpError(
    'DP_INVALID_ARGUMENT',
    `Expected a loss that depends on every trained variable, got one that does not read ` +
      `'${unused.map(({ name }) => name).join("', '")}'. Freeze the layer (trainable = false), or pass the list of ` +
      'variables to train.',
  );
}

function notFinite(fallback: readonly tf.Variable[]): DpError {
  return new DpError(
    'DP_NUMERICAL',
    `Expected finite gradients of '${fallback.map((variable) => variable.name).join("', '")}', got infinite or NaN ones ` +
      'for every example. No step was taken: clean the data, or lower the learning rate.',
  );
}

import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import { BackendWatch } from './backend-watch.js';
import { BackwardPass, type Seeds } from './backward.js';
import {
  type ClipGroup,
  groupFactors,
  type Rescaling,
  requireGroups,
  requireRescaling,
} from './clip-factors.js';
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
import { Weights } from './weights.js';

/**
 * η: gradients are clipped to C(1 − η), so that rounding cannot carry a contribution past C. The first term covers
 * norms and factors. The second covers the sum as it is stored: a float32 of size up to B·C is rounded by up to
 * B·C·2⁻²⁴, in either of two neighbouring batches. 1,024 gradients of one direction were measured to move the
 * stored sum by 1e-4·C more than the exact one, gradients of mixed directions by less than 5e-7·C. B is the public
 * expected size: a margin that followed the real one would tell every example how many others there are.
 */
const roundingMargin = (expectedBatchSize: number): number => 2 ** -20 + expectedBatchSize * 2 ** -23;

/** Beyond this, float32 sums are too coarse for so large a batch. */
const LARGEST_MARGIN = 0.1;

/** The size that sums are taken to have where nothing was said. */
const DEFAULT_EXPECTED_BATCH = 16;

/** Squares of norms below this lose their digits in float32. */
const SMALLEST_CLIP = 1e-12;

declare const clipped: unique symbol;

/**
 * Σᵢ min(1, C/‖gᵢ‖) · gᵢ over the examples of one physical batch, parameter by parameter; or the sum that other
 * groups and another rescaling give.
 *
 * Guarantee: adding, removing or zeroing one example moves the concatenation of `sums` by at most C in L2
 * norm; replacing one moves it by at most 2C. It is not private until noise is added.
 */
export interface ClippedSum {
  readonly [clipped]: true;
  /** In the order of the variables given, each in its variable's shape. */
  readonly sums: readonly tf.Tensor[];
  /** Gradients of terms that read no data (regularisers), in the same order; null where there is none. */
  readonly penalties: readonly (tf.Tensor | null)[];
  /** The loss that the function returned, averaged where it returned one an example. Not private. */
  readonly value: tf.Scalar;
  readonly examples: number;
  /** Values computed from the data without noise: never publish them. */
  readonly privateValues: {
    /** ‖gᵢ‖ over all parameters, before clipping. */
    readonly norms: Float32Array;
    /** Examples that exceeded the bound of at least one group. */
    readonly clippedExamples: number;
    /** For each group, the examples whose norm was at most the group's bound. */
    readonly withinClip: readonly number[];
    /** Examples with an infinite or NaN gradient; they contributed exactly zero. */
    readonly nonFiniteExamples: number;
  };
}

export interface ClippingOptions {
  /** C, the bound on one example's L2 norm over all parameters together; Infinity switches clipping off. */
  readonly l2NormClip: number;
  /** Parameters clipped apart from each other, √ΣC² ≤ C; all together unless given. */
  readonly groups?: readonly ClipGroup[];
  /** How norms become factors; `clip` unless given. */
  readonly rescaling?: Rescaling;
  /** Multiplies the sums, their sensitivity and nothing else; 1 unless given. Saves a pass over the parameters. */
  readonly scale?: number;
  /** Public bound on the size of a logical batch, for the rounding margin; 16 unless given. */
  readonly expectedBatchSize?: number;
}

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
    let result: Omit<ClippedSum, typeof clipped> | undefined;
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

  private endStep(result: Omit<ClippedSum, typeof clipped> | undefined): void {
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
  ): Omit<ClippedSum, typeof clipped> {
    const tape = recordTape(f, { keepLeaves: this.keepLeaves, ...(substitutes ? { substitutes } : {}) });
    try {
      const { isolation, pass, seeds, gradients, fallback } = this.walk(tape, variables);
      const ruleNorms = readNorms(
        gradients.map((gradient) => gradient.normTerms()),
        isolation.batch,
      );
      const norms = total(ruleNorms, isolation.batch);
      let squares = squaresOf(gradients, ruleNorms, fallback, []);
      const bad = nonFiniteExamples(norms, seeds, isolation);
      for (const i of excluded) bad.add(i);
      const firstTime = !this.checked.has(signatureOf(tape));
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
            return finish({
              tape,
              isolation,
              pass,
              seeds,
              gradients,
              fallback,
              squares: squaresOf(gradients, ruleNorms, fallback, []),
              bad: found,
              variables,
              clipping,
            });
          }
          return this.attempt(f, variables, clipping, found, replaceRows(tape, isolation, found));
        }
        squares = squaresOf(gradients, ruleNorms, fallback, masked);
        this.checkOnce(
          tape,
          isolation,
          pass,
          seeds,
          gradients,
          ruleNorms,
          total([...squares.values()], isolation.batch),
        );
      }
      return finish({ tape, isolation, pass, seeds, gradients, fallback, squares, bad, variables, clipping });
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
    isolation: Isolation,
    pass: BackwardPass,
    seeds: Seeds,
    gradients: readonly ParameterGradient[],
    ruleNorms: readonly Float64Array[],
    norms: Float64Array,
  ): void {
    const signature = signatureOf(tape);
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
/** One tape walked back to the parameters. */
interface Walk {
  readonly isolation: Isolation;
  readonly pass: BackwardPass;
  readonly seeds: Seeds;
  readonly gradients: readonly ParameterGradient[];
  readonly fallback: readonly tf.Variable[];
}

const signatureOf = (tape: Tape): string =>
  `${tf.getBackend()}:${tape.calls.map((call) => call.kernelName).join()}`;

interface Processed {
  readonly tape: Tape;
  readonly isolation: Isolation;
  readonly pass: BackwardPass;
  readonly seeds: Seeds;
  readonly gradients: readonly ParameterGradient[];
  readonly fallback: readonly tf.Variable[];
  /** Squared norms of every parameter's gradients, by the variable's id. */
  readonly squares: ReadonlyMap<number, Float64Array>;
  readonly bad: ReadonlySet<number>;
  readonly variables: readonly tf.Variable[];
  readonly clipping: Required<ClippingOptions>;
}

/** Clip factors, weighted sums, and what is reported. */
function finish(processed: Processed): Omit<ClippedSum, typeof clipped> {
  const { tape, isolation, pass, seeds, gradients, fallback, squares, bad, variables } = processed;
  const { batch } = isolation;
  const { groups, rescaling, scale, expectedBatchSize } = processed.clipping;
  const margin = roundingMargin(expectedBatchSize);
  const allGood = bad.size === 0;
  const keep = allGood
    ? undefined
    : tf.tensor1d(Float32Array.from({ length: batch }, (_, i) => (bad.has(i) ? 0 : 1)));
  const byId = new Map(gradients.map((gradient) => [gradient.variable.id, gradient]));
  const sums = new Map<number, tf.Tensor>();
  const withinClip: number[] = [];
  const exceeded = new Set<number>();
  for (const { variables: members, l2NormClip } of groups) {
    const norms = total(
      members.flatMap((variable) => squares.get(variable.id) ?? []),
      batch,
    );
    const options = { l2NormClip, rescaling, margin, scale, excluded: bad };
    const { factors, within } = groupFactors(norms, options);
    withinClip.push(within);
    norms.forEach((square, i) => {
      if (Math.sqrt(square) > l2NormClip && !bad.has(i)) exceeded.add(i);
    });
    if (bad.size === batch) continue;
    const weights = new Weights(factors);
    for (const { id } of members) {
      const gradient = byId.get(id);
      if (gradient === undefined) continue;
      sums.set(id, (keep === undefined ? gradient : gradient.masked(keep)).weightedSum(weights));
    }
    const masked = members.filter(({ id }) => fallback.some((variable) => variable.id === id));
    if (masked.length === 0) continue;
    // One example at a time, as the norms were: where an example's terms nearly cancel, a walk with all of them leaves
    // more of it than its norm says, and the factor may multiply that.
    factors.forEach((factor, i) => {
      if (factor === 0) return;
      const added = tf.tidy(() => {
        const own = pass.parameterSums(seeds, tf.tensor1d(factors.map((_, k) => (k === i ? 1 : 0))));
        return masked.map(({ id, shape }) => {
          const term = tf.mul(own.get(id) ?? tf.zeros(shape), factor);
          const before = sums.get(id);
          return before === undefined ? term : tf.add(before, tf.reshape(term, before.shape));
        });
      });
      masked.forEach(({ id }, k) => {
        sums.get(id)?.dispose();
        sums.set(id, added[k] as tf.Tensor);
      });
    });
  }
  const norms = total([...squares.values()], batch);
  const penaltySums = pass.penaltySums(seeds);
  const totals = variables.map((variable) => sums.get(variable.id) ?? tf.zeros(variable.shape));
  const penalties = variables.map((variable) => {
    const penalty = penaltySums.get(variable.id);
    return penalty === undefined ? null : tf.reshape(penalty, variable.shape);
  });
  const value = (tape.value.rank === 0 ? tf.clone(tape.value) : tf.mean(tape.value)) as tf.Scalar;
  // Kept when all are there: one that could not be made leaves none behind.
  for (const tensor of [...totals, ...penalties, value]) if (tensor !== null) tf.keep(tensor);
  return {
    sums: totals,
    penalties,
    value,
    examples: batch,
    privateValues: {
      norms: Float32Array.from(norms, (square, i) =>
        bad.has(i) ? Number.POSITIVE_INFINITY : Math.sqrt(square),
      ),
      clippedExamples: exceeded.size,
      withinClip,
      nonFiniteExamples: bad.size,
    },
  };
}

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

function total(parts: readonly Float64Array[], batch: number): Float64Array {
  const sum = new Float64Array(batch);
  for (const part of parts) for (let i = 0; i < batch; i++) sum[i] = (sum[i] as number) + (part[i] as number);
  return sum;
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

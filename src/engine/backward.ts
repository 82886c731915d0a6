import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import { elementsOf, scaleRows } from './batch-time.js';
import type { Isolation } from './isolation/isolation.js';
import { type Piece, tensorsOf } from './piece.js';
import type { OpRule, Use } from './rules/op-rule.js';
import { hasRegisteredGradient, nextTensorId, type Tape, type TapeNode } from './tape.js';

/**
 * Backward passes over one recorded tape.
 *
 * The loss is a linear tail (means, sums, public scales) over tensors that hold one value an example: the
 * *boundary*. `seeds` undoes the tail's mean, so that each example is propagated as if it were alone (rule 6).
 * From the seeds, `collectUses` walks the data part of the tape and hands over every node that consumes a
 * parameter; `parameterSums` is ordinary back-propagation, with the seeds scaled example by example.
 */

/** The gradients at the boundary, and at parameter-only terms of the loss such as regularisers. */
export interface Seeds {
  readonly boundary: ReadonlyMap<number, { readonly tensor: tf.Tensor; readonly seed: tf.Tensor }>;
  readonly penalty: ReadonlyMap<number, tf.Tensor>;
}

/** Takes a use of a parameter; returns the tensors that it holds on to, which the walk then leaves alone. */
export type Report = (use: ParameterUse) => readonly tf.Tensor[];

/** A parameter-only tensor consumed by a node that carries examples. */
export interface ParameterUse extends Use {
  readonly input: string;
  readonly tensor: tf.Tensor;
}

export class BackwardPass {
  private readonly tape: Tape;
  private readonly isolation: Isolation;
  private readonly rules: ReadonlyMap<string, OpRule>;
  /** Tensors that depend on a trainable parameter. */
  private readonly trainable: ReadonlySet<number>;
  /** Nodes between the parameters and the loss, in order. */
  private readonly nodes: readonly TapeNode[];
  /** Places in `nodes`, by the tensor that the node there makes. */
  private readonly producer = new Map<number, number>();
  private asReference = false;

  constructor(tape: Tape, isolation: Isolation, variables: readonly tf.Variable[], rules: readonly OpRule[]) {
    this.tape = tape;
    this.isolation = isolation;
    this.rules = new Map(rules.flatMap((rule) => rule.nodes.map((name) => [name, rule] as const)));
    const depends = new Set(variables.map((variable) => variable.id));
    const forward: TapeNode[] = [];
    for (const node of tape.nodes) {
      if (!Object.values(node.inputs).some((input) => depends.has(input.id))) continue;
      forward.push(node);
      for (const output of node.outputs) depends.add(output.id);
    }
    const needed = new Set([tape.value.id]);
    const nodes: TapeNode[] = [];
    for (const node of forward.reverse()) {
      if (!node.outputs.some((output) => needed.has(output.id))) continue;
      nodes.push(node);
      for (const input of Object.values(node.inputs)) needed.add(input.id);
    }
    this.trainable = depends;
    this.nodes = nodes.reverse();
    this.nodes.forEach((node, at) => {
      for (const output of node.outputs) this.producer.set(output.id, at);
    });
    for (const node of this.nodes) refuseCustomGradient(node);
  }

  /** Whether the loss depends on any parameter at all. */
  get reachesParameters(): boolean {
    return this.trainable.has(this.tape.value.id);
  }

  /** Those of the variables that the loss does not depend on. */
  unreached(variables: readonly tf.Variable[]): tf.Variable[] {
    const read = new Set([this.tape.value.id]);
    for (const node of this.nodes) for (const input of Object.values(node.inputs)) read.add(input.id);
    return variables.filter((variable) => !read.has(variable.id));
  }

  seeds(): Seeds {
    const { value } = this.tape;
    const boundary = new Map<number, { tensor: tf.Tensor; seed: tf.Tensor }>();
    const penalty = new Map<number, tf.Tensor>();
    if (this.isolation.returns === 'per-example') {
      boundary.set(value.id, { tensor: value, seed: tf.onesLike(value) });
      return { boundary, penalty };
    }
    const gradients = new Map<number, tf.Tensor>([[value.id, tf.onesLike(value)]]);
    for (const node of [...this.nodes].reverse()) {
      const output = node.outputs[0];
      if (output === undefined || this.isolation.taintOf(output).kind !== 'total') continue;
      if (!gradients.has(output.id)) continue;
      const use = this.use(node, gradients);
      for (const [name, tensor] of Object.entries(node.inputs)) {
        if (!this.trainable.has(tensor.id)) continue;
        const kind = this.isolation.taintOf(tensor).kind;
        let gradient = this.inputGradient(use, name);
        if (kind === 'total') accumulate(gradients, tensor.id, gradient);
        else if (kind === 'public') accumulate(penalty, tensor.id, gradient);
        else {
          // A mean over the batch scaled every example by 1/B; B is the number of examples, whatever else
          // the mean ran over.
          if (node.kernelName === 'Mean') gradient = tf.mul(gradient, this.isolation.batch);
          const before = boundary.get(tensor.id);
          boundary.set(tensor.id, { tensor, seed: before ? tf.add(before.seed, gradient) : gradient });
        }
      }
    }
    return { boundary, penalty };
  }

  /** Walks from the boundary to the parameters and reports every use of one; no parameter gradient is formed. */
  collectUses(seeds: Seeds, report: Report): void {
    this.walkData(this.scaled(seeds, undefined), report);
  }

  /**
   * Σᵢ weights[i] · gᵢ for every parameter, by ordinary back-propagation. With all weight on one example this
   * is that example's gradient: the oracle of the self-check and the rule for ops that have none. As a reference
   * it uses tfjs's own gradients wherever the backend has them, so that it checks all parts of a rule.
   */
  parameterSums(seeds: Seeds, weights: tf.Tensor1D, asReference = false): Map<number, tf.Tensor> {
    this.asReference = asReference;
    try {
      return this.backPropagate(seeds, weights);
    } finally {
      this.asReference = false;
    }
  }

  private backPropagate(seeds: Seeds, weights: tf.Tensor1D): Map<number, tf.Tensor> {
    const parameters = new Map<number, tf.Tensor>();
    this.walkData(this.scaled(seeds, weights), (use) => {
      const rule = this.rules.get(use.node.kernelName);
      const gradient = this.prefer(use, use.input, () => rule?.parameterGradient?.(use, use.input));
      accumulate(parameters, use.tensor.id, gradient);
      return [gradient];
    });
    return this.throughParameters(parameters);
  }

  /** The piece that the rule of the node gives for a use, or undefined where there is no rule. */
  pieceOf(use: ParameterUse): Piece | undefined {
    // What a piece is made of, such as the slices of patches, is as large as the piece.
    let piece: Piece | undefined;
    tf.tidy(() => {
      piece = this.rules.get(use.node.kernelName)?.parameterPiece?.(use, use.input);
      return piece === undefined ? [] : tensorsOf(piece);
    });
    return piece;
  }

  /** The gradient of the loss's parameter-only terms. */
  penaltySums(seeds: Seeds): Map<number, tf.Tensor> {
    return this.throughParameters(new Map(seeds.penalty));
  }

  /** The nodes by which a parameter-only tensor came from parameters, last first. */
  producersOf(tensor: tf.Tensor): readonly TapeNode[] {
    const found = new Set<number>();
    const open = [tensor.id];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      const at = this.producer.get(id);
      if (at === undefined || found.has(at)) continue;
      found.add(at);
      for (const input of Object.values((this.nodes[at] as TapeNode).inputs)) {
        if (this.trainable.has(input.id)) open.push(input.id);
      }
    }
    return [...found].sort((a, b) => b - a).map((at) => this.nodes[at] as TapeNode);
  }

  private scaled(seeds: Seeds, weights: tf.Tensor1D | undefined): Map<number, tf.Tensor> {
    const gradients = new Map<number, tf.Tensor>();
    for (const [id, { tensor, seed }] of seeds.boundary) {
      const taint = this.isolation.taintOf(tensor);
      const scaled =
        weights === undefined || taint.kind !== 'rows'
          ? seed
          : scaleRows(seed, taint.layout, weights, this.isolation.batch);
      gradients.set(id, scaled);
    }
    return gradients;
  }

  /** Gradients are let go where nothing needs them any more: they are as large as the activations. */
  private walkData(gradients: Map<number, tf.Tensor>, report: Report): void {
    const owned = new Set<object>();
    for (let i = this.nodes.length - 1; i >= 0; i--) {
      const node = this.nodes[i] as TapeNode;
      if (!node.outputs.some((output) => gradients.has(output.id))) continue;
      if (node.outputs.some((output) => this.isolation.taintOf(output).kind !== 'rows')) continue;
      const use = this.use(node, gradients);
      for (const [name, tensor] of Object.entries(node.inputs)) {
        if (!this.trainable.has(tensor.id)) continue;
        if (this.isolation.taintOf(tensor).kind === 'rows') {
          const before = nextTensorId();
          const gradient = this.inputGradient(use, name);
          if (gradient.id > before) owned.add(gradient);
          const sum = accumulate(gradients, tensor.id, gradient);
          if (sum !== gradient) owned.add(sum);
        } else {
          for (const held of report({ ...use, input: name, tensor })) {
            owned.delete(held);
            // What a view was made of serves where its own shape is asked for again.
            owned.delete(elementsOf(held));
          }
        }
      }
      for (const output of node.outputs) gradients.delete(output.id);
      const inUse = new Set(gradients.values());
      for (const gradient of use.outputGradients) {
        if (gradient === null || inUse.has(gradient) || !owned.delete(gradient)) continue;
        gradient.dispose();
      }
    }
  }

  private throughParameters(gradients: Map<number, tf.Tensor>): Map<number, tf.Tensor> {
    for (let i = this.nodes.length - 1; i >= 0; i--) {
      const node = this.nodes[i] as TapeNode;
      if (!node.outputs.some((output) => gradients.has(output.id))) continue;
      if (node.outputs.some((output) => this.isolation.taintOf(output).kind !== 'public')) continue;
      const use = this.use(node, gradients);
      for (const [name, tensor] of Object.entries(node.inputs)) {
        if (this.trainable.has(tensor.id)) accumulate(gradients, tensor.id, this.inputGradient(use, name));
      }
    }
    return gradients;
  }

  private use(node: TapeNode, gradients: ReadonlyMap<number, tf.Tensor>): Use {
    return {
      node,
      outputGradients: node.outputs.map((output) => gradients.get(output.id) ?? null),
      batch: this.isolation.batch,
      taintOf: (tensor) => this.isolation.taintOf(tensor),
    };
  }

  private inputGradient(use: Use, input: string): tf.Tensor {
    const rule = this.rules.get(use.node.kernelName);
    return tf.tidy(() => this.prefer(use, input, () => rule?.inputGradient?.(use, input)));
  }

  /** The rule's gradient where it has one, else tfjs's; the other way round as a reference. */
  private prefer(use: Use, input: string, byRule: () => tf.Tensor | undefined): tf.Tensor {
    const distrusted = this.rules.get(use.node.kernelName)?.wrongInTfjs?.(use) === true;
    if (!this.asReference || distrusted) return byRule() ?? this.tapeGradient(use, input);
    try {
      return this.tapeGradient(use, input);
    } catch (error) {
      const gradient = byRule();
      if (gradient === undefined) throw error;
      return gradient;
    }
  }

  private tapeGradient(use: Use, input: string): tf.Tensor {
    const { node } = use;
    try {
      const thunk = node.gradient?.([...use.outputGradients])[input];
      if (thunk === undefined) throw new Error('tfjs defines no gradient');
      return thunk();
    } catch (cause) {
      if (cause instanceof DpError) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new DpError(
        'DP_UNSUPPORTED_OP',
        `Expected a gradient of ${node.kernelName} with respect to '${input}' on the ${tf.getBackend()} backend, ` +
          `got: ${why}. Use another backend or another layer.`,
        { cause },
      );
    }
  }
}

function accumulate(into: Map<number, tf.Tensor>, id: number, gradient: tf.Tensor): tf.Tensor {
  const before = into.get(id);
  const sum = before === undefined ? gradient : tf.add(before, gradient);
  into.set(id, sum);
  return sum;
}

/** The custom gradients of tfjs's own operations, by the kernels that their forward pass runs. */
const KNOWN_CUSTOM_GRADIENTS: Readonly<Record<string, readonly string[]>> = {
  fusedMatMul__op: ['_FusedMatMul'],
  fusedConv2d__op: ['FusedConv2D'],
  fusedDepthwiseConv2d__op: ['FusedDepthwiseConv2D'],
  softmaxCrossEntropy__op: ['Max', 'Sub', 'Exp', 'Sum', 'Log', 'Add', 'Cast', 'Multiply', 'Neg'],
  softmaxCrossEntropyWithLogits__op: ['Max', 'Sub', 'Exp', 'Sum', 'Log', 'Add', 'Cast', 'Multiply', 'Neg'],
  logSigmoid__op: ['Neg', 'Softplus'],
  logSoftmax__op: ['Max', 'Sub', 'Exp', 'Sum', 'Log'],
};
const VIEWS = new Set(['Reshape', 'Identity', 'Cast']);

/** A gradient that the loss brings along could mix examples on the way back, where no forward proof sees it. */
function refuseCustomGradient(node: TapeNode): void {
  if (hasRegisteredGradient(node.kernelName) || node.gradient === undefined) return;
  const kernels = KNOWN_CUSTOM_GRADIENTS[node.kernelName];
  const ran = node.calls.map((call) => call.kernelName).filter((name) => !VIEWS.has(name));
  if (kernels !== undefined && ran.length > 0 && ran.every((name) => kernels.includes(name))) return;
  throw new DpError(
    'DP_UNSUPPORTED_OP',
    `Expected gradients that tfjs defines, got a custom one (tf.customGrad) in scope '${node.kernelName}'. ` +
      'It may mix examples on the way back, which cannot be checked. Use tfjs operations instead.',
  );
}

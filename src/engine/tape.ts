import * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';

/**
 * The seam to TensorFlow.js's internals, and the only file that touches them.
 *
 * tfjs records every differentiable operation on a tape (`engine().state.activeTape`) and runs every kernel
 * through one method (`runKernelFunc`). `recordTape` runs a function once with both observed and returns
 * plain data: the tape's nodes, for walking backwards, and the calls of kernels with their attributes, for
 * everything that reasons about the forward pass. tfjs 4.22 is its last release, so these internals no
 * longer move; every assumption is checked when the seam is opened.
 */

/** A differentiable operation on the tape. A custom gradient (fused matmul, fused conv) is one node. */
export interface TapeNode {
  readonly id: number;
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly outputs: readonly tf.Tensor[];
  /** What the forward pass kept for the gradient; the clones outlive the tensors that they copy. */
  readonly saved: readonly tf.Tensor[];
  /** Gradients by input name, as thunks: only what is asked for is computed. */
  readonly gradient?: (outputGradients: (tf.Tensor | null)[]) => Record<string, () => tf.Tensor>;
  /** The kernel calls made inside this node: one for a kernel, several for a custom gradient. */
  readonly calls: readonly KernelCall[];
}

/** One call of a registered kernel, at any depth but not inside another kernel. */
export interface KernelCall {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly attrs: Readonly<Record<string, unknown>>;
  readonly outputs: readonly tf.Tensor[];
}

/** How a tensor that no recorded kernel produced came into the function; `random` ones tfjs drew inside it. */
export type LeafOrigin = 'variable' | 'captured' | 'created' | 'random';

/** A tensor that a recorded kernel read and none produced. */
export interface Leaf {
  readonly tensor: tf.Tensor;
  readonly origin: LeafOrigin;
  /** Its value, kept when the recording was asked to; otherwise `tensor` may already be disposed. */
  readonly value?: tf.Tensor;
}

/** What one run of a function left behind. Dispose it when the backward passes are done. */
export interface Tape {
  readonly value: tf.Tensor;
  readonly nodes: readonly TapeNode[];
  readonly calls: readonly KernelCall[];
  readonly leaves: ReadonlyMap<number, Leaf>;
  /** Names of the variables that the function assigned to or made. */
  readonly assigned: readonly string[];
  /** Tensors with axes that the function kept alive beyond its own run. */
  readonly kept: readonly tf.Tensor[];
  /** Whether the function computed gradients itself. */
  readonly nested: boolean;
  dispose(): void;
}

interface RawTapeNode {
  id: number;
  kernelName: string;
  inputs: Record<string, tf.Tensor>;
  outputs: tf.Tensor[];
  saved?: tf.Tensor[];
  gradient?: (dys: (tf.Tensor | null)[]) => Record<string, () => tf.Tensor>;
}

interface KernelParams {
  readonly kernelName?: string;
  readonly inputs: Record<string, tf.Tensor | undefined> | (tf.Tensor | undefined)[];
  readonly attrs?: Record<string, unknown>;
}

interface EngineInternals {
  readonly state: {
    activeTape: RawTapeNode[] | null;
    gradientDepth: number;
    kernelDepth: number;
    scopeStack: { readonly name: string }[];
    registeredVariables: Record<string, tf.Variable>;
    numBytes: number;
  };
  nextTensorId(): number;
  makeTensor(...args: unknown[]): tf.Tensor;
  startTape(): void;
  endTape(): void;
  keep<T extends tf.Tensor>(tensor: T): T;
  runKernelFunc(params: KernelParams): tf.Tensor | tf.Tensor[];
}

/** The operations of tfjs that draw random numbers, by the names of their scopes. */
const RANDOM_SCOPES = new Set(
  [
    'dropout',
    'randomUniform',
    'randomNormal',
    'randomStandardNormal',
    'truncatedNormal',
    'randomGamma',
    'randomUniformInt',
  ].flatMap((name) => [`${name}__op`, `${name}_`]),
);

/** Kernels for which tfjs has no gradient and saves nothing, but the engine has a rule, which reads their inputs. */
const WITHOUT_GRADIENT = new Set(['Einsum']);

/** Says what tfjs would say by a TypeError inside its engine. */
function refuseUnusable({ kernelName = '', inputs }: KernelParams): void {
  if (kernelName === 'FusedBatchNorm' && !('scale' in present(inputs))) {
    throw new DpError(
      'DP_UNSUPPORTED_OP',
      'Expected a normalisation with a scale, got one without, which TensorFlow.js cannot differentiate. Use ' +
        'layerNormalization({ scale: true }); leave its gamma out of the trained variables to keep it at one.',
    );
  }
}

/** An error of tfjs's that says only the name of a kernel, as one that says what to do. */
function explained(error: unknown): unknown {
  const kernel =
    error instanceof Error ? /Kernel '(\w+)' not registered/.exec(error.message)?.[1] : undefined;
  if (kernel === undefined) return error;
  return new DpError(
    'DP_UNSUPPORTED_OP',
    `Expected operations that the ${tf.getBackend()} backend implements, got ${kernel}, which it lacks. Use another ` +
      'backend, or other operations (instead of an einsum: transpose, reshape and tf.matMul).',
    { cause: error },
  );
}

function internals(): EngineInternals {
  const engine = tf.engine() as unknown as EngineInternals;
  const expected = ['startTape', 'endTape', 'runKernelFunc', 'keep', 'nextTensorId', 'makeTensor'] as const;
  for (const method of expected) {
    if (typeof engine[method] !== 'function') {
      throw new DpError(
        'DP_UNSUPPORTED_OP',
        `Expected @tensorflow/tfjs-core 4.22 (engine().${method}), got ${tf.version_core}. Install ^4.22.0.`,
      );
    }
  }
  return engine;
}

function present(inputs: KernelParams['inputs']): Record<string, tf.Tensor> {
  const result: Record<string, tf.Tensor> = {};
  for (const [name, tensor] of Object.entries(inputs)) {
    if (tensor instanceof tf.Tensor) result[name] = tensor;
  }
  return result;
}

function substitute(
  params: KernelParams,
  substitutes: ReadonlyMap<number, tf.Tensor> | undefined,
): KernelParams {
  if (substitutes === undefined) return params;
  const swap = (tensor: tf.Tensor | undefined) => (tensor && substitutes.get(tensor.id)) ?? tensor;
  const inputs = Array.isArray(params.inputs)
    ? params.inputs.map(swap)
    : Object.fromEntries(Object.entries(params.inputs).map(([name, tensor]) => [name, swap(tensor)]));
  return { ...params, inputs };
}

/**
 * Runs `f` once under the tape and returns what it did.
 *
 * Call it inside `tf.tidy`. With `keepLeaves` the values of all leaves are kept, so that the calls can be
 * replayed. Throws `DP_INVALID_ARGUMENT` when `f` does not return a tensor or runs inside another gradient.
 */
export function recordTape(
  f: () => tf.Tensor,
  options: {
    readonly keepLeaves: boolean;
    /** Tensors to read in place of others, by the id of the other. */
    readonly substitutes?: ReadonlyMap<number, tf.Tensor>;
  },
): Tape {
  const engine = internals();
  if (engine.state.gradientDepth > 0) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      'Expected to be the only gradient computation, got a call inside tf.grad or tf.customGrad. ' +
        'Private gradients cannot be nested.',
    );
  }
  const firstId = engine.nextTensorId();
  const calls: KernelCall[] = [];
  const leaves = new Map<number, Leaf>();
  const produced = new Set<number>();
  const kept: tf.Tensor[] = [];
  const keptConstants: tf.Tensor[] = [];
  /** Also those of an operation that failed before its node was recorded. */
  const savedForGradients: tf.Tensor[] = [];
  const before = new Map(
    Object.entries(engine.state.registeredVariables).map(([name, v]) => [name, v.dataId] as const),
  );
  const callsByNode: { end: number }[] = [];
  let insideKernel = 0;

  const random = new Set<number>();
  const made = new Set<string>();
  let nested = false;
  const { runKernelFunc, keep, makeTensor, startTape } = engine;
  const substituted = new Set([...(options.substitutes?.values() ?? [])].map((tensor) => tensor.id));
  engine.runKernelFunc = function observed(this: EngineInternals, given: KernelParams) {
    const isKernel = given.kernelName !== undefined;
    const params = isKernel && insideKernel === 0 ? substitute(given, options.substitutes) : given;
    const observe = isKernel && insideKernel === 0;
    if (observe) refuseUnusable(params);
    const tapeLength = engine.state.activeTape?.length ?? 0;
    if (isKernel) insideKernel++;
    let out: tf.Tensor | tf.Tensor[];
    try {
      if (observe) {
        for (const tensor of Object.values(present(params.inputs))) {
          if (produced.has(tensor.id) || leaves.has(tensor.id)) continue;
          const origin: LeafOrigin =
            tensor instanceof tf.Variable
              ? 'variable'
              : tensor.id < firstId || substituted.has(tensor.id)
                ? 'captured'
                : random.has(tensor.id)
                  ? 'random'
                  : 'created';
          if (tensor instanceof tf.Variable && tensor.id >= firstId) made.add(tensor.name);
          if (origin === 'created' && !(tensor as { kept?: boolean }).kept) {
            // Constants are looked at after the function's own tidies have ended.
            keptConstants.push(keep.call(engine, tensor));
          }
          if (options.keepLeaves) {
            engine.state.kernelDepth++;
            try {
              leaves.set(tensor.id, { tensor, origin, value: keep.call(engine, tf.clone(tensor)) });
            } finally {
              engine.state.kernelDepth--;
            }
          } else leaves.set(tensor.id, { tensor, origin });
        }
      }
      out = runKernelFunc.call(engine, params);
    } finally {
      if (isKernel) insideKernel--;
    }
    if (observe) {
      const outputs = Array.isArray(out) ? out : [out];
      for (const tensor of outputs) produced.add(tensor.id);
      calls.push({
        kernelName: params.kernelName as string,
        inputs: present(params.inputs),
        attrs: params.attrs ?? {},
        outputs,
      });
    }
    const tape = engine.state.activeTape;
    if (tape !== null && tape.length > tapeLength) {
      // The node for this call is pushed last, after those of the clones saved inside it.
      callsByNode[tape.length - 1] = { end: calls.length };
      const node = tape[tape.length - 1] as RawTapeNode;
      if (observe && WITHOUT_GRADIENT.has(node.kernelName) && !node.saved?.length) {
        // Not on the tape, as the engine's own copies for gradients are.
        engine.state.kernelDepth++;
        try {
          node.saved = Object.values(present(params.inputs)).map((input) =>
            keep.call(engine, tf.clone(input)),
          );
        } finally {
          engine.state.kernelDepth--;
        }
      }
    }
    return out;
  };
  engine.keep = function observed<T extends tf.Tensor>(tensor: T): T {
    const byCaller = insideKernel === 0 && engine.state.kernelDepth === 0;
    if (byCaller && tensor.rank > 0) kept.push(tensor);
    if (!byCaller) savedForGradients.push(tensor);
    return keep.call(engine, tensor) as T;
  };

  engine.makeTensor = function observed(...args: unknown[]): tf.Tensor {
    const tensor = makeTensor.apply(engine, args);
    if (engine.state.scopeStack.some(({ name }) => RANDOM_SCOPES.has(name))) random.add(tensor.id);
    return tensor;
  };
  engine.startTape = function observed(): void {
    nested = true;
    startTape.call(engine);
  };

  let value: tf.Tensor | undefined;
  let raw: RawTapeNode[] = [];
  const disposeAll = () => {
    for (const node of raw) for (const tensor of node.saved ?? []) tensor.dispose();
    for (const tensor of savedForGradients) tensor.dispose();
    for (const leaf of leaves.values()) leaf.value?.dispose();
    for (const constant of keptConstants) constant.dispose();
  };
  startTape.call(engine);
  try {
    value = tf.tidy('forward', f);
  } catch (error) {
    throw explained(error);
  } finally {
    engine.endTape();
    raw = engine.state.activeTape ?? [];
    engine.state.activeTape = null;
    // Own properties shadow the prototype's methods; deleting them restores those.
    for (const method of ['runKernelFunc', 'keep', 'makeTensor', 'startTape'] as const) {
      delete (engine as Partial<EngineInternals>)[method];
    }
    if (!(value instanceof tf.Tensor)) disposeAll();
  }
  if (!(value instanceof tf.Tensor)) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected the loss function to return a tf.Tensor, got ${value === undefined ? 'nothing' : typeof value}.`,
    );
  }
  const nodes: TapeNode[] = [];
  let start = 0;
  raw.forEach((node, index) => {
    const end = callsByNode[index]?.end ?? start;
    const own: TapeNode = {
      id: node.id,
      kernelName: node.kernelName,
      inputs: present(node.inputs),
      outputs: node.outputs,
      saved: node.saved ?? [],
      calls: calls.slice(start, end),
      ...(node.gradient ? { gradient: node.gradient } : {}),
    };
    start = Math.max(start, end);
    nodes.push(own);
  });
  for (const [name, v] of Object.entries(engine.state.registeredVariables)) {
    if (before.get(name) !== v.dataId) made.add(name);
  }
  return { value, nodes, calls, leaves, assigned: [...made], kept, nested, dispose: disposeAll };
}

/** Runs one recorded call again on other inputs; outputs are tracked by the enclosing `tf.tidy`. */
export function replayCall(call: KernelCall, inputs: Record<string, tf.Tensor>): tf.Tensor[] {
  const isList = Object.keys(call.inputs).every((name) => /^\d+$/.test(name));
  const out = tf
    .engine()
    .runKernel(
      call.kernelName,
      (isList ? Object.values(inputs) : inputs) as unknown as tf.NamedTensorMap,
      call.attrs as unknown as tf.NamedAttrMap,
    ) as tf.Tensor | tf.Tensor[];
  return Array.isArray(out) ? out : [out];
}

/** Whether the current backend implements a kernel. */
export function hasKernel(kernelName: string): boolean {
  return tf.getKernel(kernelName, tf.getBackend()) != null;
}

/** Whether tfjs has a gradient registered for a kernel; a tape node without one is a custom gradient. */
export function hasRegisteredGradient(kernelName: string): boolean {
  return tf.getGradient(kernelName) != null;
}

/** The id of a tensor that has not been created yet: ids grow, so older tensors have smaller ones. */
export function nextTensorId(): number {
  return internals().nextTensorId();
}

/** Runs `f` and tells `seen` how many bytes tensors hold, after every change. Scratch inside a kernel is not among them. */
export function watchBytes<T>(seen: (bytes: number) => void, f: () => T): T {
  const { state } = internals();
  const outer = Object.getOwnPropertyDescriptor(state, 'numBytes') as PropertyDescriptor;
  let bytes = state.numBytes;
  Object.defineProperty(state, 'numBytes', {
    configurable: true,
    enumerable: true,
    get: () => bytes,
    set: (value: number) => {
      bytes = value;
      // Whoever watches already goes on watching.
      outer.set?.call(state, value);
      seen(value);
    },
  });
  try {
    return f();
  } finally {
    Object.defineProperty(state, 'numBytes', outer.set === undefined ? { ...outer, value: bytes } : outer);
  }
}

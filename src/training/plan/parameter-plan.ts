import type * as tf from '@tensorflow/tfjs-core';
import { type NormReport, partSize } from '../../engine/index.js';

/** How one parameter takes part in a step. Sizes and choices; nothing about values. */
export interface ParameterPlan {
  readonly name: string;
  readonly shape: readonly number[];
  readonly uses: readonly ParameterUsePlan[];
  readonly bytes: {
    /** What its uses keep from the forward pass, or patches of it for a convolution. */
    readonly activations: number;
    /** δ: the gradients of its outputs. */
    readonly outputGradients: number;
    /** Per-example gradients, Gram matrices, or rows added by id: held while its norms are found. */
    readonly norms: number;
    /** The clipped sum, and the noise that is added to it. */
    readonly sum: number;
    readonly noise: number;
  };
  /** Floating-point operations of one physical batch; of the matrix products, which are nearly all. */
  readonly flops: {
    readonly forward: number;
    readonly backward: number;
    readonly norms: number;
    readonly sum: number;
  };
  /** Its share of the physical batch's time, by its share of the operations. */
  readonly milliseconds: number;
}

/** One place where a parameter is used; the steps of a recurrent layer are one, as are uses that are added. */
export interface ParameterUsePlan {
  /** How the norms are found: see `NormMethod`; `lookup` for rows by id, `direct` for biases, `masked` for no rule. */
  readonly method: NormReport['method'];
  readonly batch: number;
  readonly time: number;
  readonly p: number;
  readonly d: number;
}

const FLOAT = 4;

/** The plan of each parameter from how its uses were reported, at the size `batch`. */
export function parameterPlans(
  variables: readonly tf.Variable[],
  reports: readonly NormReport[],
  batch: number,
  milliseconds: number,
): ParameterPlan[] {
  const plans = variables.map((variable) => {
    const uses = reports
      .filter((report) => report.variable === variable)
      .map(({ method, time, p, d }) => ({ method, batch, time, p, d }));
    const bytes = add(uses.map(bytesOf), { activations: 0, outputGradients: 0, norms: 0 });
    const flops = add(uses.map(flopsOf), { forward: 0, backward: 0, norms: 0, sum: 0 });
    const size = variable.size * FLOAT;
    return {
      name: variable.name,
      shape: variable.shape,
      uses,
      bytes: { ...bytes, sum: size, noise: size },
      flops,
      milliseconds: 0,
    };
  });
  const all = plans.reduce((sum, { flops }) => sum + totalOf(flops), 0);
  return plans.map((plan) => ({
    ...plan,
    milliseconds: all === 0 ? 0 : (milliseconds * totalOf(plan.flops)) / all,
  }));
}

const totalOf = (flops: ParameterPlan['flops']): number =>
  flops.forward + flops.backward + flops.norms + flops.sum;

function add<K extends string>(
  parts: readonly Readonly<Record<K, number>>[],
  zero: Readonly<Record<K, number>>,
): Record<K, number> {
  const sum: Record<K, number> = { ...zero };
  for (const part of parts) for (const key of Object.keys(zero) as K[]) sum[key] += part[key];
  return sum;
}

function bytesOf(use: ParameterUsePlan): { activations: number; outputGradients: number; norms: number } {
  const { method, batch, time, p, d } = use;
  const places = batch * time;
  switch (method) {
    case 'direct':
      return { activations: 0, outputGradients: places * d * FLOAT, norms: 0 };
    case 'masked':
      return { activations: 0, outputGradients: 0, norms: d * FLOAT };
    case 'lookup':
      return {
        activations: places * FLOAT,
        outputGradients: places * d * FLOAT,
        norms: time === 1 ? 0 : places * d * FLOAT,
      };
    default:
      return {
        activations: places * p * FLOAT,
        outputGradients: places * d * FLOAT,
        norms: normElements(use) * FLOAT,
      };
  }
}

function normElements({ method, batch, time, p, d }: ParameterUsePlan): number {
  if (method === 'kept') return batch * p * d;
  if (method === 'ghost') return 3 * batch * time * time;
  // The product and its square.
  if (method === 'parts') return 2 * Math.min(batch, partSize({ batch, time, p, d })) * p * d;
  return 0;
}

function flopsOf(use: ParameterUsePlan): Record<'forward' | 'backward' | 'norms' | 'sum', number> {
  const { method, batch, time, p, d } = use;
  const places = batch * time;
  const product = 2 * places * p * d;
  switch (method) {
    case 'direct':
      return { forward: places * d, backward: places * d, norms: 2 * places * d, sum: 2 * places * d };
    case 'masked':
      // One backward pass an example, for this parameter alone.
      return {
        forward: places * d,
        backward: places * d,
        norms: 2 * batch * places * d,
        sum: 2 * places * d,
      };
    case 'lookup':
      return { forward: 0, backward: 0, norms: 4 * places * d, sum: 2 * places * d };
    case 'factors':
      return { forward: product, backward: product, norms: 2 * places * (p + d), sum: product };
    case 'kept':
      return {
        forward: product,
        backward: product,
        norms: product + 2 * batch * p * d,
        sum: 2 * batch * p * d,
      };
    case 'ghost':
      return { forward: product, backward: product, norms: 2 * places * time * (p + d), sum: product };
    case 'parts':
      return { forward: product, backward: product, norms: product + 2 * batch * p * d, sum: product };
  }
}

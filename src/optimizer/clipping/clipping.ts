import { DpError } from 'privacy-accounting';
import { refuseUnknownKeys } from '../option-keys.js';
import { type GroupRule, requireGroupRules } from './group-rule.js';

/** One norm over all parameters. */
export interface FlatClipping {
  readonly kind: 'flat';
}

/** One norm a layer. */
export interface PerLayerClipping {
  readonly kind: 'per-layer';
  readonly weights: 'equal' | 'sqrt-dimension';
}

/** One norm a group of variables. */
export interface PerGroupClipping {
  readonly kind: 'per-group';
  readonly groups: readonly GroupRule[];
}

/** Every gradient brought to nearly one length; to exactly one with γ = 0. */
export interface AutomaticClipping {
  readonly kind: 'automatic';
  /** γ ≥ 0. */
  readonly stability: number;
}

/** C follows a quantile of the norms. */
export interface AdaptiveClipping {
  readonly kind: 'adaptive';
  /** γ in (0, 1): the share of examples that C is to leave unclipped. */
  readonly targetQuantile: number;
  /** η_C > 0. */
  readonly learningRate: number;
  /** σ_b, the standard deviation of the noise on each count; null for expectedBatchSize / 20. */
  readonly countNoiseMultiplier: number | null;
  /** C of the first step; null for the optimizer's l2NormClip. */
  readonly initialClip: number | null;
  readonly per: 'all' | 'layer';
}

/**
 * How each example's gradient is bounded: a frozen, JSON-serialisable object, made by the factories below.
 *
 * Guarantee of every one: adding, removing or zeroing an example moves the sum of all parameters' clipped gradients
 * by at most C in L2 norm (2C for replacing), where C = √ΣC_g² over the groups that are clipped apart. That C is
 * what the noise multiplier is relative to.
 */
export type Clipping =
  | FlatClipping
  | PerLayerClipping
  | PerGroupClipping
  | AutomaticClipping
  | AdaptiveClipping;

/** min(1, C/‖g‖)·g over all parameters together (Abadi et al. 2016, 1607.00133): the default. */
export function flatClipping(): Clipping {
  return Object.freeze({ kind: 'flat' });
}

/**
 * Each layer's part of the gradient is clipped on its own, to C_l with √ΣC_l² = C (McMahan et al. 2018, 1710.06963).
 * A layer is what tfjs-layers names so: the variables' names up to the last '/'; a variable without one is a layer
 * of its own. `weights`: 'equal' for C_l = C/√L, 'sqrt-dimension' for C_l in proportion to √(parameters of l).
 */
export function perLayerClipping(options: { readonly weights?: PerLayerClipping['weights'] } = {}): Clipping {
  return requireClipping({ weights: 'equal', ...options, kind: 'per-layer' });
}

/**
 * Groups of variables, each clipped on its own. A rule names variables by `names`, by the `prefix` of their names or
 * by a regular expression `match`, and bounds them by `l2NormClip` or by a `share`: C_g = C·share/√Σshare². All
 * bounds are of one sort. Absolute ones must not exceed the optimizer's l2NormClip in √ΣC_g², which then is the
 * sensitivity. A variable in no group or in two, and a group without variables, are errors that name it.
 *
 * @example
 * perGroupClipping([{ match: /embedding/, share: 1 }, { prefix: 'dense_', share: 2 }]);
 */
export function perGroupClipping(
  groups: readonly {
    readonly match?: RegExp;
    readonly prefix?: string;
    readonly names?: readonly string[];
    readonly l2NormClip?: number;
    readonly share?: number;
  }[],
): Clipping {
  return requireClipping({ kind: 'per-group', groups });
}

/**
 * C/(‖g‖ + γ)·g, γ = `stability` (AUTO-S, Bu et al. 2022, 2206.07136): every example is given nearly the same
 * length, so that the learning rate takes over C's part and there is no C to tune. Sensitivity C.
 */
export function automaticClipping(options: { readonly stability?: number } = {}): Clipping {
  return requireClipping({ stability: 0.01, ...options, kind: 'automatic' });
}

/** C/‖g‖·g: every gradient but a zero one is given length C. {@link automaticClipping} with γ = 0. */
export function normalizedClipping(): Clipping {
  return automaticClipping({ stability: 0 });
}

/**
 * C follows the `targetQuantile` of the gradients' norms (Andrew et al. 2021, 1905.03871): after each step
 * C ← C·exp(−η_C(b̃ − γ)), b̃ = ½ + (Σᵢ(bᵢ − ½) + N(0, σ_b²))/expectedBatchSize, bᵢ = 1 where ‖gᵢ‖ ≤ C.
 *
 * Sensitivity and cost: a centred bit is ±½, and k of them (one a layer with `per: 'layer'`) have sensitivity √k/2.
 * The gradients' noise is raised to σ_Δ = (σ⁻² − k(2σ_b)⁻²)^(−½), so that sum and counts together are one Gaussian
 * mechanism of the stated σ: there is nothing more to book. σ_b ≤ √k·σ/2 leaves nothing for the gradients and is an
 * error. Every C_t is computed from noised counts alone, and so is public.
 *
 * `countNoiseMultiplier` is σ_b, expectedBatchSize / 20 unless given, as the paper recommends.
 *
 * @example
 * adaptiveClipping({ targetQuantile: 0.5, learningRate: 0.2, countNoiseMultiplier: 10 });
 */
export function adaptiveClipping(
  options: {
    readonly targetQuantile?: number;
    readonly learningRate?: number;
    readonly countNoiseMultiplier?: number;
    readonly initialClip?: number;
    readonly per?: AdaptiveClipping['per'];
  } = {},
): Clipping {
  return requireClipping({
    targetQuantile: 0.5,
    learningRate: 0.2,
    countNoiseMultiplier: null,
    initialClip: null,
    per: 'all',
    ...options,
    kind: 'adaptive',
  });
}

/** A frozen copy of a well-formed strategy, as from JSON; throws `DP_INVALID_ARGUMENT` for any other value. */
export function requireClipping(value: unknown): Clipping {
  const invalid = (expected: string, got: unknown) =>
    new DpError('DP_INVALID_ARGUMENT', `Expected clipping ${expected}, got ${String(got)}.`);
  if (typeof value !== 'object' || value === null) {
    throw invalid('to be made by flatClipping(), perLayerClipping() or their like', value);
  }
  const given = value as { readonly kind?: unknown } & Record<string, unknown>;
  const number = (name: string, range: string, holds: (entry: number) => boolean): number => {
    const entry = given[name];
    if (typeof entry !== 'number' || !Number.isFinite(entry) || !holds(entry))
      throw invalid(`with ${name} ${range}`, entry);
    return entry;
  };
  const choice = <T extends string>(name: string, choices: readonly T[]): T => {
    const entry = given[name] as T;
    if (!choices.includes(entry)) throw invalid(`with ${name} '${choices.join("' or '")}'`, entry);
    return entry;
  };
  const keys = (known: Record<string, true>) =>
    refuseUnknownKeys('clipping', given, { kind: true, ...known });
  switch (given.kind) {
    case 'flat':
      keys({});
      return Object.freeze({ kind: 'flat' });
    case 'per-layer':
      keys({ weights: true });
      return Object.freeze({
        kind: 'per-layer',
        weights: choice('weights', ['equal', 'sqrt-dimension'] as const),
      });
    case 'per-group':
      keys({ groups: true });
      return Object.freeze({ kind: 'per-group', groups: requireGroupRules(given.groups) });
    case 'automatic':
      keys({ stability: true });
      return Object.freeze({
        kind: 'automatic',
        stability: number('stability', '≥ 0', (entry) => entry >= 0),
      });
    case 'adaptive':
      keys({
        targetQuantile: true,
        learningRate: true,
        countNoiseMultiplier: true,
        initialClip: true,
        per: true,
      });
      return Object.freeze({
        kind: 'adaptive',
        targetQuantile: number('targetQuantile', 'in (0, 1)', (entry) => entry > 0 && entry < 1),
        learningRate: number('learningRate', '> 0', (entry) => entry > 0),
        countNoiseMultiplier:
          given.countNoiseMultiplier === null
            ? null
            : number('countNoiseMultiplier', '> 0', (entry) => entry > 0),
        initialClip: given.initialClip === null ? null : number('initialClip', '> 0', (entry) => entry > 0),
        per: choice('per', ['all', 'layer'] as const),
      });
    default:
      throw invalid(
        "of kind 'flat', 'per-layer', 'per-group', 'automatic' or 'adaptive'",
        given.kind === undefined ? 'none' : `'${String(given.kind)}'`,
      );
  }
}

/** A strategy in words, for reports. */
export function describeClipping(clipping: Clipping): string {
  switch (clipping.kind) {
    case 'flat':
      return 'flat';
    case 'per-layer':
      return clipping.weights === 'equal' ? 'per layer' : 'per layer, by the root of its size';
    case 'per-group':
      return `per group (${clipping.groups.length})`;
    case 'automatic':
      return clipping.stability === 0 ? 'normalized' : `automatic (γ = ${clipping.stability})`;
    case 'adaptive':
      return `adaptive, to the ${clipping.targetQuantile} quantile${clipping.per === 'layer' ? ' of each layer' : ''}`;
  }
}

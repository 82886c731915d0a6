import type * as tf from '@tensorflow/tfjs-core';
import { DpError } from 'privacy-accounting';
import type { ClipGroup, Rescaling } from '../../engine/index.js';
import type { Clipping, PerGroupClipping } from './clipping.js';
import { describeRule, matches } from './group-rule.js';

/** What the engine is told to do in one step, and the sensitivity that comes of it. */
export interface ClipPlan {
  readonly groups: readonly ClipGroup[];
  readonly rescaling: Rescaling;
  /**
   * √ΣC_g², the L2 sensitivity of the clipped sum to one example added, removed or zeroed. Where C is divided over the
   * groups it is that very C, from which the root differs in the last digit.
   */
  readonly l2NormClip: number;
}

/**
 * The plan of a strategy for these variables and this C. `bounds` are the C_g of adaptive clipping, in the order of
 * the groups; every other strategy divides C itself.
 */
export function planClipping(
  clipping: Clipping,
  variables: readonly tf.Variable[],
  options: { readonly l2NormClip: number; readonly bounds?: readonly number[] },
): ClipPlan {
  const { l2NormClip, bounds } = options;
  switch (clipping.kind) {
    case 'flat':
      return plan([variables], [l2NormClip]);
    case 'automatic':
      return { ...plan([variables], [l2NormClip]), rescaling: clipping };
    case 'per-layer': {
      const layers = layersOf(variables);
      const weights = layers.map((layer) => (clipping.weights === 'equal' ? 1 : Math.sqrt(sizeOf(layer))));
      return plan(layers, divide(l2NormClip, weights), l2NormClip);
    }
    case 'per-group': {
      const groups = groupsOf(clipping, variables);
      const shares = clipping.groups.map((rule) => rule.share);
      return shares.every((share) => share !== undefined)
        ? plan(groups, divide(l2NormClip, shares), l2NormClip)
        : plan(groups, absolute(clipping, l2NormClip));
    }
    case 'adaptive': {
      const groups = adaptiveGroups(clipping.per, variables);
      const initial = divide(
        clipping.initialClip ?? l2NormClip,
        groups.map(() => 1),
      );
      return plan(groups, bounds ?? initial);
    }
  }
}

/** The sensitivity that a strategy states for this C, without looking at variables; adaptive clipping's first. */
export function sensitivityOf(clipping: Clipping, l2NormClip: number): number {
  if (clipping.kind === 'adaptive') return clipping.initialClip ?? l2NormClip;
  const absolute = clipping.kind === 'per-group' && clipping.groups[0]?.share === undefined;
  return absolute ? Math.hypot(...clipping.groups.map((rule) => rule.l2NormClip as number)) : l2NormClip;
}

const adaptiveGroups = (per: 'all' | 'layer', variables: readonly tf.Variable[]) =>
  per === 'all' ? [variables] : layersOf(variables);

const sizeOf = (variables: readonly tf.Variable[]): number =>
  variables.reduce((sum, variable) => sum + variable.size, 0);

function plan(
  groups: readonly (readonly tf.Variable[])[],
  bounds: readonly number[],
  l2NormClip = bounds.length === 1 ? (bounds[0] as number) : Math.hypot(...bounds),
): ClipPlan {
  return {
    groups: groups.map((variables, g) => ({ variables, l2NormClip: bounds[g] as number })),
    rescaling: { kind: 'clip' },
    l2NormClip,
  };
}

/** Bounds in proportion to the weights, of which √Σ² is C. */
function divide(l2NormClip: number, weights: readonly number[]): number[] {
  const whole = Math.hypot(...weights);
  return weights.map((weight) => (l2NormClip * weight) / whole);
}

/** Variables by the part of their name before the last '/', in the order of their first. */
function layersOf(variables: readonly tf.Variable[]): tf.Variable[][] {
  const layers = new Map<string, tf.Variable[]>();
  for (const variable of variables) {
    const slash = variable.name.lastIndexOf('/');
    const layer = slash < 0 ? `variable ${variable.name}` : variable.name.slice(0, slash);
    layers.set(layer, [...(layers.get(layer) ?? []), variable]);
  }
  return [...layers.values()];
}

function groupsOf(clipping: PerGroupClipping, variables: readonly tf.Variable[]): tf.Variable[][] {
  const groups = clipping.groups.map((): tf.Variable[] => []);
  for (const variable of variables) {
    const found = clipping.groups.flatMap((rule, g) => (matches(rule, variable.name) ? [g] : []));
    if (found.length !== 1) {
      throw new DpError(
        'DP_INVALID_ARGUMENT',
        `Expected each trained variable in one clipping group, got '${variable.name}' in ` +
          `${found.length === 0 ? 'none' : `${found.length}`}. Change the groups (${describe(clipping)}), or freeze ` +
          'the variable.',
      );
    }
    groups[found[0] as number]?.push(variable);
  }
  const empty = groups.findIndex((group) => group.length === 0);
  if (empty >= 0) {
    const names = variables.map(({ name }) => name).join(', ');
    const rule = clipping.groups[empty];
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected variables in every clipping group, got none in { ${rule === undefined ? '' : describeRule(rule)} } ` +
        `among ${names}.`,
    );
  }
  return groups;
}

function absolute(clipping: PerGroupClipping, l2NormClip: number): number[] {
  const bounds = clipping.groups.map((rule) => rule.l2NormClip as number);
  const total = Math.hypot(...bounds);
  if (total > l2NormClip * (1 + 1e-9)) {
    throw new DpError(
      'DP_INVALID_ARGUMENT',
      `Expected clipping groups with √ΣC² of at most l2NormClip = ${l2NormClip}, got ${total}. Raise l2NormClip, lower ` +
        'the bounds, or give shares.',
    );
  }
  return bounds;
}

const describe = (clipping: PerGroupClipping): string => clipping.groups.map(describeRule).join('; ');

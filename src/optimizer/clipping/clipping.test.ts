import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorText } from '../../../test/error-text.js';
import { selectBackend } from '../../backend/index.js';
import {
  adaptiveClipping,
  automaticClipping,
  type Clipping,
  describeClipping,
  flatClipping,
  normalizedClipping,
  perGroupClipping,
  perLayerClipping,
  planClipping,
  requireClipping,
  sensitivityOf,
  splitNoise,
} from './index.js';

const strategies: Record<string, Clipping> = {
  flat: flatClipping(),
  'per layer': perLayerClipping(),
  'per layer by size': perLayerClipping({ weights: 'sqrt-dimension' }),
  'per group by share': perGroupClipping([
    { match: /BIAS$/i, share: 1 },
    { prefix: 'one/k', share: 2 },
    { names: ['two/kernel', 'loose'], share: 2 },
  ]),
  'per group by bound': perGroupClipping([
    { prefix: 'one', l2NormClip: 0.6 },
    { match: /two|loose/, l2NormClip: 0.8 },
  ]),
  automatic: automaticClipping(),
  normalized: normalizedClipping(),
  adaptive: adaptiveClipping({ targetQuantile: 0.9, countNoiseMultiplier: 5 }),
  'adaptive per layer': adaptiveClipping({ per: 'layer', countNoiseMultiplier: 5, initialClip: 3 }),
};
/** How many norms each takes of an example; 1 where it isn't listed. */
const GROUPS: Record<string, number> = {
  'per layer': 3,
  'per layer by size': 3,
  'per group by share': 3,
  'per group by bound': 2,
  'adaptive per layer': 3,
};

let variables: tf.Variable[] = [];
beforeAll(async () => {
  await selectBackend({ prefer: 'cpu' });
  const named = (name: string, size: number) => tf.variable(tf.zeros([size]), true, name);
  variables = [
    named('one/kernel', 12),
    named('one/bias', 4),
    named('two/kernel', 5),
    named('two/bias', 1),
    named('loose', 3),
  ];
});
afterAll(() => tf.dispose(variables));

describe('a clipping strategy', () => {
  it.each(Object.keys(strategies))('%s: is frozen, survives JSON, and can be described', (name) => {
    const clipping = strategies[name] as Clipping;
    expect(Object.isFrozen(clipping)).toBe(true);
    expect(requireClipping(JSON.parse(JSON.stringify(clipping)))).toEqual(clipping);
    expect(describeClipping(clipping).length).toBeGreaterThan(3);
  });

  it.each(Object.keys(strategies))('%s: holds each variable once and states √ΣC²', (name) => {
    const clipping = strategies[name] as Clipping;
    const l2NormClip = 1;
    const plan = planClipping(clipping, variables, { l2NormClip });
    const members = plan.groups.flatMap((group) => group.variables.map((variable) => variable.name));
    expect(members.sort()).toEqual(variables.map((variable) => variable.name).sort());
    const bounds = plan.groups.map((group) => group.l2NormClip);
    expect(Math.hypot(...bounds) / plan.l2NormClip).toBeCloseTo(1, 14);
    expect(sensitivityOf(clipping, l2NormClip)).toBeCloseTo(plan.l2NormClip, 14);
    expect(plan.l2NormClip).toBeCloseTo(name === 'adaptive per layer' ? 3 : 1, 12);
    expect(plan.groups).toHaveLength(GROUPS[name] ?? 1);
  });

  it('divides C over the layers evenly, or by the root of their size', () => {
    const bounds = (clipping: Clipping) =>
      planClipping(clipping, variables, { l2NormClip: 2 }).groups.map((group) => group.l2NormClip);
    const equal = bounds(perLayerClipping());
    expect(equal).toHaveLength(3);
    for (const bound of equal) expect(bound).toBeCloseTo(2 / Math.sqrt(3), 12);
    const bySize = bounds(perLayerClipping({ weights: 'sqrt-dimension' }));
    [16, 6, 3].forEach((size, l) => {
      expect(bySize[l]).toBeCloseTo(2 * Math.sqrt(size / 25), 12);
    });
  });

  it('leaves C alone where nothing is clipped', () => {
    const plan = planClipping(perLayerClipping(), variables, { l2NormClip: Number.POSITIVE_INFINITY });
    expect(plan.l2NormClip).toBe(Number.POSITIVE_INFINITY);
  });

  it('names the variable that no group holds, or two do, and the group that holds none', () => {
    const plan = (clipping: Clipping) => () => planClipping(clipping, variables, { l2NormClip: 1 });
    expect(errorText(plan(perGroupClipping([{ prefix: 'one', share: 1 }])))).toMatch(
      /DP_INVALID_ARGUMENT.*'two\/kernel' in none/,
    );
    expect(
      errorText(
        plan(
          perGroupClipping([
            { match: /./, share: 1 },
            { names: ['loose'], share: 1 },
          ]),
        ),
      ),
    ).toMatch(/'loose' in 2/);
    expect(
      errorText(
        plan(
          perGroupClipping([
            { match: /./, share: 1 },
            { prefix: 'three', share: 1 },
          ]),
        ),
      ),
    ).toMatch(/prefix: 'three'/);
    expect(errorText(plan(perGroupClipping([{ match: /./, l2NormClip: 1.1 }])))).toMatch(
      /at most l2NormClip = 1, got 1.1/,
    );
  });

  it.each([
    ['no object', 'flat'],
    ['an unknown kind', { kind: 'median' }],
    ['an option that nobody reads', { kind: 'flat', stability: 1 }],
    ['a negative stability', { kind: 'automatic', stability: -1 }],
    ['NaN', { kind: 'automatic', stability: Number.NaN }],
    ['unknown weights', { kind: 'per-layer', weights: 'loud' }],
    ['no groups', { kind: 'per-group', groups: [] }],
    ['a group without members', { kind: 'per-group', groups: [{ share: 1 }] }],
    ['a group of two sorts', { kind: 'per-group', groups: [{ prefix: 'a', names: ['b'], share: 1 }] }],
    ['a group without a bound', { kind: 'per-group', groups: [{ prefix: 'a' }] }],
    [
      'bounds of two sorts',
      {
        kind: 'per-group',
        groups: [
          { prefix: 'a', share: 1 },
          { prefix: 'b', l2NormClip: 1 },
        ],
      },
    ],
    [
      'an expression that remembers',
      { kind: 'per-group', groups: [{ match: { source: 'a', flags: 'g' }, share: 1 }] },
    ],
    ['a broken expression', { kind: 'per-group', groups: [{ match: { source: '(', flags: '' }, share: 1 }] }],
    ['a quantile of 1', { ...adaptiveClipping(), targetQuantile: 1 }],
    ['a learning rate of 0', { ...adaptiveClipping(), learningRate: 0 }],
    ['counts without noise', { ...adaptiveClipping(), countNoiseMultiplier: 0 }],
  ])('refuses %s', (_, value) => {
    expect(errorText(() => requireClipping(value))).toMatch(/^DP_INVALID_ARGUMENT/);
  });
});

describe('the noise of adaptive clipping', () => {
  const split = (noiseMultiplier: number, countNoiseMultiplier: number, groups = 1) => {
    const clipping = adaptiveClipping({ countNoiseMultiplier });
    if (clipping.kind !== 'adaptive') throw new Error('not adaptive');
    return splitNoise({ clipping, noiseMultiplier, expectedBatchSize: 100, groups });
  };

  it.each([
    [1, 10, 1],
    [0.3, 0.2, 1],
    [4, 50, 7],
    [1, 0.8, 2],
  ])(
    'σ = %d, σ_b = %d, %i counts: both releases together lose what one of σ does',
    (sigma, counts, groups) => {
      const noise = split(sigma, counts, groups);
      // ρ = sensitivity²/(2·sd²) of each release; a centred bit has sensitivity ½.
      const both = 1 / (2 * noise.gradients ** 2) + groups * (0.25 / (2 * noise.counts ** 2));
      expect(both / (1 / (2 * sigma ** 2))).toBeCloseTo(1, 12);
      expect(noise.gradients).toBeGreaterThan(sigma);
    },
  );

  it('is an error where the counts would spend it all', () => {
    expect(errorText(() => split(2, 1))).toMatch(/DP_INVALID_ARGUMENT.*√k·σ\/2 = 1 /);
    expect(errorText(() => split(2, 1.9, 4))).toMatch(/4 counts/);
    expect(split(2, 1.001).gradients).toBeGreaterThan(40);
  });

  it('is none at all where there is none', () => {
    expect(split(0, 3)).toEqual({ gradients: 0, counts: 0 });
  });
});

import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import seedrandom from 'seedrandom';
import { beforeAll, describe, expect, it } from 'vitest';
import { auditLogits } from './audit-logits.js';
import { auditModel } from './audit-model.js';
import { modelLogits } from './model-logits.js';
import { parseAuditResult } from './result.js';

beforeAll(() => tf.setBackend('cpu'));

const layers = tfl.layers;
const features = tf.tensor2d(Array.from({ length: 40 }, (_, i) => [Math.sin(i), Math.cos(3 * i), i / 40]));

function classifier(last: tfl.layers.Layer[]): tfl.Sequential {
  const model = tfl.sequential({
    layers: [layers.dense({ units: 5, inputShape: [3], activation: 'relu' }), ...last],
  });
  model.setWeights(
    model
      .getWeights()
      .map((w, k) => tf.reshape(tf.sin(tf.add(tf.mul(tf.range(0, w.size), 1.3), k)), w.shape)),
  );
  return model;
}

describe('modelLogits', () => {
  const plain = () => classifier([layers.dense({ units: 4 })]);

  it.each([
    ['a dense softmax layer', () => classifier([layers.dense({ units: 4, activation: 'softmax' })])],
    [
      'an activation layer',
      () => classifier([layers.dense({ units: 4 }), layers.activation({ activation: 'softmax' })]),
    ],
    ['a softmax layer', () => classifier([layers.dense({ units: 4 }), layers.softmax()])],
  ])('takes the logits from before %s', async (_, build) => {
    const expected = await modelLogits({ model: plain(), features });
    const got = await modelLogits({ model: build(), features, batchSize: 7 });
    expect(expected.source).toBe('logits');
    expect(got).toMatchObject({ source: 'activation-removed', classes: 4 });
    for (const [i, z] of got.logits.entries()) expect(z).toBeCloseTo(expected.logits[i]!, 5);
  });

  it('works on a model that is one layer', async () => {
    const model = tfl.sequential({
      layers: [layers.dense({ units: 3, inputShape: [3], activation: 'softmax', useBias: false })],
    });
    const { logits, source } = await modelLogits({ model, features });
    expect(source).toBe('activation-removed');
    const expected = tf.matMul(features, model.getWeights()[0]! as tf.Tensor2D).dataSync();
    for (const [i, z] of logits.entries()) expect(z).toBeCloseTo(expected[i]!, 5);
  });

  it('reads one sigmoid output as two classes', async () => {
    const model = classifier([layers.dense({ units: 1, activation: 'sigmoid' })]);
    const { logits, classes } = await modelLogits({ model, features });
    const p = (model.predict(features) as tf.Tensor).dataSync();
    expect(classes).toBe(2);
    for (const [i, value] of p.entries()) {
      expect(1 / (1 + Math.exp(logits[2 * i]! - logits[2 * i + 1]!))).toBeCloseTo(value, 5);
    }
  });

  it('falls back to log-probabilities, and says so, where the activation cannot be cut off', async () => {
    const model = classifier([
      layers.dense({ units: 4, activation: 'softmax' }),
      layers.dropout({ rate: 0.5 }),
    ]);
    const { logits, source, note } = await modelLogits({ model, features, output: 'probabilities' });
    expect(source).toBe('log-probabilities');
    expect(note).toMatch(/probabilities/);
    const p = (model.predict(features) as tf.Tensor).dataSync();
    expect(Math.exp(logits[5]!)).toBeCloseTo(p[5]!, 6);
  });

  it('refuses outputs that are not what they were said to be', async () => {
    const dropped = classifier([
      layers.dense({ units: 4, activation: 'softmax' }),
      layers.dropout({ rate: 0.5 }),
    ]);
    await expect(modelLogits({ model: dropped, features, output: 'logits' })).rejects.toThrow(
      /expected logits.*output: 'probabilities'/,
    );
    await expect(modelLogits({ model: plain(), features, output: 'probabilities' })).rejects.toThrow(
      /expected probabilities/,
    );
  });

  it('refuses several sigmoid outputs, which are not classes', async () => {
    const model = classifier([layers.dense({ units: 3, activation: 'sigmoid' })]);
    await expect(modelLogits({ model, features })).rejects.toThrow(/3 independent sigmoid outputs/);
  });

  it('refuses features and outputs of the wrong shape', async () => {
    await expect(modelLogits({ model: plain(), features: [features, features] })).rejects.toThrow(/features/);
    const sequence = tfl.sequential({ layers: [layers.dense({ units: 2, inputShape: [4, 3] })] });
    await expect(modelLogits({ model: sequence, features: tf.ones([2, 4, 3]) })).rejects.toThrow(
      /\[batch, classes\], got \[2,4,2\]/,
    );
    await expect(modelLogits({ model: plain(), features, batchSize: 0 })).rejects.toThrow(/batchSize/);
  });

  it('keeps no tensor', async () => {
    const model = classifier([layers.dense({ units: 4, activation: 'softmax' })]);
    await modelLogits({ model, features });
    const before = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) await modelLogits({ model, features, batchSize: 16 });
    expect(tf.memory().numTensors).toBe(before);
  });
});

/** Logits of n members and n non-members; the label's logit is `gap` higher for members. */
function outputs(n: number, gap: number) {
  const random = seedrandom(`outputs-${n}-${gap}`);
  const member = Array.from({ length: 2 * n }, (_, i) => i < n);
  const labels = member.map(() => Math.floor(random() * 3));
  const logits = Float32Array.from({ length: 6 * n }, (_, k) => {
    const i = Math.floor(k / 3);
    return random() * 4 + (labels[i] === k % 3 && member[i] ? gap : 0);
  });
  return { logits, labels, member, classes: 3, created: '2026-01-01T00:00:00.000Z' };
}

const claim = { epsilon: 1, delta: 1e-5, relation: 'add-or-remove-one', accountant: 'rdp' } as const;

describe('auditLogits', () => {
  it('finds a leaky model in violation of its claim, and an innocent one consistent', () => {
    const leaky = auditLogits({ ...outputs(600, 20), claim, fprs: [0.01] });
    expect(leaky.verdict.value).toBe('violated');
    const innocent = auditLogits({ ...outputs(600, 0), claim, fprs: [0.01] });
    expect(innocent.verdict.value).toBe('consistent');
  });

  it('has nothing to say about a model that claims nothing', () => {
    expect(auditLogits(outputs(100, 20)).verdict.value).toBe('inconclusive');
    const infinite = auditLogits({
      ...outputs(100, 20),
      claim: { ...claim, epsilon: Number.POSITIVE_INFINITY },
    });
    expect(infinite.verdict.value).toBe('inconclusive');
    expect(infinite.claim?.epsilon).toBe('inf');
  });

  it('names what a replace-special claim takes for granted', () => {
    const audit = auditLogits({ ...outputs(100, 0), claim: { ...claim, relation: 'replace-special' } });
    expect(audit.assumptions.join()).toMatch(/blanking/);
  });

  it('gives no verdict on replace-one from one model', () => {
    const audit = auditLogits({ ...outputs(600, 20), claim: { ...claim, relation: 'replace-one' } });
    expect(audit.verdict).toMatchObject({
      value: 'inconclusive',
      reason: expect.stringMatching(/replacing/),
    });
  });

  it('attacks canaries on their own and counts every threshold that shares the error', () => {
    const options = outputs(600, 3);
    const canary = options.labels.map((_, i) => i % 3 === 0);
    const audit = auditLogits({ ...options, canary, coins: 'canaries', claim, fprs: [0.001, 0.01] });
    expect(audit.attacks.map(({ score, on }) => [score, on])).toEqual([
      ['loss', 'canaries'],
      ['loss', 'all'],
      ['max-confidence', 'all'],
    ]);
    // 600 non-members resolve 1 %, not 0.1 %; 200 canaries resolve 1 % as well.
    expect(audit.multiplicity).toEqual({
      method: 'bonferroni',
      thresholds: 3,
      attacks: 3,
      errorPerThreshold: expect.closeTo(0.05 / 3, 12),
      errorPerAttack: expect.closeTo(0.05 / 3, 12),
    });
    expect(audit.attacks.map(({ oneRun }) => oneRun?.assignment)).toEqual(['coins', 'split', 'split']);
    expect(audit.sample).toMatchObject({
      members: 600,
      nonMembers: 600,
      memberCanaries: 200,
      nonMemberCanaries: 200,
    });
    expect(audit.histograms.map(({ on }) => on)).toEqual(['canaries', 'all']);
    for (const { members, nonMembers, edges } of audit.histograms) {
      expect(members).toHaveLength(edges.length - 1);
      expect(nonMembers.reduce((a, b) => a + b)).toBe(members.reduce((a, b) => a + b));
    }
  });

  it('survives its own JSON, infinities included', () => {
    const options = outputs(100, 3);
    options.logits.fill(Number.NaN, 300, 600);
    const audit = auditLogits({ ...options, fprs: [0.05] });
    const [point] = audit.attacks[0]!.points;
    expect(point).toMatchObject({ threshold: '-inf' });
    expect(audit.sample.nonFiniteRows).toBe(100);
    expect(audit.notes.join()).toMatch(/100 rows/);
    const text = JSON.stringify(audit);
    // The two nulls of the schema: no claim, no asymptotic interval for a perfect attack.
    expect(text.replaceAll(/"(claim|asymptotic)":null/g, '')).not.toContain('null');
    expect(parseAuditResult(JSON.parse(text))).toEqual(JSON.parse(text));
  });

  it.each([
    [{ member: [true] }, /member: expected one value for each of the 200/],
    [{ canary: [1] }, /canary/],
    [{ member: new Array(200).fill(2) }, /member\[0\]/],
    [{ member: new Array(200).fill(1) }, /both members and non-members/],
    [{ attacks: [] }, /attacks/],
    [{ claim: { ...claim, epsilon: -1 } }, /epsilon/],
  ])('refuses bad input %#', (change, message) => {
    expect(() => auditLogits({ ...outputs(100, 0), ...change })).toThrow(message);
  });
});

describe('auditModel', () => {
  it('breaks a network that learnt 60 random labels by heart', async () => {
    const random = seedrandom('by-heart');
    const n = 120;
    const pixels = tf.tensor2d(Array.from({ length: n }, () => Array.from({ length: 20 }, () => random())));
    const labels = Int32Array.from({ length: n }, () => Math.floor(random() * 2));
    const model = tfl.sequential({
      layers: [
        layers.dense({
          units: 64,
          inputShape: [20],
          activation: 'relu',
          kernelInitializer: tfl.initializers.glorotUniform({ seed: 1 }),
        }),
        layers.dense({
          units: 2,
          activation: 'softmax',
          kernelInitializer: tfl.initializers.glorotUniform({ seed: 2 }),
        }),
      ],
    });
    model.compile({ optimizer: tf.train.adam(0.02), loss: 'sparseCategoricalCrossentropy' });
    const ys = tf.tensor1d([...labels.subarray(0, 60)], 'float32');
    await model.fit(tf.slice(pixels, [0, 0], [60, 20]), ys, {
      epochs: 60,
      batchSize: 60,
      shuffle: false,
      verbose: 0,
    });
    const audit = await auditModel({
      model,
      features: pixels,
      labels,
      member: Array.from({ length: n }, (_, i) => i < 60),
      fprs: [0.1],
      subject: 'by heart',
    });
    expect(audit.subject).toBe('by heart');
    expect(audit.attacks[0]!.auc.exact.lower).toBeGreaterThan(0.5);
    expect(audit.attacks[0]!.points[0]).toMatchObject({ resolvable: true });
  });
});

describe('parseAuditResult', () => {
  it.each([
    [{}, /schema/],
    [null, /the top/],
    [{ ...auditLogits(outputs(100, 0)), schema: 'tfjs-privacy/audit/2' }, /schema/],
    [{ ...auditLogits(outputs(100, 0)), verdict: { value: 'fine', reason: '' } }, /verdict\.value/],
  ])('names what is wrong %#', (json, message) => {
    expect(() => parseAuditResult(json)).toThrow(message);
  });
});

import { DpError } from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import {
  confidenceScores,
  logitConfidenceScores,
  lossScores,
  maxConfidenceScores,
  membershipScores,
  type ScoreInput,
} from './scores.js';

const input: ScoreInput = {
  logits: Float32Array.of(2, 1, 0.5, -3, 4, 4, 0, 0, 0),
  labels: [0, 2, 1],
  classes: 3,
};

function softmax(row: readonly number[]): number[] {
  const terms = row.map((z) => Math.exp(z));
  const sum = terms.reduce((a, b) => a + b);
  return terms.map((term) => term / sum);
}

describe('scores of well-scaled logits', () => {
  const rows = [
    [2, 1, 0.5],
    [-3, 4, 4],
    [0, 0, 0],
  ];
  it('agree with the softmax', () => {
    for (const [i, row] of rows.entries()) {
      const p = softmax(row)[input.labels[i]!]!;
      expect(lossScores(input).values[i]).toBeCloseTo(-Math.log(p), 12);
      expect(confidenceScores(input).values[i]).toBeCloseTo(p, 12);
      expect(logitConfidenceScores(input).values[i]).toBeCloseTo(Math.log(p / (1 - p)), 12);
      expect(maxConfidenceScores(input).values[i]).toBeCloseTo(Math.log(Math.max(...softmax(row))), 12);
    }
  });

  it('grow with the suspicion of membership', () => {
    for (const name of ['loss', 'confidence', 'logit-confidence', 'max-confidence'] as const) {
      const { values } = membershipScores(name, {
        logits: Float32Array.of(5, 0, 1, 0),
        labels: [0, 0],
        classes: 2,
      });
      expect(values[0]).toBeGreaterThan(values[1]!);
    }
  });

  it('do not change when a row is shifted', () => {
    const shifted = { ...input, logits: input.logits.map((z) => z + 64) };
    expect(lossScores(shifted).values).toEqual(lossScores(input).values);
  });
});

describe('scores of extreme logits', () => {
  it('keep the relative precision of a tiny loss', () => {
    const { values } = lossScores({ logits: Float32Array.of(100, 0), labels: [0], classes: 2 });
    expect(values[0]! / Math.exp(-100)).toBeCloseTo(1, 12);
  });

  it('never overflow, nor tie where float32 probabilities do', () => {
    const logits = Float32Array.of(3e38, -3e38, 300, 0, 200, 0);
    const { values } = logitConfidenceScores({ logits, labels: [0, 0, 0], classes: 2 });
    expect(values.every(Number.isFinite)).toBe(true);
    expect(values[1]).toBeGreaterThan(values[2]!);
  });
});

describe('bad input', () => {
  it('counts non-finite rows and scores them as least confident', () => {
    const broken: ScoreInput = {
      logits: Float32Array.of(Number.NaN, 1, Number.POSITIVE_INFINITY, 0, 1, 0),
      labels: [1, 0, 0],
      classes: 2,
    };
    for (const name of ['loss', 'confidence', 'logit-confidence', 'max-confidence'] as const) {
      const { values, nonFinite } = membershipScores(name, broken);
      expect(nonFinite).toBe(2);
      expect(values[0]).toBeLessThan(values[2]!);
      expect(values[1]).toBeLessThan(values[2]!);
      expect(values.some(Number.isNaN)).toBe(false);
    }
  });

  it('refuses a diverged model', () => {
    const logits = new Float32Array(4).fill(Number.NaN);
    expect(() => lossScores({ logits, labels: [0, 1], classes: 2 })).toThrow(
      expect.objectContaining({ code: 'DP_NUMERICAL' }),
    );
  });

  it.each([
    ['a label out of range', { labels: [0, 3, 1] }, /labels\[1\].*0…2.*got 3/],
    ['a negative label', { labels: [-1, 0, 1] }, /labels\[0\]/],
    ['a fractional label', { labels: [0.5, 0, 1] }, /labels\[0\]/],
    ['too few logits', { labels: [0, 1] }, /2 labels × 3 classes = 6/],
    ['no rows', { labels: [], logits: new Float32Array(0) }, /at least one row/],
    ['one class', { classes: 1 }, /classes/],
  ])('refuses %s', (_, change, message) => {
    const act = () => lossScores({ ...input, ...change });
    expect(act).toThrow(DpError);
    expect(act).toThrow(message);
  });
});

import { describe, expect, it } from 'vitest';
import { aucDeLong, aucHoeffding, countAbove, rocCurve, thresholdAtFpr } from './roc.js';

const confidence = 0.95;

describe('rocCurve', () => {
  it('walks the staircase and keeps only its corners', () => {
    const { falsePositives, truePositives } = rocCurve({
      memberScores: [9, 8, 7, 2],
      nonMemberScores: [6, 5, 1],
    });
    expect(falsePositives).toEqual([0, 0, 2, 2, 3]);
    expect(truePositives).toEqual([0, 3, 3, 4, 4]);
  });

  it('crosses a tie in one slanted step', () => {
    const { falsePositives, truePositives } = rocCurve({
      memberScores: [2, 2, 1],
      nonMemberScores: [2, 1, 0],
    });
    expect(falsePositives).toEqual([0, 1, 2, 3]);
    expect(truePositives).toEqual([0, 2, 3, 3]);
  });

  it('has the AUC as its area, ties included', () => {
    const pair = { memberScores: [3, 2, 2, 1, 5], nonMemberScores: [2, 2, 0, 1, 4, -7] };
    const { falsePositives: x, truePositives: y, members, nonMembers } = rocCurve(pair);
    let area = 0;
    for (let i = 1; i < x.length; i++) area += ((x[i]! - x[i - 1]!) * (y[i]! + y[i - 1]!)) / 2;
    let wins = 0;
    for (const a of pair.memberScores)
      for (const b of pair.nonMemberScores) wins += a > b ? 1 : a === b ? 0.5 : 0;
    expect(aucHoeffding(pair, { confidence }).value).toBeCloseTo(wins / (members * nonMembers), 14);
    expect(area / (members * nonMembers)).toBeCloseTo(wins / (members * nonMembers), 14);
  });
});

describe('thresholdAtFpr', () => {
  it('never accuses more non-members than asked, and one more would be too many', () => {
    const scores = Array.from({ length: 1000 }, (_, i) => (i * 7919) % 1009);
    for (const fpr of [0.001, 0.01, 0.05, 0.07, 0.5]) {
      expect(countAbove(scores, thresholdAtFpr(scores, fpr))).toBe(Math.round(fpr * 1000));
    }
  });

  it('accuses nobody of a tie that would break the rate', () => {
    expect(countAbove([1, 1, 1, 0], thresholdAtFpr([1, 1, 1, 0], 0.5))).toBe(0);
  });

  it('accuses nobody below 1/n', () => {
    expect(countAbove([3, 2, 1], thresholdAtFpr([3, 2, 1], 0.1))).toBe(0);
  });

  it.each([0, 1, -1, Number.NaN])('refuses an FPR of %s', (fpr) => {
    expect(() => thresholdAtFpr([1], fpr)).toThrow(/fpr/);
  });
});

describe('AUC intervals', () => {
  const memberScores = Array.from({ length: 50 }, (_, i) => Math.sin(i) + 0.8);
  const nonMemberScores = Array.from({ length: 60 }, (_, i) => Math.sin(i * 1.7));

  it('are mirrored when members and non-members trade places', () => {
    const forward = aucDeLong({ memberScores, nonMemberScores }, { confidence })!;
    const swapped = aucDeLong(
      { memberScores: nonMemberScores, nonMemberScores: memberScores },
      { confidence },
    )!;
    expect(swapped.lower).toBeCloseTo(1 - forward.upper, 12);
    expect(swapped.value).toBeCloseTo(1 - forward.value, 12);
  });

  it('say nothing asymptotic about a perfect attack, one score, or equal scores', () => {
    const perfect = { memberScores: [3, 4], nonMemberScores: [1, 2] };
    expect(aucDeLong(perfect, { confidence })).toBeUndefined();
    expect(aucDeLong({ memberScores: [1], nonMemberScores: [0, 2] }, { confidence })).toBeUndefined();
    expect(aucDeLong({ memberScores: [1, 1], nonMemberScores: [1, 1] }, { confidence })).toBeUndefined();
    const exact = aucHoeffding(perfect, { confidence });
    expect(exact.value).toBe(1);
    expect(exact.lower).toBeLessThan(1);
  });

  it('are wider where they promise more', () => {
    const exact = aucHoeffding({ memberScores, nonMemberScores }, { confidence });
    const asymptotic = aucDeLong({ memberScores, nonMemberScores }, { confidence })!;
    expect(exact.upper - exact.lower).toBeGreaterThan(asymptotic.upper - asymptotic.lower);
    expect([exact.guarantee, asymptotic.guarantee]).toEqual(['exact', 'asymptotic']);
  });
});

describe('scores', () => {
  it.each([
    [{ memberScores: [], nonMemberScores: [1] }, /memberScores.*none/],
    [{ memberScores: [1], nonMemberScores: [Number.NaN] }, /nonMemberScores\[0\].*NaN/],
    [{ memberScores: [Number.POSITIVE_INFINITY], nonMemberScores: [1] }, /memberScores\[0\]/],
  ])('%o are refused', (pair, message) => {
    expect(() => rocCurve(pair)).toThrow(message);
  });

  it('may be −∞: never accused', () => {
    const pair = { memberScores: [Number.NEGATIVE_INFINITY, 1], nonMemberScores: [0, -1] };
    expect(rocCurve(pair).truePositives).toEqual([0, 1, 1, 2]);
  });
});

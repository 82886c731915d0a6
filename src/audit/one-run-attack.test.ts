import { describe, expect, it } from 'vitest';
import { type OneRunAttackOptions, oneRunAttack } from './one-run-attack.js';

const base: OneRunAttackOptions = {
  memberScores: Array.from({ length: 100 }, (_, i) => 1000 + i),
  nonMemberScores: Array.from({ length: 100 }, (_, i) => i),
  assignment: 'coins',
  guessShare: 0.2,
  delta: 0,
  alpha: 0.05,
  seed: 's',
};

describe('oneRunAttack', () => {
  it('guesses both ends of the ranking, and a perfect one is all that the sample can show', () => {
    const { coins, guesses, correct, epsilonLowerBound, certifiableEpsilon } = oneRunAttack(base);
    expect([coins, guesses, correct]).toEqual([200, 80, 80]);
    const rate = 0.05 ** (1 / 80);
    expect(epsilonLowerBound.value).toBeCloseTo(Math.log(rate / (1 - rate)), 8);
    expect(certifiableEpsilon).toBe(epsilonLowerBound.value);
  });

  it('counts the members at the top and the non-members at the bottom', () => {
    const memberScores = [9, 8, 1, 0];
    const nonMemberScores = [10, 5, 4, 3];
    const attack = oneRunAttack({ ...base, memberScores, nonMemberScores, guessShare: 0.375 });
    // Top three 10, 9, 8: two members. Bottom three 0, 1, 3: one non-member.
    expect([attack.guesses, attack.correct]).toEqual([6, 3]);
  });

  it('breaks ties by lot: equal scores are coin tosses', () => {
    const equal = { memberScores: new Array(5000).fill(1), nonMemberScores: new Array(5000).fill(1) };
    const { correct, guesses } = oneRunAttack({ ...base, ...equal });
    expect(guesses).toBe(4000);
    // Seven standard deviations of √4000/2 = 32.
    expect(Math.abs(correct - 2000)).toBeLessThan(222);
  });

  it('makes a split pay, and keeps the number of examples that pays least', () => {
    const coins = oneRunAttack({ ...base, delta: 1e-5 });
    const split = oneRunAttack({ ...base, delta: 1e-5, assignment: 'split' });
    expect(split.certifiableEpsilon).toBeLessThan(coins.certifiableEpsilon);
    const many = (n: number) =>
      oneRunAttack({
        ...base,
        memberScores: Array.from({ length: n }, (_, i) => n + i),
        nonMemberScores: Array.from({ length: n }, (_, i) => i),
        delta: 1e-5,
        assignment: 'split',
      });
    expect(many(4000).certifiableEpsilon).toBeGreaterThanOrEqual(many(300).certifiableEpsilon);
    expect(many(4000).coins).toBeLessThan(8000);
  });
});

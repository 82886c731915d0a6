import { describe, expect, it } from 'vitest';
import { advantageCeiling, aucCeiling, tprCeiling } from './claim.js';
import { clopperPearsonEpsilon, clopperPearsonLower, clopperPearsonUpper } from './clopper-pearson.js';
import { oneRunEpsilonLowerBound, oneRunPValue } from './one-run.js';
import { aucDeLong, countAbove, thresholdAtFpr } from './roc.js';
import { logitConfidenceScores } from './scores.js';

// Made with numpy 2.4.6 and scipy 1.17.1 from the formulas named in the functions' docstrings.

function close(got: number, expected: number, relative: number) {
  expect(Math.abs(got - expected)).toBeLessThanOrEqual(relative * Math.abs(expected));
}

describe('Clopper-Pearson', () => {
  it.each([
    { k: 0, n: 1000, alpha: 0.025, lower: 0, upper: 0.003682083896865672 },
    { k: 500, n: 1000, alpha: 0.025, lower: 0.46854917297179194, upper: 0.5314508270282081 },
  ])('limits of $k of $n', ({ k, n, alpha, lower, upper }) => {
    close(clopperPearsonLower({ successes: k, trials: n, alpha }), lower, 1e-9);
    close(clopperPearsonUpper({ successes: k, trials: n, alpha }), upper, 1e-9);
  });

  it.each([
    { tp: 500, fp: 10, delta: 0, epsilon: 3.24201659214585 },
    { tp: 1000, fp: 0, delta: 1e-5, epsilon: 5.600577494291644 },
    { tp: 510, fp: 500, delta: 1e-5, epsilon: 0 },
    { tp: 842, fp: 159, delta: 1e-5, epsilon: 1.5008304016463334 },
  ])('epsilon of $tp/$fp of 1000', ({ tp, fp, delta, epsilon }) => {
    const counts = { truePositives: tp, members: 1000, falsePositives: fp, nonMembers: 1000 };
    close(clopperPearsonEpsilon({ ...counts, delta, alpha: 0.05 }), epsilon, 1e-8);
  });
});

describe('one run', () => {
  it.each([
    { m: 1000, r: 100, v: 80, epsilon: 1, delta: 0, p: 0.07155624680483674 },
    { m: 10000, r: 500, v: 490, epsilon: 3, delta: 1e-5, p: 0.010411701073525622 },
  ])('p-value of $v of $r', ({ m, r, v, epsilon, delta, p }) => {
    close(oneRunPValue({ coins: m, guesses: r, correct: v, epsilon, delta }), p, 1e-9);
  });

  it.each([
    { m: 100, r: 100, v: 100, delta: 0, epsilon: 3.492965431152307 },
    { m: 1000, r: 100, v: 100, delta: 1e-5, epsilon: 3.4653763478110657 },
    { m: 1000, r: 1000, v: 600, delta: 1e-5, epsilon: 0.2972269537187749 },
    { m: 1000, r: 1000, v: 1000, delta: 1e-5, epsilon: 5.782283135394049 },
    { m: 10000, r: 1000, v: 950, delta: 1e-5, epsilon: 2.690996476895143 },
  ])('lower bound of $v of $r of $m', ({ m, r, v, delta, epsilon }) => {
    close(oneRunEpsilonLowerBound({ coins: m, guesses: r, correct: v, delta, alpha: 0.05 }), epsilon, 1e-6);
  });
});

describe('ceilings of (ε, δ)', () => {
  it.each([
    {
      epsilon: 0.1,
      delta: 0,
      advantage: 0.04995837495787997,
      tpr: [0.0011051709180756478, 0.011051709180756477, 0.11051709180756478],
    },
    {
      epsilon: 8,
      delta: 1e-5,
      advantage: 0.9993293064460697,
      tpr: [0.9996648761893516, 0.9996678953530028, 0.999698086989514],
    },
  ])('at ε = $epsilon', ({ epsilon, delta, advantage, tpr }) => {
    close(advantageCeiling({ epsilon, delta }), advantage, 1e-10);
    for (const [i, fpr] of [0.001, 0.01, 0.1].entries()) {
      close(tprCeiling({ epsilon, delta }, fpr), tpr[i]!, 1e-10);
    }
  });

  it('bounds the AUC', () => {
    close(aucCeiling({ epsilon: 1, delta: 0 }), 0.7310585786300049, 1e-12);
  });

  it('bounds reconstruction at prior 0.1 by the same curve', () => {
    close(tprCeiling({ epsilon: 1, delta: 1e-5 }, 0.1), 0.27183818284590455, 1e-12);
  });
});

describe('scores and ROC', () => {
  it('scales confidence by the logit', () => {
    const logits = Float32Array.of(2, 1, 0.5);
    const { values } = logitConfidenceScores({ logits, labels: [0], classes: 3 });
    close(values[0]!, 0.5259230158198933, 1e-10);
  });

  it('takes the TPR at an FPR without interpolation', () => {
    const nonMembers = [6, 5, 4, 3, 1];
    const threshold = thresholdAtFpr(nonMembers, 0.2);
    close(countAbove([9, 8, 7, 3, 2], threshold) / 5, 0.6, 1e-12);
    close(countAbove(nonMembers, threshold) / 5, 0.2, 1e-12);
  });

  it("computes DeLong's variance and limit", () => {
    const memberScores = [3.1, 2.2, 1.9, 4, 2.5, 3.3, 1, 2.8];
    const nonMemberScores = [1.2, 0.4, 2.2, 1.1, 0.9, 2.6, 0.1, 1.5];
    // The reference's limit is one-sided at 5 %: the lower end of a two-sided interval at 90 %.
    const auc = aucDeLong({ memberScores, nonMemberScores }, { confidence: 0.9 })!;
    close(auc.value, 0.8515625, 1e-8);
    close(auc.variance, 0.009748186383928572, 1e-8);
    close(auc.lower, 0.613518919744294, 1e-8);
  });
});

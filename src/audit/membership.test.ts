import seedrandom from 'seedrandom';
import { describe, expect, it } from 'vitest';
import { checkClaimAgainst } from './claim.js';
import { claimEvidence, countResolvable, type MembershipResult, membershipInference } from './membership.js';
import { oneRunPValue } from './one-run.js';
import type { MembershipAssignment } from './one-run-attack.js';
import type { AuditDesign, ResolvedPoint } from './operating-point.js';

function gaussians(random: () => number, n: number, mean: number): Float64Array {
  return Float64Array.from(
    { length: n },
    () => mean + Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  );
}

function resolved({ points }: MembershipResult): ResolvedPoint[] {
  return points.filter((point) => point.resolvable);
}

function verdict(result: MembershipResult, claim: { epsilon: number; delta: number }) {
  return checkClaimAgainst(claim, claimEvidence(result)).verdict;
}

function fairCoins(random: () => number, flips: number): number {
  let heads = 0;
  for (let i = 0; i < flips; i++) heads += random() < 0.5 ? 1 : 0;
  return heads;
}

function exactBounds(audit: MembershipResult): number[] {
  const bounds = resolved(audit).map(({ epsilonLowerBound }) => epsilonLowerBound);
  if (audit.oneRun !== null) bounds.push(audit.oneRun.epsilonLowerBound);
  return bounds.filter(({ guarantee }) => guarantee === 'exact').map(({ value }) => value);
}

/** Fewer than 1e-9 of all Binomial(300, 0.05) exceed this. */
const MOST_OF_300 = 42;
const fprs = [0.01, 0.1];

describe('on pure noise (ε = 0), 300 audits of 400 scores at 95 %', () => {
  const audits = (design: AuditDesign, assignment: MembershipAssignment) =>
    Array.from({ length: 300 }, (_, seed) => {
      const random = seedrandom(`null-${seed}`);
      const members = assignment === 'split' ? 200 : fairCoins(random, 400);
      return membershipInference({
        memberScores: gaussians(random, members, 0),
        nonMemberScores: gaussians(random, 400 - members, 0),
        fprs,
        seed,
        design,
        assignment,
        delta: 0,
      });
    });

  // P[fail by chance] ≤ 1e-9 each, if the bounds hold.
  it.each([
    ['independent-trials', 'split'],
    ['one-model', 'split'],
    ['one-model', 'coins'],
  ] as const)('%s, %s: claims ε > 0 in at most one of twenty', (design, assignment) => {
    const claims = audits(design, assignment).filter((audit) =>
      exactBounds(audit).some((epsilon) => epsilon > 0),
    );
    expect(claims.length).toBeLessThanOrEqual(MOST_OF_300);
  });

  it('catches the auditor that picks its threshold on the data it reports', () => {
    // The same one-run bound on fair coins, the number of guesses fixed beforehand or picked for its p-value.
    const coins = 200;
    const pValues = (seed: number) => {
      const random = seedrandom(`cheat-${seed}`);
      let correct = 0;
      return Array.from({ length: coins }, (_, k) => {
        correct += random() < 0.5 ? 1 : 0;
        return oneRunPValue({ coins, guesses: k + 1, correct, epsilon: 0, delta: 0 });
      });
    };
    const audits = Array.from({ length: 300 }, (_, seed) => pValues(seed));
    expect(audits.filter((p) => p[19]! < 0.05).length).toBeLessThanOrEqual(MOST_OF_300);
    expect(audits.filter((p) => Math.min(...p) < 0.05).length).toBeGreaterThan(MOST_OF_300);
  });
});

describe('scores that share one model', () => {
  // (0, 0.2)-DP: one run in five publishes the whole membership list, the others nothing.
  const leakAll = (seed: number) => {
    const random = seedrandom(`leak-${seed}`);
    const leaks = random() < 0.2;
    return membershipInference({
      memberScores: gaussians(random, 200, leaks ? 99 : 0),
      nonMemberScores: gaussians(random, 200, 0),
      fprs: [0.1],
      seed,
      delta: 0.2,
    });
  };

  it('violate a true claim by Clopper-Pearson alone in one run of five, and never by the one-run bound', () => {
    const audits = Array.from({ length: 300 }, (_, seed) => leakAll(seed));
    const claim = { epsilon: 0.5, delta: 0.2 };
    const naive = audits.map((audit) => resolved(audit)[0]!.epsilonLowerBound);
    expect(naive.filter(({ value }) => value > claim.epsilon).length).toBeGreaterThan(MOST_OF_300);
    expect(naive[0]!.guarantee).toBe('estimate');
    expect(audits.filter((audit) => verdict(audit, claim) === 'violated')).toHaveLength(0);
  });
});

describe('on a Gaussian shift of known size', () => {
  // Φ(μ/√2) for μ = ½, 1, 2.
  it.each([
    [0.5, 0.6381631950841185],
    [1, 0.7602499389065233],
    [2, 0.9213503964748574],
  ])('μ = %s finds the AUC and an ε > 0', (mu, auc) => {
    const random = seedrandom(`shift-${mu}`);
    const result = membershipInference({
      memberScores: gaussians(random, 4000, mu),
      nonMemberScores: gaussians(random, 4000, 0),
      fprs,
      design: 'independent-trials',
    });
    // The exact interval at confidence 1 − 1e-9.
    const radius = Math.sqrt(0.5 * Math.log(2e9) * (2 / 4000));
    expect(Math.abs(result.auc.exact.value - auc)).toBeLessThan(radius);
    expect(result.auc.asymptotic!.lower).toBeGreaterThan(result.auc.exact.lower);
    expect(resolved(result)[1]!.epsilonLowerBound.value).toBeGreaterThan(0);
  });
});

describe('on randomised response at ε = 1', () => {
  const response = (design: AuditDesign) => {
    const random = seedrandom('randomised-response');
    const truth = 1 / (1 + Math.exp(-1));
    const answers = (n: number, rate: number) => Array.from({ length: n }, () => (random() < rate ? 1 : 0));
    const members = fairCoins(random, 8000);
    return membershipInference({
      memberScores: answers(members, truth),
      nonMemberScores: answers(8000 - members, 1 - truth),
      fprs: [0.01, 0.5],
      design,
      assignment: 'coins',
      delta: 0,
    });
  };

  it.each(['independent-trials', 'one-model'] as const)('%s bounds ε from below, closely', (design) => {
    const result = response(design);
    const [bound] = design === 'one-model' ? exactBounds(result) : exactBounds(result).slice(1);
    expect(bound).toBeGreaterThan(0.75);
    expect(bound).toBeLessThanOrEqual(1);
    expect(verdict(result, { epsilon: 1, delta: 0 })).toBe('consistent');
    expect(verdict(result, { epsilon: 0.5, delta: 0 })).toBe('violated');
  });

  it('accuses nobody where ties would exceed the false-positive rate', () => {
    const [tight] = resolved(response('one-model'));
    expect(tight!.realisedFpr.successes).toBe(0);
    expect(tight!.tpr.successes).toBe(0);
    expect(tight!.epsilonLowerBound.value).toBe(0);
  });
});

describe('verdicts on one model', () => {
  const leaky = (n: number, assignment: MembershipAssignment) => {
    const random = seedrandom('leaky');
    return membershipInference({
      memberScores: gaussians(random, n, 12),
      nonMemberScores: gaussians(random, n, 0),
      fprs: [0.01],
      assignment,
    });
  };

  it('finds the violation of an obviously leaky model, further up when coins chose its members', () => {
    expect(verdict(leaky(1000, 'split'), { epsilon: 2, delta: 1e-5 })).toBe('violated');
    expect(verdict(leaky(1000, 'coins'), { epsilon: 3, delta: 1e-5 })).toBe('violated');
  });

  it('is inconclusive where the sample is too small for the claim, however leaky the model', () => {
    expect(verdict(leaky(200, 'coins'), { epsilon: 6, delta: 1e-5 })).toBe('inconclusive');
  });
});

describe('membershipInference', () => {
  const memberScores = Array.from({ length: 100 }, (_, i) => Math.sin(i) + 0.5);
  const nonMemberScores = Array.from({ length: 300 }, (_, i) => Math.sin(i * 1.7));
  const base = { memberScores, nonMemberScores, fprs: [0.05] };

  it('is a function of scores and seed', () => {
    expect(membershipInference({ ...base, seed: 's' })).toEqual(membershipInference({ ...base, seed: 's' }));
    const thresholds = ['a', 'b', 'c'].map((seed) => resolved(membershipInference({ ...base, seed }))[0]!);
    expect(new Set(thresholds.map(({ threshold }) => threshold)).size).toBeGreaterThan(1);
  });

  it('measures on the half that did not fix the threshold', () => {
    const result = membershipInference(base);
    expect(result.evaluation).toEqual({ members: 50, nonMembers: 150 });
    const [point] = resolved(result);
    expect(point!.tpr.trials).toBe(50);
    expect(point!.realisedFpr.trials).toBe(150);
  });

  it('gives no number for a rate that it cannot resolve', () => {
    const { points, comparisons } = membershipInference({ ...base, fprs: [0.001, 0.05] });
    expect(points[0]).toEqual({
      resolvable: false,
      targetFpr: 0.001,
      reason: expect.stringMatching(/at least 2000 non-members.*there are 300/),
    });
    expect(points[1]!.resolvable).toBe(true);
    expect(comparisons).toBe(1);
    expect(countResolvable(2000, [0.001, 0.01])).toBe(2);
    expect(countResolvable(1998, [0.001, 0.01])).toBe(1);
  });

  it('pays for every threshold', () => {
    const one = resolved(membershipInference(base))[0]!;
    const many = resolved(membershipInference({ ...base, comparisons: 10 }))[0]!;
    expect(many.corner.tprLower).toBeLessThanOrEqual(one.corner.tprLower);
    expect(many.corner.fprUpper).toBeGreaterThan(one.corner.fprUpper);
    expect(many.corner.confidence).toBeCloseTo(0.995, 12);
    expect(many.tpr).toEqual(one.tpr);
    expect(() => membershipInference({ ...base, fprs: [0.05, 0.1], comparisons: 1 })).toThrow(/comparisons/);
  });

  it('keeps the direction of the attack: swapped sides find nothing', () => {
    const swapped = membershipInference({
      memberScores: nonMemberScores,
      nonMemberScores: memberScores.map((score) => score + 3),
      fprs: [0.05],
    });
    expect(resolved(swapped)[0]!.epsilonLowerBound.value).toBe(0);
    expect(swapped.oneRun!.epsilonLowerBound.value).toBe(0);
    expect(swapped.auc.exact.value).toBeLessThan(0.2);
  });

  it.each([
    [{ memberScores: [1] }, /at least 2 members/],
    [{ nonMemberScores: [Number.NaN, 1] }, /nonMemberScores\[0\]/],
    [{ fprs: [0] }, /fprs/],
    [{ fprs: [1.5] }, /fprs/],
    [{ confidence: 95 }, /confidence/],
    [{ delta: 1 }, /delta/],
    [{ guessShare: 0.6 }, /guessShare/],
    [{ attacks: 0 }, /attacks/],
    [{ assignment: 'coins' as const }, /about half of 400 examples.*got 100/],
  ])('refuses %o', (change, message) => {
    expect(() => membershipInference({ ...base, ...change })).toThrow(message);
  });
});

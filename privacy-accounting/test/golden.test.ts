import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { complaints, type GoldenCase } from './golden-check.js';
import { FAMILIES } from './golden-families.js';
import { casesOf, runGolden } from './golden-run.js';

const cases = casesOf(JSON.parse(readFileSync(new URL('./golden.json', import.meta.url), 'utf8')));

describe('golden values', () => {
  it('cover every family that is answered', () => {
    expect([...new Set(cases.map(({ family }) => family))].sort()).toEqual(Object.keys(FAMILIES).sort());
  });

  it.each(cases.map((golden) => [golden.id, golden] as const))('%s', (_, golden) => {
    expect(runGolden([golden])).toEqual({ passed: 1, failures: [], skipped: new Map() });
  });
});

describe('the runner', () => {
  const base: GoldenCase = {
    id: 'x-001',
    family: 'gaussian_epsilon',
    params: { sigma: 1, delta: 1e-5 },
    expected: { epsilon: 4.377178095681137, epsilon_pld_peer: 99, optimal_order: 3 },
    check: 'approx',
    tol: { rel: 1e-9 },
  };

  it('fails what is off by more than the tolerance, and names it', () => {
    expect(runGolden([base]).passed).toBe(1);
    const off = { ...base, expected: { epsilon: 4.377178095681137 * (1 + 2e-9) } };
    expect(runGolden([off]).failures).toEqual([
      { id: 'x-001', lines: [expect.stringMatching(/^epsilon: got 4\.3771780956\d+, expected 4\.37717810/)] },
    ]);
  });

  it('counts families that are not answered, and fails a case that throws', () => {
    const report = runGolden([
      { ...base, family: 'astrology' },
      { ...base, family: 'astrology' },
      { ...base, family: 'mf_sensitivity', params: { kind: 'dense' } },
      { ...base, params: {} },
    ]);
    expect(report.skipped).toEqual(
      new Map([
        ['astrology', 2],
        ['mf_sensitivity', 1],
      ]),
    );
    expect(report.failures[0]?.lines[0]).toMatch(/params\.sigma must be a number/);
  });

  it('does not pass a case that asserts nothing, or a check that it does not know', () => {
    expect(complaints({ ...base, expected: { epsilon_peer: 1 } }, { epsilon: 1 })).toEqual([
      'nothing is asserted',
    ]);
    expect(complaints({ ...base, check: 'guess' }, { epsilon: 1 })).toEqual(['unknown check "guess"']);
    expect(complaints({ ...base, expected: { epsilon: 1, mu: 2 } }, { epsilon: 1 })).toEqual([
      'mu: nothing computed, expected 2',
    ]);
  });

  it('takes lists and objects of answers apart', () => {
    const golden = {
      ...base,
      expected: { epsilon: [1, 2], beta_at: { '0.1': 0.5 }, tpr_peer: { '0.1': 9 } },
    };
    expect(complaints(golden, { epsilon: [1, 2], beta_at: { '0.1': 0.5 } })).toEqual([]);
    expect(complaints(golden, { epsilon: [1, 3], beta_at: {} })).toEqual([
      'epsilon.1: got 3, expected 2',
      'beta_at.0.1: nothing computed, expected 0.5',
    ]);
  });

  const passes = (overrides: Partial<GoldenCase>, got: Record<string, number>) =>
    complaints({ ...base, ...overrides }, got).length === 0;
  const tol = { rel: 0.01, abs: 0.1 };

  it('holds `approx` to abs + rel·|expected|, on both sides, infinities included', () => {
    const approx = { expected: { epsilon: 10 }, tol };
    expect([9.79, 9.81, 10.19, 10.21].map((epsilon) => passes(approx, { epsilon }))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    const infinite = { expected: { epsilon: 'inf' }, tol } as const;
    expect(passes(infinite, { epsilon: Number.POSITIVE_INFINITY })).toBe(true);
    expect(passes(infinite, { epsilon: 1e300 })).toBe(false);
    expect(passes({ expected: { epsilon: 10 }, tol }, { epsilon: Number.NaN })).toBe(false);
  });

  it('holds `between_truth_and_expected` to soundness below and the peer above', () => {
    const between = {
      check: 'between_truth_and_expected',
      expected: { epsilon: 10 },
      truth: { epsilon: 8, err: 0.5 },
      tol,
    };
    expect([7.49, 7.51, 10.19, 10.21].map((epsilon) => passes(between, { epsilon }))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    const delta = {
      ...between,
      expected: { delta: 1e-5 },
      truth: { delta: 1e-6, err_rel: 0.1 },
      tol: { rel: 0.01 },
    };
    expect([8.9e-7, 9.1e-7, 1.005e-5, 1.02e-5].map((d) => passes(delta, { delta: d }))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it('holds the other checks to their tables', () => {
    const truth = { epsilon: 8, err: 0.5 };
    const near = { check: 'at_least_truth_within_tol', expected: { epsilon: 10 }, truth, tol };
    expect([7.49, 7.51, 8.17, 8.19].map((epsilon) => passes(near, { epsilon }))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    const most = { check: 'at_most', expected: { sigma: 10 }, tol };
    expect([0, 1e-9, 10.19, 10.21].map((sigma) => passes(most, { sigma }))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    const min = { check: 'at_most_min', expected: { epsilon_a: 10, epsilon_b: 9 }, tol };
    expect([0, 9.18, 9.2].map((epsilon) => passes(min, { epsilon }))).toEqual([false, true, false]);
    const least = { check: 'at_least', expected: { epsilon: 10 }, tol };
    expect([9.79, 9.81, 99].map((epsilon) => passes(least, { epsilon }))).toEqual([false, true, true]);
    const lower = {
      check: 'lower_bound_at_least_expected_at_most_truth',
      expected: { epsilon_lower: 7 },
      truth,
      tol,
    };
    expect([6.82, 6.84, 8.49, 8.51].map((epsilon_lower) => passes(lower, { epsilon_lower }))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    const bracket = {
      check: 'bracket_contains_truth',
      expected: { epsilon_lower: 7, epsilon_estimate: 8, epsilon_upper: 9 },
      truth,
      tol,
    };
    const brackets = [
      [7, 9],
      [8.6, 9],
      [7, 7.4],
      [6, 9],
    ].map(([epsilon_lower, epsilon_upper]) =>
      passes(bracket, { epsilon_lower: epsilon_lower!, epsilon_upper: epsilon_upper! }),
    );
    expect(brackets).toEqual([true, false, false, false]);
  });

  it('refuses a file that is not one', () => {
    expect(() => casesOf({})).toThrow(/list "cases"/);
    expect(() => casesOf(null)).toThrow(/list "cases"/);
    expect(() => casesOf({ cases: [{ id: 'a' }] })).toThrow(/cases\[0\] has no id or no family/);
  });
});

import {
  ACCOUNTANT_NAMES,
  compareAccountants,
  deltaOf,
  epsilonOf,
  gaussian,
  gaussianTradeOff,
  poissonSampled,
  remaining,
  selfComposed,
} from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import { cli, cliIn, PLAN } from './captured.js';

const RELATION = 'add-or-remove-one' as const;
const step = poissonSampled({ samplingProbability: 256 / 60_000, event: gaussian({ noiseMultiplier: 1.1 }) });
const run = selfComposed({ count: 14_063, event: step });
const WITHOUT_DELTA = PLAN.slice(0, -2);
const LAPLACE = JSON.stringify({ type: 'selfComposed', count: 20, event: { type: 'laplace', parameter: 5 } });

type Json = Readonly<Record<string, unknown>>;

describe('budget asked for several figures', () => {
  it('answers ε at each δ, and the first of them at the top', async () => {
    const answer = (
      await cli('budget', ...PLAN, '--delta', '1e-6,1e-7', '--accountant', 'rdp', '--json')
    ).json();
    const expected = [1e-5, 1e-6, 1e-7].map((delta) =>
      epsilonOf(run, { delta, relation: RELATION, accountant: 'rdp' }),
    );
    const answers = answer.answers as Json[];
    expect(answers.map(({ epsilon }) => epsilon)).toEqual(expected.map(({ epsilon }) => epsilon));
    expect(answer).toMatchObject({ asked: 'epsilon', epsilon: expected[0]!.epsilon, delta: 1e-5 });
  });

  it('answers δ at ε, alone and beside ε', async () => {
    const { delta } = deltaOf(run, { epsilon: 1, relation: RELATION });
    const alone = await cli('budget', ...WITHOUT_DELTA, '--epsilon', '1', '--json');
    expect(alone.json()).toMatchObject({ asked: 'delta', epsilon: 1, delta });
    const { stdout } = await cli('budget', ...WITHOUT_DELTA, '--epsilon', '1');
    const shown = Number(/^δ ≤ (\S+) at ε = 1\n/.exec(stdout)?.[1]);
    expect(shown).toBeGreaterThanOrEqual(delta);
    expect(shown).toBeLessThan(delta * 1.001);
    const both = (await cli('budget', ...PLAN, '--epsilon', '1', '--json')).json().answers as Json[];
    expect(both.map(({ asked }) => asked)).toEqual(['epsilon', 'delta']);
  });

  it('protects users of several examples, for more ε', async () => {
    const group = (await cli('budget', ...PLAN, '--group-size', '2', '--json')).json();
    const bound = epsilonOf(run, { delta: 1e-5, relation: RELATION, contributions: 2 });
    expect(group).toMatchObject({ epsilon: bound.epsilon, unit: 'user', contributions: 2 });
    expect(group.epsilon).toBeGreaterThan((await cli('budget', ...PLAN, '--json')).json().epsilon as number);
    const { stdout } = await cli('budget', ...PLAN, '--group-size', '2');
    expect(stdout).toContain('for each user of up to 2 examples');
  });

  it('takes any event, and refuses what an accountant has no bound for', async () => {
    const ask = (...words: string[]) =>
      cliIn({ stdin: LAPLACE }, 'budget', '--event', '-', '--delta', '1e-5', ...words, '--json');
    expect((await ask()).code).toBe(0);
    expect((await ask('--accountant', 'pure')).json()).toMatchObject({ accountant: 'pure' });
    const refused = await ask('--accountant', 'gdp');
    expect(refused.code).toBe(2);
    expect(refused.json()).toMatchObject({ error: { code: 'DP_UNSUPPORTED_EVENT' } });
  });

  it('calls an approximation one, and states nothing from it', async () => {
    const { stdout } = await cli('budget', ...PLAN, '--accountant', 'clt');
    expect(stdout).toMatch(/^ε ≈ \S+ at δ = 1e-5\n/);
    expect(stdout).toContain('approximation, no bound');
    expect(stdout).not.toMatch(/Differentially private with/);
    for (const flags of [['--ceilings'], ['--budget-epsilon', '3']]) {
      const { code, stderr } = await cli('budget', ...PLAN, '--accountant', 'clt', ...flags);
      expect(code).toBe(2);
      expect(stderr).toContain('Take --accountant best');
    }
  });

  it('takes the sampling probability in place of the sizes', async () => {
    const words = [
      '--sampling-probability',
      '0.01',
      '--steps',
      '1000',
      '--noise-multiplier',
      '1',
      '--delta',
      '1e-5',
    ];
    const { plan, events } = (await cli('budget', ...words, '--json')).json();
    expect(plan).toMatchObject({
      samplingProbability: 0.01,
      steps: 1000,
      epochs: 10,
      datasetSize: null,
      batchSize: null,
    });
    expect(events).toMatchObject({ count: 1000, event: { samplingProbability: 0.01 } });
    expect((await cli('budget', ...words, '--batch-size', '5')).stderr).toContain('give one of them');
    expect((await cli('budget', ...words, '--sampler', 'shuffle')).code).toBe(2);
  });
});

describe('budget --budget-epsilon', () => {
  it('exits with 0 within the budget and with 3 beyond it', async () => {
    const within = await cli('budget', ...PLAN, '--budget-epsilon', '3', '--json');
    expect(within.code).toBe(0);
    expect(within.json().budget).toEqual({ epsilon: 3, delta: 1e-5, met: true, remaining: null });
    const beyond = await cli('budget', ...PLAN, '--budget-epsilon', '2', '--json');
    expect(beyond.code).toBe(3);
    expect(beyond.json()).toMatchObject({ epsilon: within.json().epsilon, budget: { met: false } });
    expect((await cli('budget', ...PLAN, '--budget-epsilon', '2')).stdout).toContain('is exceeded');
  });

  it('counts the steps that are left', async () => {
    const words = [...PLAN, '--budget-epsilon', '3', '--remaining'];
    const left = remaining({
      spent: run,
      next: step,
      budget: { epsilon: 3, delta: 1e-5 },
      relation: RELATION,
    });
    const answer = (await cli('budget', ...words, '--json')).json().budget as Json;
    expect(answer.remaining).toEqual({
      unit: 'steps',
      count: left.count,
      epsilon: left.bound.epsilon,
      oneMore: left.oneMore,
    });
    const shown = left.count.toLocaleString('en-US');
    expect((await cli('budget', ...words)).stdout).toContain(`${shown} more steps are left`);
  });

  it('has no step left beyond the budget, and any number of what costs nothing', async () => {
    const beyond = await cli('budget', ...PLAN, '--budget-epsilon', '2', '--remaining');
    expect(beyond.code).toBe(3);
    expect(beyond.stdout).toContain('No more steps are left.');
    const words = ['--event', '-', '--delta', '1e-5', '--budget-epsilon', '3', '--remaining'];
    const free = await cliIn({ stdin: '{"type":"noOp"}' }, 'budget', ...words, '--json');
    expect(free.json().budget).toMatchObject({ met: true, remaining: { count: 'inf' } });
  });

  it('counts repetitions of an event that repeats nothing', async () => {
    const stdin = '{"type":"gaussian","noiseMultiplier":4}';
    const words = ['--event', '-', '--delta', '1e-5', '--budget-epsilon', '3', '--remaining', '--json'];
    const { remaining: left } = (await cliIn({ stdin }, 'budget', ...words)).json().budget as Json;
    expect(left).toMatchObject({ unit: 'repetitions' });
    expect((left as Json).count).toBeGreaterThan(1);
  });

  it.each([
    [['--remaining'], 'give it with --budget-epsilon'],
    [['--budget-epsilon', '3', '--delta', '1e-6'], 'give one --delta'],
    [['--prior', '0.1'], 'belongs to --ceilings'],
    [['--budget-epsilon', '-1'], '--budget-epsilon must be a number above 0'],
    [['--group-size', '0'], '--group-size must be a whole number'],
  ])('%j is refused', async (words, message) => {
    const { code, stdout, stderr } = await cli('budget', ...PLAN, ...words);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });
});

describe('budget --compare', () => {
  it('sets all accountants of the library side by side', async () => {
    const rows = (await cli('budget', ...PLAN, '--compare', 'all', '--json')).json().comparison as Json[];
    const expected = compareAccountants(run, { delta: 1e-5, relation: RELATION });
    expect(rows.map(({ accountant }) => accountant)).toEqual(ACCOUNTANT_NAMES);
    for (const [i, { bound, reason, trust, direction }] of expected.entries()) {
      expect(rows[i]).toMatchObject({ direction, trust });
      // The same but for the advice, which names who answered.
      const fact = (text: unknown) => (typeof text === 'string' ? text.replace(/ Use .*$/, '') : undefined);
      expect(fact(rows[i]!.reason)).toBe(fact(reason));
      expect((rows[i]!.bound as Json | null)?.epsilon).toBe(bound?.epsilon);
    }
  });

  it('prints ε or the refusal, the direction, and the reason to trust each', async () => {
    const { stdout } = await cliIn({ columns: 100 }, 'budget', ...PLAN, '--compare', 'rdp,gdp,clt');
    const table = stdout.slice(stdout.indexOf('Side by side'));
    expect(table).toMatch(/rdp \* +≤ 2\.\d+ +upper bound +\* Smallest\. /);
    expect(table).toMatch(/gdp +none +– +event/);
    expect(table).toMatch(/clt +≈ 2\.\d+ +no bound +No bound/);
    expect(table).not.toMatch(/^ {2}pld/m);
    expect(Math.max(...table.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  it('encloses the truth where an accountant can, rounded outwards', async () => {
    const words = [...PLAN, '--compare', 'certified-pld'];
    const [row] = (await cli('budget', ...words, '--json')).json().comparison as Json[];
    const lower = (row!.lower as Json).epsilon as number;
    const upper = (row!.bound as Json).epsilon as number;
    expect(lower).toBeLessThanOrEqual(upper);
    expect(row!.lower).toMatchObject({ direction: 'lower' });
    const { stdout } = await cli('budget', ...words);
    const shown = /The truth is at least (\d\.\d+)\./.exec(stdout.replace(/\s+/g, ' '))?.[1];
    expect(Number(shown)).toBeLessThanOrEqual(lower);
    expect(Number(shown)).toBeGreaterThan(lower * 0.999);
  });

  it('keeps within a narrow terminal', async () => {
    const { stdout } = await cliIn({ columns: 60 }, 'budget', ...PLAN, '--compare', 'rdp,gdp');
    const table = stdout.slice(stdout.indexOf('Side by side'));
    expect(Math.max(...table.split('\n').map((line) => line.length))).toBeLessThanOrEqual(60);
  });

  it.each([
    [['--compare', 'rdp,pdl'], '"pdl" is none of'],
    [['--compare', ''], '"" is none of'],
  ])('%j is refused', async (words, message) => {
    const { code, stderr } = await cli('budget', ...PLAN, ...words);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it('needs a δ', async () => {
    const { code, stderr } = await cli('budget', ...WITHOUT_DELTA, '--epsilon', '1', '--compare', 'all');
    expect(code).toBe(2);
    expect(stderr).toContain('give --delta');
  });
});

describe('the advice of --compare', () => {
  it.each([
    ['{"type":"zCDP","rho":0.05,"xi":0,"relation":"add-or-remove-one"}', 'add-or-remove-one'],
    [
      '{"type":"truncatedPoissonSampled","samplingProbability":0.01,"maxBatchSize":150,"datasetSize":10000,"event":{"type":"gaussian","noiseMultiplier":1.1}}',
      'replace-one',
    ],
    [
      '{"type":"sampledWithReplacement","datasetSize":10000,"sampleSize":10,"event":{"type":"gaussian","noiseMultiplier":9}}',
      'replace-one',
    ],
    [
      '{"type":"repeatAndSelect","mean":10,"shape":1,"event":{"type":"gaussian","noiseMultiplier":4}}',
      'replace-one',
    ],
    [
      '{"type":"poissonSampled","samplingProbability":0.01,"event":{"type":"gaussian","noiseMultiplier":1.1}}',
      'replace-one',
    ],
  ])('names accountants that bound %s under %s', async (stdin, relation) => {
    const asked = ['--event', '-', '--delta', '1e-5', '--relation', relation, '--compare', 'all', '--json'];
    const { comparison } = (await cliIn({ stdin }, 'budget', ...asked)).json();
    const rows = comparison as readonly { accountant: string; bound: unknown; reason: string | null }[];
    const advised = rows.flatMap(({ reason }) => [...(reason ?? '').matchAll(/the ([\w-]+) accountant\.$/g)]);
    expect(advised.length).toBeGreaterThan(2);
    for (const [, name] of advised) {
      expect(rows.find(({ accountant }) => accountant === name)?.bound).not.toBeNull();
    }
    expect(JSON.stringify(rows)).not.toContain('another accountant');
  });

  it('calls no infinite ε the smallest', async () => {
    const { stdout } = await cli('budget', ...PLAN, '--noise-multiplier', '0', '--compare', 'all');
    expect(stdout).toContain('= ∞');
    expect(stdout).not.toMatch(/Smallest|at least 0/);
  });
});

describe('--ceilings', () => {
  interface Ceilings {
    readonly truePositiveRates: readonly {
      readonly falsePositiveRate: number;
      readonly truePositiveRate: number;
    }[];
    readonly membershipAdvantage: number;
    readonly posterior: { readonly prior: number; readonly posterior: number };
  }

  it('are those that (ε, δ) implies, or lower', async () => {
    const answer = (await cli('budget', ...PLAN, '--ceilings', '--prior', '0.5', '--json')).json();
    const { truePositiveRates, membershipAdvantage, posterior } = answer.ceilings as unknown as Ceilings;
    const epsilon = answer.epsilon as number;
    expect(truePositiveRates.map(({ falsePositiveRate }) => falsePositiveRate)).toEqual([0.001, 0.01, 0.1]);
    for (const { falsePositiveRate, truePositiveRate } of truePositiveRates) {
      expect(truePositiveRate).toBeLessThanOrEqual(Math.exp(epsilon) * falsePositiveRate + 1e-5);
      expect(truePositiveRate).toBeGreaterThan(falsePositiveRate);
    }
    expect(membershipAdvantage).toBeLessThan(Math.tanh(epsilon / 2) + 1e-5);
    expect(posterior.posterior).toBeGreaterThan(0.5);
    expect(posterior.posterior).toBeLessThan(1);
  });

  it('hold for what is rebuilt and what is poisoned, each by its own curve', async () => {
    const asked = ['--event', '-', '--delta', '1e-5', '--ceilings', '--baseline', '0.1', '--poisoned', '2'];
    const stdin = '{"type":"gaussian","noiseMultiplier":2}';
    const { ceilings } = (await cliIn({ stdin }, 'budget', ...asked, '--json')).json();
    const curve = gaussianTradeOff({ mu: 0.5, relation: 'add-or-remove-one' });
    const twice = curve.truePositiveRate(curve.truePositiveRate(0.01));
    expect(ceilings).toMatchObject({
      gaussianMu: { mu: expect.closeTo(0.5, 9), minimumFalsePositiveRate: 0.001 },
      reconstruction: { baseline: 0.1, success: expect.closeTo(curve.truePositiveRate(0.1), 12) },
      poisoning: { records: 2, before: 0.01, after: expect.closeTo(twice, 12) },
    });
    const { stdout } = await cliIn({ stdin }, 'budget', ...asked);
    expect(stdout).toMatch(/guessed: 10 % +at most 21\.8 % rebuilt/);
    expect(stdout).toMatch(/2 poisoned +what had a probability of 1 % has at most 9\.\d+ %/);
    const { code, stderr } = await cliIn({ stdin }, 'budget', ...asked, '--poisoned', '2000000');
    expect(code).toBe(2);
    expect(stderr).toContain('--poisoned must be at most 1000000');
  });

  it('are printed rounded up, of budget and of calibrate', async () => {
    const { stdout } = await cli('budget', ...PLAN, '--ceilings');
    expect(stdout).toMatch(/found at 0\.1 % false alarms +at most 0\.\d+ %/);
    expect(stdout).toMatch(/sure of it: 1 % +at most \d/);
    const plan = PLAN.filter((word) => word !== '--noise-multiplier' && word !== '1.1');
    const found = await cli('calibrate', '--target-epsilon', '1', ...plan, '--ceilings', '--json');
    expect((found.json().ceilings as unknown as Ceilings).membershipAdvantage).toBeLessThan(Math.tanh(0.5));
  });
});

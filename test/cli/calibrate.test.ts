import { calibrateNoiseMultiplier, gaussian, poissonSampled, selfComposed } from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import { cli, cliIn } from './captured.js';

const TARGET = ['--target-epsilon', '3', '--delta', '1e-5'];
const PLAN = ['--dataset-size', '60000', '--batch-size', '1024', '--epochs', '15'];

describe('calibrate --event', () => {
  const event = (stdin: string, ...words: readonly string[]) =>
    cliIn({ stdin }, 'calibrate', '--event', '-', ...words);

  it.each([
    ['{"type":"laplace","parameter":"?"}', 'noise-multiplier'],
    ['{"type":"selfComposed","count":"?","event":{"type":"gaussian","noiseMultiplier":40}}', 'steps'],
    [
      '{"type":"selfComposed","count":9,"event":{"type":"poissonSampled","samplingProbability":"?","event":{"type":"gaussian","noiseMultiplier":1.1}}}',
      'sampling-probability',
    ],
  ])('finds what %s leaves open, as budget counts it', async (text, solve) => {
    const found = (await event(text, '--solve', solve, ...TARGET.with(1, '1'), '--json')).json();
    expect(found).toMatchObject({ solved: { name: solve }, plan: null });
    expect(found.epsilon).toBeLessThanOrEqual(1);
    expect(found.epsilon).toBeGreaterThan(0.97);
    const stdin = text.replace('"?"', String((found.solved as { value: number }).value));
    expect(found.events).toMatchObject(JSON.parse(stdin) as object);
    const spent = await cliIn({ stdin }, 'budget', '--event', '-', '--delta', '1e-5', '--json');
    expect(spent.json().epsilon).toBe(found.epsilon);
  });

  it('answers for a complete event, too', async () => {
    const found = await event(
      '{"type":"gaussian","noiseMultiplier":4}',
      '--solve',
      'epsilon',
      '--delta',
      '1e-5',
    );
    expect(found.stdout).toMatch(/^ε ≤ 0\.9264 at δ = 1e-5\n/);
  });

  it.each([
    ['{"type":"gaussian","noiseMultiplier":4}', [], 'holds no "?"'],
    ['{"type":"laplace","parameter":"?"}', ['--solve', 'epochs'], '--solve epochs is of a plan'],
    ['{"type":"laplace","parameter":"?"}', ['--steps', '5'], 'already says what --steps would'],
    ['{"type":"laplace","parameter":"?"}', ['--accountant', 'gdp'], 'Use the pld accountant.'],
    ['{"type":"selfComposed","count":"?","event":{"type":"noOp"}}', [], 'Does --solve name what the "?" is?'],
    [`${'['.repeat(9000)}${']'.repeat(9000)}`, [], 'nested more than'],
  ])('refuses %s with %j', async (text, words, message) => {
    const { code, stdout, stderr } = await event(text, ...TARGET, ...words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});

describe('calibrate', () => {
  it('compares accountants at what it found', async () => {
    const { json } = await cli(
      'calibrate',
      ...TARGET,
      ...PLAN,
      '--accountant',
      'rdp',
      '--compare',
      'rdp,gdp',
      '--json',
    );
    const found = json();
    expect(found.comparison).toMatchObject([
      { accountant: 'gdp', bound: null, reason: expect.stringMatching(/Use the rdp accountant\.$/) },
      { accountant: 'rdp', bound: { epsilon: found.epsilon } },
    ]);
  });

  it('answers with the keys of its contract and the numbers of the library', async () => {
    const { code, stderr, json } = await cli('calibrate', ...TARGET, ...PLAN, '--json');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const makeEvent = (noiseMultiplier: number) =>
      selfComposed({
        count: Math.ceil((15 * 60_000) / 1024),
        event: poissonSampled({ samplingProbability: 1024 / 60_000, event: gaussian({ noiseMultiplier }) }),
      });
    const { noiseMultiplier, bound } = calibrateNoiseMultiplier({
      makeEvent,
      targetEpsilon: 3,
      delta: 1e-5,
      relation: 'add-or-remove-one',
    });
    expect(json()).toMatchObject({
      schema: 'tfjs-privacy/calibrate/1',
      noiseMultiplier,
      targetEpsilon: 3,
      epsilon: bound.epsilon,
      delta: 1e-5,
      relation: 'add-or-remove-one',
      accountant: bound.accountant,
      order: bound.order ?? null,
      events: makeEvent(noiseMultiplier),
      statement: expect.stringContaining('ε ≤ 3 '),
    });
  });

  it.each([
    ['poisson', 'add-or-remove-one'],
    ['poisson', 'replace-special'],
    ['shuffle', 'replace-special'],
    ['shuffle', 'replace-one'],
  ])('is undone by budget, bit for bit, and never passes the target (%s, %s)', async (sampler, relation) => {
    const how = ['--sampler', sampler, '--relation', relation, '--json'];
    for (const target of ['0.1', '1', '8']) {
      const found = (
        await cli('calibrate', '--target-epsilon', target, '--delta', '1e-5', ...PLAN, ...how)
      ).json();
      const sigma = String(found.noiseMultiplier);
      const spent = await cli('budget', ...PLAN, '--noise-multiplier', sigma, '--delta', '1e-5', ...how);
      expect(spent.json().epsilon).toBe(found.epsilon);
      expect(found.epsilon).toBeLessThanOrEqual(Number(target));
      expect(found.epsilon).toBeGreaterThan(Number(target) * (1 - 1e-5));
    }
  });

  it('shows people a noise multiplier that meets the target as it is shown', async () => {
    const { stdout } = await cli('calibrate', ...TARGET, ...PLAN);
    const shown = /^noise multiplier (\S+) gives ε ≤ 3 at δ = 1e-5\n/.exec(stdout)?.[1];
    const spent = await cli('budget', ...PLAN, '--noise-multiplier', shown!, '--delta', '1e-5', '--json');
    expect(spent.json().epsilon).toBeLessThanOrEqual(3);
  });

  it('names everything that is missing at once', async () => {
    const { code, stderr } = await cli('calibrate', '--delta', '1e-5');
    expect(code).toBe(2);
    expect(stderr).toContain('missing --target-epsilon, --dataset-size, --batch-size');
  });

  it.each(['0', '-3', 'NaN', 'inf', '1e400'])('refuses the target ε %s', async (target) => {
    const { code, stderr } = await cli('calibrate', '--target-epsilon', target, '--delta', '1e-5', ...PLAN);
    expect(code).toBe(2);
    expect(stderr).toContain('--target-epsilon must be a number above 0');
  });

  it('says so when no noise reaches the target', async () => {
    const target = ['--target-epsilon', '1e-9', '--delta', '1e-15'];
    const { code, stderr } = await cli(
      'calibrate',
      ...target,
      ...PLAN,
      '--sampler',
      'shuffle',
      '--accountant',
      'rdp',
    );
    expect(code).toBe(2);
    expect(stderr).toContain("can't be reached");
  });
});

import { calibrateNoiseMultiplier, gaussian, poissonSampled, selfComposed } from 'privacy-accounting';
import { describe, expect, it } from 'vitest';
import { cli } from './captured.js';

const TARGET = ['--target-epsilon', '3', '--delta', '1e-5'];
const PLAN = ['--dataset-size', '60000', '--batch-size', '1024', '--epochs', '15'];

describe('calibrate', () => {
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

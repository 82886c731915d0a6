import { describe, expect, it } from 'vitest';
import { cli } from './captured.js';

const TARGET = ['--target-epsilon', '3', '--delta', '1e-5'];
const GIVEN: Readonly<Record<string, readonly string[]>> = {
  'noise-multiplier': ['--noise-multiplier', '1.1'],
  'dataset-size': ['--dataset-size', '60000'],
  'batch-size': ['--batch-size', '1024'],
  steps: ['--steps', '800'],
};
const except = (...names: string[]) =>
  Object.entries(GIVEN).flatMap(([name, words]) => (names.includes(name) ? [] : words));

interface Solved {
  readonly name: string;
  readonly value: number;
  readonly misses: { readonly value: number; readonly epsilon: number };
}

describe('calibrate --solve', () => {
  it.each([
    ['steps', except('steps')],
    ['epochs', except('steps')],
    ['batch-size', except('batch-size')],
    ['dataset-size', except('dataset-size')],
    ['sampling-probability', except('batch-size', 'dataset-size')],
    ['noise-multiplier', except('noise-multiplier')],
  ])('%s finds a value that budget agrees with, and the next one misses', async (name, plan) => {
    const found = await cli(
      'calibrate',
      '--solve',
      name,
      ...TARGET,
      ...plan,
      '--accountant',
      'rdp',
      '--json',
    );
    expect(found.stderr).toBe('');
    expect(found.code).toBe(0);
    const answer = found.json();
    const { value, misses, ...solved } = answer.solved as Solved;
    expect(solved.name).toBe(name);
    expect(answer.epsilon).toBeLessThanOrEqual(3);
    expect(misses.epsilon).toBeGreaterThan(3);
    const check = (at: number) =>
      cli('budget', ...plan, `--${name}`, String(at), '--delta', '1e-5', '--accountant', 'rdp', '--json');
    const spent = (await check(value)).json();
    expect(spent.epsilon).toBe(answer.epsilon);
    expect(spent.events).toEqual(answer.events);
    expect((await check(misses.value)).json().epsilon).toBe(misses.epsilon);
    if (['steps', 'epochs', 'batch-size', 'dataset-size'].includes(name)) {
      expect(Math.abs(misses.value - value)).toBe(1);
    }
  });

  it('finds ε at δ and δ at ε of a complete plan', async () => {
    const plan = except();
    const epsilon = (
      await cli('calibrate', '--solve', 'epsilon', ...plan, '--delta', '1e-5', '--json')
    ).json();
    const spent = (await cli('budget', ...plan, '--delta', '1e-5', '--json')).json();
    expect(epsilon).toMatchObject({ epsilon: spent.epsilon, targetEpsilon: null, asked: 'epsilon' });
    const words = ['--target-epsilon', String(spent.epsilon), '--json'];
    const delta = (await cli('calibrate', '--solve', 'delta', ...plan, ...words)).json();
    expect(delta.asked).toBe('delta');
    expect((delta.delta as number) / 1e-5).toBeCloseTo(1, 3);
  });

  it('counts passes of shuffled batches', async () => {
    const words = [
      '--dataset-size',
      '60000',
      '--batch-size',
      '1024',
      '--noise-multiplier',
      '4',
      '--sampler',
      'shuffle',
    ];
    const { solved, plan } = (
      await cli('calibrate', '--solve', 'epochs', ...TARGET, ...words, '--json')
    ).json();
    expect(solved).toMatchObject({ value: 8 });
    expect(plan).toMatchObject({ passes: 8 });
    const refused = await cli(
      'calibrate',
      '--solve',
      'batch-size',
      ...TARGET,
      ...except('batch-size'),
      '--sampler',
      'shuffle',
    );
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('asks for Poisson samples');
  });

  it('shows people the value, rounded to the private side', async () => {
    const plan = except('batch-size', 'dataset-size');
    const { stdout } = await cli('calibrate', '--solve', 'sampling-probability', ...TARGET, ...plan);
    const shown = /^sampling probability (\S+) gives ε ≤ 3 at δ = 1e-5\n/.exec(stdout)?.[1];
    const spent = await cli('budget', ...plan, '--sampling-probability', shown!, '--delta', '1e-5', '--json');
    expect(spent.json().epsilon).toBeLessThanOrEqual(3);
  });

  it.each([
    [['--solve', 'steps', ...except()], '--steps is what --solve is to find'],
    [['--solve', 'epochs', ...except()], '--steps decides what --epochs would'],
    [
      ['--solve', 'sampling-probability', ...except()],
      '--batch-size decides what --sampling-probability would',
    ],
    [
      ['--solve', 'steps', ...except('steps', 'batch-size', 'noise-multiplier')],
      'missing --batch-size, --noise-multiplier',
    ],
    [['--solve', 'epsilon', ...except()], '--target-epsilon is what --solve is to find'],
  ])('%j is refused', async (words, message) => {
    const { code, stdout, stderr } = await cli('calibrate', ...TARGET, ...words);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
  });

  it('says in its own words when nothing, or anything, will do', async () => {
    const plan = ['--dataset-size', '60000', '--batch-size', '1024'];
    const target = ['--target-epsilon', '0.001', '--delta', '1e-9'];
    const { code, stderr } = await cli(
      'calibrate',
      '--solve',
      'steps',
      ...target,
      ...plan,
      '--noise-multiplier',
      '0.5',
    );
    expect(code).toBe(2);
    expect(stderr).toContain("--target-epsilon 0.001 can't be reached with any --steps");
    expect(stderr).not.toContain('makeEvent');
  });
});

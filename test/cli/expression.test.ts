import fc from 'fast-check';
import { create, all as everything } from 'mathjs';
import { describe, expect, it } from 'vitest';
import { ExpressionError, loadEvaluator, readExpression } from '../../src/cli/expression.js';
import { cli } from './captured.js';

const SIZES = ['--dataset-size', '60000', '--batch-size', '256'];
const REST = ['--noise-multiplier', '1.1', '--delta', '1e-5'];
const PLAN = [...SIZES, '--epochs', '60', '--noise-multiplier', '1.1'];

const known = new Set(['n', 'batch', 'epochs']);
const evaluated = async (text: string, values: Record<string, number> = {}) =>
  (await loadEvaluator())(readExpression(text, known), new Map(Object.entries(values)));

describe('an expression', () => {
  it.each([
    ['1/n^1.1', 1 / 60_000 ** 1.1],
    ['2*3+4', 10],
    ['2 + 3 * 4', 14],
    ['-2^2', -4],
    ['2^3^2', 512],
    ['2^-1', 0.5],
    ['(1+2)*(3-5)/2', -3],
    ['ceil(epochs * n / batch)', 14_063],
    ['max(1, 2, min(5, 4))', 4],
    ['sqrt(n)*log(n)', Math.sqrt(60_000) * Math.log(60_000)],
    ['1e3 + .5 + 5.', 1005.5],
  ])('%s has the value that arithmetic gives it', async (text, value) => {
    expect(await evaluated(text, { n: 60_000, batch: 256, epochs: 60 })).toBeCloseTo(value, 12);
  });

  it('agrees with 64-digit arithmetic', async () => {
    const big = create(everything!, { number: 'BigNumber', precision: 64 });
    const leaf = fc.oneof(
      fc.integer({ min: 1, max: 999 }).map(String),
      fc.constantFrom('n', 'batch', 'epochs'),
    );
    const { tree } = fc.letrec<{ tree: string }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc
          .tuple(tie('tree'), fc.constantFrom('+', '*', '/'), tie('tree'))
          .map(([a, op, b]) => `(${a}${op}${b})`),
        tie('tree').map((a) => `sqrt(${a})`),
      ),
    }));
    const values = { n: 60_000, batch: 256, epochs: 60 };
    const exactValues = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, big.bignumber(value)]),
    );
    const texts = fc.sample(tree, { seed: 7, numRuns: 200 }).filter((text) => text.length <= 200);
    expect(texts.length).toBeGreaterThan(100);
    for (const text of texts) {
      const exact = Number(big.evaluate(text, { ...exactValues }));
      expect((await evaluated(text, values)) / exact).toBeCloseTo(1, 12);
    }
  });

  it.each([
    'constructor',
    '__proto__',
    'toString',
    'this',
    'globalThis',
    'process',
    'NaN',
    'Infinity',
    'i',
    'e',
    'pi',
    'true',
    'import("fs")',
    'import(n)',
    'evaluate(n)',
    'parse(n)',
    'createUnit(n)',
    'simplify(n)',
    'derivative(n, n)',
    'config(n)',
    'typed(n)',
    'cos(n)',
    'n()',
    'n(1)',
    'n.constructor',
    'n.a',
    'n[1]',
    'n["constructor"]',
    '[1, 2]',
    '{a: 1}',
    '"text"',
    "'text'",
    '`text`',
    'n = 5',
    'f(x) = x',
    'n; 5',
    '1\n2',
    '1:5',
    'n ? 1 : 2',
    'n > 1',
    'n == 1',
    'n!',
    '5%',
    'n and 1',
    'n to 5',
    '2 cm',
    '2n',
    'n n',
    '(1)(2)',
    'n(2)',
    '0x10',
    '0b11',
    '1_000',
    '1e999',
    '1e-999',
    '5abc',
    '1..2',
    '',
    ' ',
    ' 1',
    '1 ',
    '1 +',
    '* 1',
    '1 // 2',
    '(1',
    '1)',
    '()',
    'sqrt()',
    'sqrt',
    '1,2',
    '(1,2)',
    'max(,1)',
    '#comment',
    '１+１',
    'n−1',
    'ε',
    'ｎ',
    'n\u200b',
    '💥',
    '\ud800',
    '\u0000',
    '0/0',
    '1/0',
    '-1/0',
    '(0-8)^(1/3)',
    'log(0-1)',
    'sqrt(0-1)',
    '9^9^9^9',
    `${'('.repeat(90)}1${')'.repeat(90)}`,
    '-'.repeat(10_000),
    `${'1+'.repeat(5000)}1`,
  ])('%j is refused', async (text) => {
    await expect(evaluated(text, { n: 60_000 })).rejects.toThrow(ExpressionError);
  });

  it('admits nothing but a finite number, whatever text it is given', async () => {
    const alphabet = fc.constantFrom(...'0123456789.eE+-*/^(), nbatchsqrtmaxlog'.split(''));
    await fc.assert(
      fc.asyncProperty(fc.array(alphabet, { maxLength: 30 }), async (characters) => {
        const text = characters.join('');
        try {
          expect(Number.isFinite(await evaluated(text, { n: 7, batch: 2, epochs: 3 }))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ExpressionError);
        }
      }),
      { seed: 11, numRuns: 2000 },
    );
  });
});

describe('expressions in flags', () => {
  it('compute δ, and steps in place of epochs', async () => {
    const steps = ['--epochs', '60', '--steps', 'epochs*n/batch', '--noise-multiplier', '1.1'];
    const answer = (await cli('budget', ...SIZES, ...steps, '--delta', '1/n^1.1', '--json')).json();
    const plain = (await cli('budget', ...PLAN, '--delta', String(1 / 60_000 ** 1.1), '--json')).json();
    expect(answer.epsilon).toBe(plain.epsilon);
    expect(answer.expressions).toEqual({
      delta: { text: '1/n^1.1', value: 1 / 60_000 ** 1.1 },
      steps: { text: 'epochs*n/batch', value: 14_063 },
    });
    expect(answer.plan).toMatchObject({ steps: 14_063, stepsFrom: 'ceil(epochs*n/batch)' });
  });

  it('take what follows from the plan: q, steps of epochs, epochs of steps', async () => {
    const value = async (...words: string[]) =>
      (
        (await cli('budget', ...SIZES, ...words, '--json')).json().expressions as Record<
          string,
          { value: number }
        >
      ).delta?.value;
    const sigma = ['--noise-multiplier', '1.1'];
    expect(await value('--epochs', '60', ...sigma, '--delta', '1/steps')).toBe(1 / 14_063);
    expect(await value('--steps', '1000', ...sigma, '--delta', '0.001*epochs/n')).toBeCloseTo(
      (0.001 * ((1000 * 256) / 60_000)) / 60_000,
      18,
    );
    expect(await value('--epochs', '60', ...sigma, '--delta', 'q/samplingProbability*1e-5')).toBe(1e-5);
  });

  it('take the place of what they are computed from: q of the sizes', async () => {
    const rest = ['--steps', '10', ...REST, '--json'];
    const { events, plan } = (
      await cli('budget', ...SIZES, '--sampling-probability', 'batch/n', ...rest)
    ).json();
    expect(events).toEqual((await cli('budget', ...SIZES, ...rest)).json().events);
    expect(plan).toMatchObject({ samplingProbability: 256 / 60_000, datasetSize: 60_000 });
  });

  it('are shown to people with their values', async () => {
    const { stdout } = await cli('budget', ...PLAN, '--delta', '1/n^1.1');
    expect(stdout.replace(/\s+/g, ' ')).toContain('computed delta = 1/n^1.1 = 0.00000554668655658');
  });

  it('work in every list, on both sides of a comma', async () => {
    const { answers } = (await cli('budget', ...PLAN, '--delta', '1/n,min(1e-6,1/n),1e-7', '--json')).json();
    expect((answers as { delta: number }[]).map(({ delta }) => delta)).toEqual([1 / 60_000, 1e-6, 1e-7]);
  });

  it.each([
    [
      ['--steps', 'epochs*2', '--epochs', 'steps/2'],
      /--epochs is defined by itself: epochs → steps → epochs/,
    ],
    [['--steps', 'steps'], /--steps is defined by itself: steps → steps/],
    [['--steps', 'epochs*n/batch'], /--steps must be .*epochs is not known without --epochs/],
    [['--steps', 'foo*2'], /foo is not one of the plan's names n, /],
    [['--steps', 'gamma(n)'], /gamma is not one of the functions abs, /],
    [['--epochs', '2 epochs'], /an operator is missing between 2 and epochs/],
    [['--steps', 'n - n'], /--steps must be a whole number, 1 or larger, got "n - n": its value is 0/],
    [['--epochs', '5', '--steps', '7'], /give one of them/],
  ])('%j is refused with the reason', async (words, message) => {
    const { code, stdout, stderr } = await cli('budget', ...SIZES, ...words, ...REST);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it.each(['constructor', 'import("x")', '1e999', 'n()', 'ε', 'x'.repeat(10_240), 'n^'.repeat(5120)])(
    'an attack by %.20j is a usage error in one short line',
    async (text) => {
      const { code, stdout, stderr } = await cli('budget', ...PLAN, '--delta', text);
      expect(code).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/^error: --delta must be [^\n]+\n$/);
      expect(stderr.length).toBeLessThan(400);
    },
  );

  it('may not use what is to be found', async () => {
    const words = [
      '--target-epsilon',
      '3',
      '--batch-size',
      '256',
      '--steps',
      '1000',
      '--noise-multiplier',
      '1.1',
    ];
    const { code, stderr } = await cli('calibrate', '--solve', 'dataset-size', ...words, '--delta', '1/n');
    expect(code).toBe(2);
    expect(stderr).toContain('n is what is to be found');
  });
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type DpEvent,
  epsilonOf,
  gaussian,
  type NeighboringRelation,
  poissonSampled,
  privacyStatement,
  selfComposed,
  shuffled,
  vectorDiscreteGaussian,
} from 'privacy-accounting';
import { afterAll, describe, expect, it } from 'vitest';
import { poissonSampler, shuffleSampler } from '../../src/sampling/index.js';
import { cli, cliIn, ESCAPE, PLAN } from './captured.js';

const folder = mkdtempSync(join(tmpdir(), 'cli-budget-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CONTRACT = ['schema', 'epsilon', 'delta', 'relation', 'accountant', 'order', 'events', 'statement'];

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const poissonPlan: DpEvent = selfComposed({
  count: 14_063,
  event: poissonSampled({ samplingProbability: 256 / 60_000, event: gaussian({ noiseMultiplier: 1.1 }) }),
});

describe('budget of a plan', () => {
  it('answers with the keys of its contract and the numbers of the library', async () => {
    const { code, stderr, json } = await cli('budget', ...PLAN, '--json');
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const answer = json();
    expect(Object.keys(answer)).toEqual(expect.arrayContaining(CONTRACT));
    const bound = epsilonOf(poissonPlan, { delta: 1e-5, relation: 'add-or-remove-one' });
    expect(answer).toMatchObject({
      schema: 'tfjs-privacy/budget/1',
      epsilon: bound.epsilon,
      delta: 1e-5,
      relation: 'add-or-remove-one',
      unit: 'example',
      direction: 'upper',
      accountant: bound.accountant,
      order: bound.order ?? null,
      warning: null,
      asked: 'epsilon',
      answers: [{ asked: 'epsilon', epsilon: bound.epsilon, delta: 1e-5 }],
      expressions: null,
      events: poissonPlan,
      statement: privacyStatement(bound, { event: poissonPlan, datasetSize: 60_000 }),
    });
  });

  it('gives the golden ε of 60 epochs at σ = 1.1', async () => {
    const { epsilon } = (await cli('budget', ...PLAN, '--accountant', 'rdp', '--json')).json();
    expect(epsilon).toBeGreaterThan(2.57);
    expect(epsilon).toBeLessThan(2.6);
  });

  it('says how the steps came from the epochs, in both forms', async () => {
    const { plan } = (await cli('budget', ...PLAN, '--json')).json();
    expect(plan).toMatchObject({ steps: 14_063, stepsFrom: 'ceil(60 × 60000 / 256)', passes: null });
    expect((await cli('budget', ...PLAN)).stdout).toContain('14,063 (= ceil(60 × 60000 / 256))');
  });

  it('takes steps as they are', async () => {
    const words = PLAN.map((word) => (word === '--epochs' ? '--steps' : word));
    const { events } = (await cli('budget', ...words, '--json')).json();
    expect(events).toMatchObject({ type: 'selfComposed', count: 60 });
  });

  it('books one participation a pass for shuffled batches, under replace-special', async () => {
    const answer = (await cli('budget', ...PLAN, '--sampler', 'shuffle', '--json')).json();
    const event = selfComposed({ count: 60, event: shuffled({ event: gaussian({ noiseMultiplier: 1.1 }) }) });
    expect(answer.events).toEqual(event);
    expect(answer.relation).toBe('replace-special');
    expect(answer.epsilon).toBe(epsilonOf(event, { delta: 1e-5, relation: 'replace-special' }).epsilon);
    expect(answer).toMatchObject({ accountant: 'gdp', order: null });
  });

  it('counts a pass that was begun as a whole one', async () => {
    const plan = [
      '--dataset-size',
      '1000',
      '--batch-size',
      '300',
      '--noise-multiplier',
      '4',
      '--delta',
      '1e-5',
    ];
    const passes = async (...length: string[]) =>
      (await cli('budget', ...plan, '--sampler', 'shuffle', ...length, '--json')).json().plan;
    expect(await passes('--steps', '4')).toMatchObject({ passes: 1 });
    expect(await passes('--steps', '5')).toMatchObject({ passes: 2 });
    expect(await passes('--epochs', '2.25')).toMatchObject({ passes: 3, steps: 9 });
  });

  it.each([
    ['poisson', poissonSampler({ datasetSize: 1000, expectedBatchSize: 300 })],
    ['shuffle', shuffleSampler({ datasetSize: 1000, batchSize: 300 })],
  ] as const)('states the event that the %s sampler states of itself', async (name, sampler) => {
    const words = [
      '--dataset-size',
      '1000',
      '--batch-size',
      '300',
      '--noise-multiplier',
      '4',
      '--delta',
      '1e-5',
    ];
    for (const steps of [1, 4, 5, 8, 9, 123]) {
      const answer = await cli('budget', ...words, '--sampler', name, '--steps', String(steps), '--json');
      expect(answer.json().events).toEqual(sampler.event(gaussian({ noiseMultiplier: 4 }), steps));
    }
  });

  it.each(['rdp', 'gdp', 'best'] as const)('asks the %s accountant', async (accountant) => {
    const words = [...PLAN, '--sampler', 'shuffle', '--accountant', accountant, '--json'];
    const event = selfComposed({ count: 60, event: shuffled({ event: gaussian({ noiseMultiplier: 1.1 }) }) });
    const bound = epsilonOf(event, { delta: 1e-5, relation: 'replace-special', accountant });
    expect((await cli('budget', ...words)).json()).toMatchObject({
      epsilon: bound.epsilon,
      accountant: bound.accountant,
    });
  });

  it.each(['replace-one', 'replace-special'] as const)(
    'asks under %s',
    async (relation: NeighboringRelation) => {
      const words = [...PLAN, '--sampler', 'shuffle', '--relation', relation, '--json'];
      const event = selfComposed({
        count: 60,
        event: shuffled({ event: gaussian({ noiseMultiplier: 1.1 }) }),
      });
      const { epsilon } = epsilonOf(event, { delta: 1e-5, relation });
      expect((await cli('budget', ...words)).json()).toMatchObject({ relation, epsilon });
    },
  );

  it('writes an infinite ε as "inf", with the reason, and calls it not private', async () => {
    const words = PLAN.map((word) => (word === '1.1' ? '0' : word));
    const { code, json } = await cli('budget', ...words, '--json');
    expect(code).toBe(0);
    expect(json()).toMatchObject({
      epsilon: 'inf',
      order: null,
      warning: expect.stringMatching(/not private/i),
    });
    expect((await cli('budget', ...words)).stdout).toMatch(/^ε = ∞ at δ = 1e-5: not private\n/);
  });

  it('warns of a δ that is too large for the data', async () => {
    const words = PLAN.map((word) => (word === '1e-5' ? '0.01' : word));
    expect((await cli('budget', ...words, '--json')).json().statement).toContain('not below 1/60,000');
  });
});

describe('budget of discrete noise', () => {
  const step = vectorDiscreteGaussian({
    granularity: 2 ** -19,
    dimension: 235_146,
    standardDeviation: 1.1,
    l2NormClip: 1,
  });
  const run = selfComposed({
    count: 14_063,
    event: poissonSampled({ samplingProbability: 256 / 60_000, event: step }),
  });

  it('names the grid, the dimension and the noise, and the accountant that bounds it', async () => {
    const path = write('discrete.json', JSON.stringify(run));
    const { code, json } = await cli('budget', '--event', path, '--delta', '1e-5', '--json');
    expect(code).toBe(0);
    expect(json()).toMatchObject({ accountant: 'rdp', relation: 'add-or-remove-one', events: run });
    expect(json().epsilon).toBeGreaterThan(2.57);
    expect(json().epsilon).toBeLessThan(2.61);
    expect(json().statement).toMatch(
      /14,063 × a sum of 235,146 coordinates on a grid of 1\.90735e-6 of the clipping norm with discrete Gaussian noise of multiplier 1\.1 on a Poisson sample/,
    );
  });

  it('refuses the accountant that has no bound, and says why', async () => {
    const path = write('unsampled.json', JSON.stringify(step));
    const flags = [
      '--event',
      path,
      '--delta',
      '1e-5',
      '--relation',
      'replace-special',
      '--accountant',
      'gdp',
    ];
    const { code, stderr, stdout } = await cli('budget', ...flags);
    expect(code).not.toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/discrete Gaussian noise on a vector is not Gaussian-DP.*Use the rdp accountant/s);
  });
});

describe('budget of an event', () => {
  const ISSUE = {
    type: 'selfComposed',
    count: 14_063,
    event: {
      type: 'poissonSampled',
      samplingProbability: 0.00427,
      event: { type: 'gaussian', noiseMultiplier: 1.1 },
    },
  };
  const text = JSON.stringify(ISSUE);

  it('reads it from a file and from standard input alike', async () => {
    const file = await cli('budget', '--event', write('event.json', text), '--delta', '1e-5', '--json');
    const input = await cliIn({ stdin: text }, 'budget', '--event', '-', '--delta', '1e-5', '--json');
    expect(file.code).toBe(0);
    expect(input.stdout).toBe(file.stdout);
    const answer = file.json();
    expect(Object.keys(answer)).toEqual(expect.arrayContaining(CONTRACT));
    expect(answer.events).toEqual(ISSUE);
    expect(answer.relation).toBe('add-or-remove-one');
    const event = ISSUE as DpEvent;
    expect(answer.epsilon).toBe(epsilonOf(event, { delta: 1e-5, relation: 'add-or-remove-one' }).epsilon);
  });

  it('takes its own answer back', async () => {
    const first = (await cli('budget', ...PLAN, '--json')).json();
    const stdin = JSON.stringify(first.events);
    const again = (await cliIn({ stdin }, 'budget', '--event', '-', '--delta', '1e-5', '--json')).json();
    expect(again.epsilon).toBe(first.epsilon);
  });

  it('asks under replace-special when it holds shuffled passes, however deep', async () => {
    const pass = { type: 'shuffled', event: { type: 'gaussian', noiseMultiplier: 4 } };
    const stdin = JSON.stringify({ type: 'composed', events: [{ type: 'noOp' }, { ...ISSUE, event: pass }] });
    const answer = await cliIn({ stdin }, 'budget', '--event', '-', '--delta', '1e-5', '--json');
    expect(answer.json().relation).toBe('replace-special');
  });

  it('names the file and the path of what is wrong in it', async () => {
    const events = [{ type: 'noOp' }, { type: 'noOp' }, { type: 'gaussian', noiseMultiplier: -1 }];
    const path = write('negative.json', JSON.stringify({ type: 'composed', events }));
    const { code, stderr } = await cli('budget', '--event', path, '--delta', '1e-5');
    expect(code).toBe(2);
    expect(stderr).toContain(path);
    expect(stderr).toContain('event.events[2].noiseMultiplier');
  });

  it.each([
    ['an unknown type', '{"type":"gausian","noiseMultiplier":1}', 'Did you mean "gaussian"'],
    [
      'a number too large for a double',
      '{"type":"gaussian","noiseMultiplier":1e400}',
      'event.noiseMultiplier',
    ],
    ['broken JSON', '{"type":', 'standard input is not JSON'],
    ['nothing', '', 'standard input is empty'],
    ['white space', ' \n', 'standard input is empty'],
    ['something else', '[1, 2]', 'event must be'],
    [
      'q above 1',
      '{"type":"poissonSampled","samplingProbability":1.1,"event":{"type":"noOp"}}',
      'Probability',
    ],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00]), 'not UTF-8'],
  ])('refuses %s in one paragraph', async (_name, stdin, message) => {
    const { code, stdout, stderr } = await cliIn({ stdin }, 'budget', '--event', '-', '--delta', '1e-5');
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it.each([
    ['a missing file', join(folder, 'missing.json'), 'no such file'],
    ['a directory', folder, 'directory'],
  ])('refuses %s', async (_name, path, message) => {
    const { code, stderr } = await cli('budget', '--event', path, '--delta', '1e-5');
    expect(code).toBe(2);
    expect(stderr).toContain(path);
    expect(stderr).toContain(message);
  });

  it('refuses flags that would say the same again', async () => {
    const { code, stderr } = await cli('budget', '--event', 'event.json', ...PLAN);
    expect(code).toBe(2);
    expect(stderr).toContain('--batch-size, --epochs, --noise-multiplier');
  });
});

describe('what people see', () => {
  it('has no escape codes off a terminal, with NO_COLOR, or on a dumb one', async () => {
    expect((await cli('budget', ...PLAN)).stdout).not.toContain(ESCAPE);
    expect((await cliIn({ isTTY: true }, 'budget', ...PLAN)).stdout).toContain(ESCAPE);
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }, { NO_COLOR: '1', FORCE_COLOR: '1' }]) {
      expect((await cliIn({ isTTY: true, env }, 'budget', ...PLAN)).stdout).not.toContain(ESCAPE);
    }
  });

  it('keeps within the width of a narrow terminal', async () => {
    const { stdout } = await cliIn({ isTTY: true, columns: 60, env: { NO_COLOR: '1' } }, 'budget', ...PLAN);
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(60);
  });

  it('rounds ε up', async () => {
    const { epsilon } = (await cli('budget', ...PLAN, '--json')).json();
    const shown = Number(/^ε ≤ (\S+) /.exec((await cli('budget', ...PLAN)).stdout)?.[1]);
    expect(shown).toBeGreaterThanOrEqual(epsilon as number);
    expect(shown).toBeLessThan((epsilon as number) + 0.001);
  });
});

import { describe, expect, it } from 'vitest';
import { cli, cliIn, PLAN } from './captured.js';

/** The plan with one flag's value exchanged. */
const withFlag = (flag: string, value: string) =>
  PLAN.map((word, i) => (PLAN[i - 1] === flag ? value : word));

describe('bad input', () => {
  it.each([
    ['--noise-multiplier', '-1'],
    ['--noise-multiplier', 'NaN'],
    ['--noise-multiplier', 'Infinity'],
    ['--noise-multiplier', '1e400'],
    ['--noise-multiplier', '1e-400'],
    ['--noise-multiplier', '5abc'],
    ['--noise-multiplier', '0x10'],
    ['--noise-multiplier', ''],
    ['--noise-multiplier', ' 1'],
    ['--delta', '1'],
    ['--delta', '0'],
    ['--delta', '1.5'],
    ['--delta', '-1e-5'],
    ['--delta', '1e-400'],
    ['--dataset-size', '0'],
    ['--dataset-size', '1.5'],
    ['--dataset-size', '60,000'],
    ['--dataset-size', '1e300'],
    ['--batch-size', '0'],
    ['--batch-size', '-256'],
    ['--epochs', '0'],
    ['--epochs', '-1'],
  ])('%s %j exits with 2 and one line that names the flag and the value', async (flag, value) => {
    const { code, stdout, stderr } = await cli('budget', ...withFlag(flag, value));
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(new RegExp(`^error: ${flag} must be [^\\n]+\\n$`));
    expect(stderr).toContain(JSON.stringify(value));
  });

  it('refuses a batch larger than the data, since q would pass 1', async () => {
    const { code, stderr } = await cli('budget', ...withFlag('--batch-size', '60001'));
    expect(code).toBe(2);
    expect(stderr).toContain('--batch-size 60001 is larger than --dataset-size 60000');
  });

  it('admits a batch of all examples: no sampling', async () => {
    const { code, json } = await cli('budget', ...withFlag('--batch-size', '60000'), '--json');
    expect(code).toBe(0);
    expect(json()).toMatchObject({ accountant: 'gdp', plan: { samplingProbability: 1, steps: 60 } });
  });

  it.each([
    ['1e400', 'too large'],
    ['1e-400', 'too small'],
  ])('says why %s is no number', async (value, why) => {
    const { stderr } = await cli('budget', ...withFlag('--noise-multiplier', value));
    expect(stderr).toContain(`it is ${why} a number`);
  });

  it.each([
    [['--relation', 'replace-one', '--accountant', 'gdp'], 'pld'],
    [['--relation', 'replace-one', '--accountant', 'approximate'], 'pld'],
    [['--accountant', 'zcdp'], 'pld'],
  ])('%j: the advice names an accountant that answers', async (flags, advised) => {
    const { code, stderr } = await cli('budget', ...PLAN, ...flags);
    expect(code).toBe(2);
    expect(stderr).toMatch(new RegExp(` Use the ${advised} accountant\\.\\n$`));
    const [name] = flags.slice(-1);
    const taken = flags.map((word) => (word === name ? advised : word));
    expect((await cli('budget', ...PLAN, ...taken)).code).toBe(0);
  });

  it.each([
    ['budget', ['--prior', '0.1']],
    ['budget', ['--baseline', '0.1']],
    ['budget', ['--poisoned', '3']],
    ['calibrate', ['--exception', '0.1']],
  ])('%s refuses %j without --ceilings, which alone reads it', async (command, flags) => {
    const plan =
      command === 'budget' ? PLAN : PLAN.filter((word) => !/^(--noise-multiplier|1\.1)$/.test(word));
    const target = command === 'budget' ? [] : ['--target-epsilon', '3'];
    const { code, stderr } = await cli(command, ...plan, ...target, ...flags);
    expect(code).toBe(2);
    expect(stderr).toContain(`${flags[0]} belongs to --ceilings`);
  });

  it('refuses more steps than can be counted', async () => {
    const { code, stderr } = await cli('budget', ...withFlag('--epochs', '1e300'));
    expect(code).toBe(2);
    expect(stderr).toContain('2^53');
  });

  it('wants exactly one of epochs and steps', async () => {
    expect((await cli('budget', ...PLAN, '--steps', '3')).stderr).toContain('give one of them');
    const without = PLAN.filter((word) => word !== '--epochs' && word !== '60');
    const { code, stderr } = await cli('budget', ...without);
    expect(code).toBe(2);
    expect(stderr).toContain('missing --epochs or --steps');
  });

  it.each([
    [['--sampler', 'shuffle', '--relation', 'add-or-remove-one'], 'replace-special or replace-one'],
    [['--relation', 'replace-one', '--accountant', 'rdp'], 'no Rényi divergence is known'],
    [['--accountant', 'gdp'], 'not Gaussian-DP'],
  ])('refuses %j with the reason, and never guesses', async (flags, reason) => {
    const plain = await cli('budget', ...PLAN, ...flags);
    expect(plain).toMatchObject({ code: 2, stdout: '' });
    expect(plain.stderr).toContain(reason);
    const machine = await cli('budget', ...PLAN, ...flags, '--json');
    expect(machine.code).toBe(2);
    expect(machine.json()).toEqual({
      schema: 'tfjs-privacy/error/1',
      error: { code: 'DP_UNSUPPORTED_EVENT', message: expect.stringContaining(reason) },
    });
    expect(
      (
        await cli(
          'calibrate',
          '--target-epsilon',
          '3',
          ...PLAN.filter((word) => word !== '--noise-multiplier' && word !== '1.1'),
          ...flags,
        )
      ).code,
    ).toBe(2);
  });
});

describe('usage', () => {
  it.each([
    [['budgt'], 'Did you mean budget?'],
    [['budget', '--dleta', '1e-5'], 'Did you mean --delta?'],
    [['budget', ...PLAN, '--sampler', 'shufle'], 'Allowed choices are poisson, shuffle'],
    [['budget', ...PLAN, '--relation', 'replace'], 'Allowed choices are add-or-remove-one'],
    [['budget', ...PLAN, 'extra'], 'too many arguments'],
    [['budget', '--delta'], 'argument missing'],
    [['calibrate', '--noise-multiplier', '1'], '--noise-multiplier is what --solve is to find'],
    [['calibrate', '--solve', 'stpes'], 'Allowed choices are noise-multiplier, steps'],
    [['calibrate', '--budget-epsilon', '1'], "unknown option '--budget-epsilon'"],
    [['budget', ...PLAN, '--accountant', 'pdl'], 'Allowed choices are gdp'],
    [['budget', ...PLAN, '--remaning'], 'Did you mean --remaining?'],
  ])('%j is a usage error that helps', async (args, message) => {
    const { code, stdout, stderr } = await cli(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^ {4}at /m);
  });

  it('reports usage errors as JSON when that was asked for', async () => {
    const { code, json } = await cli('budget', '--dleta', '1e-5', '--json');
    expect(code).toBe(2);
    expect(json()).toEqual({
      schema: 'tfjs-privacy/error/1',
      error: { code: 'USAGE', message: "unknown option '--dleta' (Did you mean --delta?)" },
    });
  });

  it('without a command shows the help on stderr', async () => {
    const { code, stdout, stderr } = await cli();
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('Usage: tfjs-privacy');
  });

  it('shows a stack only when DEBUG is set', async () => {
    const args = ['budget', '--event', '/nowhere/event.json', '--delta', '1e-5'];
    expect((await cli(...args)).stderr).not.toMatch(/^ {4}at /m);
    expect((await cliIn({ env: { DEBUG: '1' } }, ...args)).stderr).toMatch(/^ {4}at /m);
  });
});

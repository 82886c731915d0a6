import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { cli } from './captured.js';

it.each(['', 'budget', 'calibrate', 'audit', 'doctor'])(
  '%s --help opens with examples and stays as it is',
  async (command) => {
    const { code, stdout, stderr } = await cli(...(command === '' ? [] : [command]), '--help');
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^Examples:\n {2}\$ tfjs-privacy /);
    await expect(stdout).toMatchFileSnapshot(`./help/${command === '' ? 'tfjs-privacy' : command}.txt`);
  },
);

it('help COMMAND is COMMAND --help', async () => {
  expect((await cli('help', 'budget')).stdout).toBe((await cli('budget', '--help')).stdout);
});

it('--version prints the version of the package', async () => {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { version } = JSON.parse(manifest) as { readonly version: string };
  expect(await cli('--version')).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
});

it('every example of the help is a command that is understood', async () => {
  for (const command of ['budget', 'calibrate']) {
    const { stdout } = await cli(command, '--help');
    const examples = stdout
      .slice(0, stdout.indexOf('\nUsage'))
      .replaceAll('\\\n', '')
      .matchAll(/\$ tfjs-privacy (.+)/g);
    const lines = [...examples].map(([, line]) => line!).filter((line) => !line.includes('--event'));
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect((await cli(...line.trim().split(/\s+/))).code).toBe(0);
  }
});

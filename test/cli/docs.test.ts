/**
 * docs/cli.md shows what the commands really print: every `console` block is run, and the page with the outputs put
 * in is compared with the page as it is. `vitest run test/cli/docs.test.ts --update` writes it anew.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { cliIn } from './captured.js';

const page = fileURLToPath(new URL('../../docs/cli.md', import.meta.url));

/**
 * `echo 'TEXT' | tfjs-privacy ARGS | sed -n '/START/,$p'`, of which the pipes may be missing; single quotes hold an
 * argument together.
 */
async function output(line: string): Promise<string> {
  const [, stdin, args, start] =
    /^(?:echo '([^']*)' \| )?tfjs-privacy (.+?)(?: \| sed -n '\/\^(.+)\/,\$p')?$/.exec(line)!;
  const { stdout, stderr } = await cliIn(stdin === undefined ? {} : { stdin }, ...words(args!));
  const shown = start === undefined ? stdout : stdout.slice(stdout.indexOf(`\n${start}`) + 1);
  return `$ ${line}\n${shown}${stderr}`;
}

const words = (args: string) => (args.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", ''));

it('shows what the commands print', async () => {
  const text = readFileSync(page, 'utf8');
  const blocks = [...text.matchAll(/```console\n\$ (.+)\n[\s\S]*?```/g)];
  expect(blocks.length).toBeGreaterThan(8);
  let actual = text;
  for (const [block, line] of blocks) {
    actual = actual.replace(block, `\`\`\`console\n${(await output(line!)).replaceAll('$', '$$$$')}\`\`\``);
  }
  await expect(actual).toMatchFileSnapshot(page);
});

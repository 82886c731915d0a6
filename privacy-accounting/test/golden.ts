/**
 * Checks the package against a file of golden values:
 *
 *   npm run golden -- [FILE]        (default: the copy beside this file)
 *
 * Prints each failing case with what was computed and expected, the families that are not answered, and
 * `N passed, N failed, N skipped`. Exit code 1 when a case fails, 2 when the file can't be read.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { casesOf, runGolden } from './golden-run.js';

const file = process.argv[2] ?? fileURLToPath(new URL('./golden.json', import.meta.url));

function load(path: string) {
  try {
    return casesOf(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    console.error(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    process.exit(2);
  }
}

const { passed, failures, skipped } = runGolden(load(file));
for (const { id, lines } of failures) for (const line of lines) console.log(`FAIL ${id}  ${line}`);
if (skipped.size > 0) {
  console.log(`Not answered: ${[...skipped].map(([family, count]) => `${family} (${count})`).join(', ')}`);
}
const skippedCases = [...skipped.values()].reduce((sum, count) => sum + count, 0);
console.log(`${passed} passed, ${failures.length} failed, ${skippedCases} skipped`);
process.exitCode = failures.length > 0 ? 1 : 0;

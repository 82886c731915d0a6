/**
 * What an answer of the accountant costs, ours and other libraries'.
 *
 *   npm run bench:accounting                              everything; about five minutes; writes RESULTS.md and results.json
 *   npm run bench:accounting -- --quick                   1 s a question, no peers; writes nothing
 *   npm run bench:accounting -- --question rdp-epsilon    only these; only their rows are replaced
 *   npm run bench:accounting -- --part size               only these: questions, cold, inputs, size, peers
 *
 * Method, questions. Each in a fresh process: ten asks to warm up, then rounds until 3 s are over, 5 at least and 100 at
 * most; before each round the heap of JavaScript is collected. A round makes a new accountant, composes, and asks; one
 * parameter differs in its ninth digit from round to round, so that nothing that was kept from earlier rounds can
 * answer. The PLD's grid is 1e-4, as the peers' is; where the question says nothing else it is the grid that the accountant
 * chooses. Minima are what the code can do, medians what one gets.
 *
 * Method, cold start. From the start of `node dist/cli/main.js budget …` to its end, after one untimed start, and the
 * same for a Node that does nothing.
 *
 * Method, inputs. One process asks for the tightest ε of 180 valid inputs, the corners of q, σ, steps and δ among them:
 * the slowest one's time, and the peak of the process's resident memory, Node's own included.
 *
 * Method, size. esbuild bundles everything that the package exports for a browser, minified; gzip at level 9.
 *
 * Method, peers. benchmarks/peers/ asks dp_accounting, Opacus and prv_accountant the same questions in the same way, one
 * process each, in the same run. Their cold start is a Python that imports the library and asks for the PLD's ε.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { measureBundle } from './accounting/bundle-size.js';
import { measureColdStarts } from './accounting/cold-start.js';
import {
  ACCOUNTING_SCHEMA,
  type AccountingFigures,
  type HardInputs,
  mergeAccountingFigures,
  type QuestionRow,
} from './accounting/figures.js';
import { measureHardInputs } from './accounting/hard-inputs.js';
import { measureQuestion } from './accounting/measure.js';
import { measureAccountingPeers } from './accounting/peers.js';
import { ASKED } from './accounting/questions.js';
import { renderAccountingFigures } from './accounting/render.js';
import { thisMachine } from './machine.js';
import { readSection, writeSection } from './results-file.js';
import { type Outcome, printResult, runTask } from './task-process.js';

const COLD_ROUNDS = 15;
const PARTS = ['questions', 'cold', 'inputs', 'size', 'peers'] as const;
type Part = (typeof PARTS)[number];

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    question: { type: 'string', multiple: true },
    part: { type: 'string', multiple: true },
    seconds: { type: 'string' },
    out: { type: 'string' },
    json: { type: 'boolean', default: false },
    task: { type: 'string' },
  },
});
const list = (given: readonly string[] | undefined) => given?.flatMap((text) => text.split(','));
const say = (text: string) => process.stderr.write(text);

/** What a child process is asked to do: a question, or `inputs`. */
function child(task: string): void {
  printResult(task === 'inputs' ? measureHardInputs() : measureQuestion(task, Number(options.seconds)));
}

function run<Result>(task: string, seconds: number): Outcome<Result> {
  return runTask(fileURLToPath(import.meta.url), ['--task', task, '--seconds', String(seconds)]);
}

function ask(question: string, seconds: number): QuestionRow {
  say(`${question}: `);
  const outcome = run<QuestionRow>(question, seconds);
  if ('error' in outcome) {
    say(`${outcome.error}\n`);
    process.exitCode = 1;
    return { question, timing: null, answer: {}, error: outcome.error };
  }
  const { timing, answer } = outcome.result;
  const { minimum, median, rounds } = timing!;
  say(`${minimum.toFixed(2)} / ${median.toFixed(2)} ms, ${rounds} rounds, ${JSON.stringify(answer)}\n`);
  return outcome.result;
}

function askHardInputs(seconds: number): HardInputs | undefined {
  say('any valid input: ');
  const outcome = run<HardInputs>('inputs', seconds);
  if ('error' in outcome) {
    say(`${outcome.error}\n`);
    process.exitCode = 1;
    return undefined;
  }
  const { slowestMilliseconds, slowest, peakMiB, failures } = outcome.result;
  say(`${slowestMilliseconds.toFixed(0)} ms (${slowest}), ${peakMiB.toFixed(0)} MiB`);
  say(failures.length === 0 ? '\n' : `, not bounded: ${failures.join('; ')}\n`);
  return outcome.result;
}

async function main(): Promise<void> {
  const { quick } = options;
  const parts = (list(options.part) ?? (quick ? PARTS.filter((part) => part !== 'peers') : PARTS)) as Part[];
  for (const part of parts) {
    if (!PARTS.includes(part)) throw new Error(`expected a part among ${PARTS.join(', ')}, got ${part}`);
  }
  const questions = list(options.question);
  for (const question of questions ?? []) {
    if (!Object.hasOwn(ASKED, question)) {
      throw new Error(`expected a question among ${Object.keys(ASKED).join(', ')}, got ${question}`);
    }
  }
  const seconds = Number(options.seconds ?? (quick ? 1 : 3));
  const wanted = (question: string) => questions?.includes(question) ?? true;
  const has = (part: Part) =>
    parts.includes(part) && (questions === undefined || part === 'questions' || part === 'peers');

  const rows: QuestionRow[] = [];
  if (has('questions')) {
    for (const question of Object.keys(ASKED).filter(wanted)) rows.push(ask(question, seconds));
  }
  if (has('cold')) {
    const cold = measureColdStarts(quick ? 5 : COLD_ROUNDS);
    for (const { question, timing } of cold) say(`${question}: ${timing?.minimum.toFixed(0)} ms\n`);
    rows.push(...cold);
  }
  const hardInputs = has('inputs') ? askHardInputs(seconds) : undefined;
  const bundle = has('size') ? await measureBundle() : undefined;
  if (bundle) say(`bundle: ${bundle.gzippedBytes} bytes gzipped\n`);
  const peers = has('peers') ? measureAccountingPeers(wanted, seconds, say) : [];

  const fresh: AccountingFigures = {
    schema: ACCOUNTING_SCHEMA,
    machine: thisMachine(),
    questions: rows,
    peers,
    ...(hardInputs === undefined ? {} : { hardInputs }),
    ...(bundle === undefined ? {} : { bundle }),
  };
  const folder = options.out ?? (quick ? undefined : fileURLToPath(new URL('.', import.meta.url)));
  const figures =
    folder === undefined ? fresh : mergeAccountingFigures(readSection(folder, 'accounting'), fresh);
  const markdown = renderAccountingFigures(figures);
  if (folder !== undefined) writeSection(folder, 'accounting', figures, markdown);
  process.stdout.write(options.json ? `${JSON.stringify(figures)}\n` : markdown);
}

if (options.task === undefined) await main();
else child(options.task);

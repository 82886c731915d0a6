import { Command, Option } from 'commander';
import { EXPRESSION_HELP, fieldOption } from './fields.js';
import { addPlanFlags, addQuestionFlags, SOLVABLE_NAMES } from './options.js';
import type { Terminal } from './terminal.js';
import { packageVersion } from './version.js';

const EXAMPLES = `Examples:
  $ tfjs-privacy budget --dataset-size 60000 --batch-size 256 --epochs 60 --noise-multiplier 1.1 --delta 1e-5
  $ tfjs-privacy budget --event event.json --delta 1e-5 --json
  $ tfjs-privacy calibrate --target-epsilon 3 --delta 1e-5 --dataset-size 60000 --batch-size 1024 --epochs 15
  $ tfjs-privacy audit runs/private --html audit.html
  $ tfjs-privacy doctor
`;

const BUDGET_EXAMPLES = `Examples:
  $ tfjs-privacy budget --dataset-size 60000 --batch-size 256 --epochs 60 --noise-multiplier 1.1 --delta 1e-5
  $ tfjs-privacy budget --dataset-size 60000 --batch-size 256 --epochs 10 --sampler shuffle \\
      --noise-multiplier 4 --delta 1e-5
  $ tfjs-privacy budget --dataset-size 60000 --batch-size 256 --epochs 60 --noise-multiplier 1.1 \\
      --delta 1/n^1.1 --compare all --ceilings
  $ tfjs-privacy budget --dataset-size 60000 --batch-size 256 --steps 2000 --noise-multiplier 1.1 --delta 1e-5 \\
      --budget-epsilon 3 --remaining
  $ tfjs-privacy budget --event event.json --delta 1e-5 --plot budget.svg
  $ echo '{"type":"gaussian","noiseMultiplier":4}' | tfjs-privacy budget --event - --epsilon 1 --json
`;

const CALIBRATE_EXAMPLES = `Examples:
  $ tfjs-privacy calibrate --target-epsilon 3 --delta 1e-5 --dataset-size 60000 --batch-size 1024 --epochs 15
  $ tfjs-privacy calibrate --target-epsilon 1 --delta 1e-5 --dataset-size 2000 --batch-size 100 --steps 400 --json
  $ tfjs-privacy calibrate --solve epochs --target-epsilon 3 --delta 1e-5 --noise-multiplier 1.1 \\
      --dataset-size 60000 --batch-size 1024
  $ echo '{"type":"laplace","parameter":"?"}' | tfjs-privacy calibrate --event - --target-epsilon 1 --delta 1e-6
`;

const AUDIT_EXAMPLES = `Examples:
  $ tfjs-privacy audit runs/private
  $ tfjs-privacy audit runs/private --html audit.html
  $ tfjs-privacy audit runs/private --json
`;

const DOCTOR_EXAMPLES = `Examples:
  $ tfjs-privacy doctor
  $ tfjs-privacy doctor --json
`;

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 usage or bad input, 3 budget exceeded, 4 privacy violation found, 5 inconclusive.
Results go to stdout, messages to stderr. --json prints one object, errors included.`;

/** Called by a command with its exit code. */
export type Finish = (code: number) => void;

/**
 * The grammar of the command line. Each action imports its command's module when it runs, so that asking for help
 * or for an ε never loads what trains or draws.
 */
export function createProgram(terminal: Terminal, finish: Finish): Command {
  const program = new Command('tfjs-privacy')
    .description(
      'Differential privacy for TensorFlow.js: what training costs, how much noise it needs, what leaks.',
    )
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .addHelpText('before', EXAMPLES)
    .addHelpText('after', EXIT_CODES)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
      getOutHelpWidth: () => Math.min(terminal.stdout.columns ?? 80, 100),
      getErrHelpWidth: () => Math.min(terminal.stderr.columns ?? 80, 100),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });

  const budget = program
    .command('budget')
    .description(
      'What a training plan, or a serialised event, costs: ε at δ, δ at ε, and what is left of a budget.',
    )
    .addHelpText('before', BUDGET_EXAMPLES)
    .addHelpText('after', EXPRESSION_HELP)
    .option('--event <file>', 'a serialised event instead of a plan; - reads standard input');
  addPlanFlags(budget)
    .addOption(
      fieldOption('delta', {
        list: true,
        description: 'δ of the guarantee, below 1 / dataset size; several, separated by commas',
      }),
    )
    .addOption(
      fieldOption('epsilon', {
        list: true,
        description: 'asks for the δ at this ε; several, separated by commas',
      }),
    )
    .addOption(fieldOption('budgetEpsilon'))
    .option('--remaining', 'with --budget-epsilon: how many more steps fit into it');
  addQuestionFlags(budget).action(async (flags) => {
    const { runBudget } = await import('./budget.js');
    finish(await runBudget(flags, terminal));
  });

  const calibrate = program
    .command('calibrate')
    .description(
      'The one number of a training plan that was left open, so that the plan stays within a target: the least noise ' +
        'multiplier, or what --solve names.',
    )
    .addHelpText('before', CALIBRATE_EXAMPLES)
    .addHelpText('after', EXPRESSION_HELP)
    .addOption(
      new Option('--solve <name>', 'what to find (default: noise-multiplier)').choices(SOLVABLE_NAMES),
    )
    .option(
      '--event <file>',
      'a serialised event instead of a plan, with "?" where the number to find stands; - reads standard input',
    )
    .addOption(fieldOption('targetEpsilon'))
    .addOption(fieldOption('delta'));
  addQuestionFlags(addPlanFlags(calibrate)).action(async (flags) => {
    const { runCalibrate } = await import('./calibrate.js');
    finish(await runCalibrate(flags, terminal));
  });

  program
    .command('audit')
    .description('Attacks the model of a saved run, and compares what leaks with the ε that the run claims.')
    .addHelpText('before', AUDIT_EXAMPLES)
    .argument('<run>', 'directory of a run with an audit set; audit.json is written into it')
    .option('--html <file>', 'also write one offline page with the plots')
    .option('--json', 'print one JSON object')
    .action(async (path, flags) => {
      const { runAudit } = await import('./audit.js');
      finish(await runAudit(path, flags, terminal));
    });

  program
    .command('doctor')
    .description('What of this installation works, and what to do about the rest.')
    .addHelpText('before', DOCTOR_EXAMPLES)
    .option('--json', 'print one JSON object')
    .action(async (flags) => {
      const { runDoctor } = await import('./doctor.js');
      finish(await runDoctor(flags, terminal));
    });

  return program;
}

/**
 * The price of privacy: one DP-SGD step against one plain step, on the same model, batch and backend.
 *
 *   npm run bench:step                     everything; about 25 minutes; writes RESULTS.md and results.json here
 *   npm run bench:step -- --quick          batch 256 alone, 2 s a model, no peers; writes nothing
 *   npm run bench:step -- --model mlp      only these (also --backend, --batch, --part); only their rows are replaced
 *   npm run bench:step -- --profile --model mlp --backend tensorflow      where a step's time goes
 *
 * Method, times. Both sides apply SGD to the mean cross-entropy of random data; the private side clips every example
 * and draws fresh secure noise for every parameter; a third side clips alone (noise multiplier 0). Each model, backend
 * and batch size runs in a fresh process. After two warm-up rounds (the engine's self-check happens there) the sides
 * alternate in blocks, and take turns in being first, so that a slow moment of the machine hits all of them. A block is
 * an untimed step and two timed ones: so the noise of a timed step is drawn, on whatever thread, while its own side
 * runs, and not at another's expense. A step ends when the weight that is updated last has been read back. Before the
 * first round the heap of JavaScript is collected; between steps the event loop runs. Rounds: at least 3, then up to 150
 * until the time is over; each row says how many. Ratios are of minima (what the code can do) and of medians (what one
 * gets); processor time, over all threads, is given as well. Tensors are counted before and after: none may be left.
 *
 * Method, memory. Each side alone, in fresh processes (three a side; medians), batch 256, tfjs-node: the peak of
 * resident memory over six steps, the first included, minus that of the same process before them, when backend, data
 * and model are there.
 *
 * Method, peers. benchmarks/peers/ measures Opacus and JAX-Privacy with the same models and batches, after
 * compilation and warm-up, on as many threads as the machine has cores, in the same run on the same machine.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { availableBackends, selectBackend } from 'tfjs-privacy';
import { thisMachine } from './machine.js';
import { readSection, writeSection } from './results-file.js';
import {
  type MemoryRow,
  mergeFigures,
  type PeerRow,
  STEP_SCHEMA,
  type StepFigures,
  type StepMachine,
  type TimeRow,
} from './step/figures.js';
import { type BenchmarkModel, MODELS } from './step/models.js';
import { measurePeakMemory } from './step/peak-memory.js';
import { measurePeers } from './step/peers.js';
import { formatProfiles, profileSides } from './step/profile.js';
import { renderStepFigures } from './step/render.js';
import { SIDE_NAMES, type SideName } from './step/sides.js';
import { type Effort, measureStepTimes, median, type StepTimes } from './step/step-times.js';
import { type Outcome, printResult, runTask } from './task-process.js';

const HEADLINE_BATCH = 256;
const PARTS = ['time', 'memory', 'peers'] as const;
type Part = (typeof PARTS)[number];

/** What a child process is asked to do. */
interface Task {
  readonly kind: 'time' | 'memory' | 'profile';
  readonly model: string;
  readonly backend: string;
  readonly batch: number;
  readonly effort?: Effort;
  readonly side?: SideName;
}

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    model: { type: 'string', multiple: true },
    backend: { type: 'string', multiple: true },
    batch: { type: 'string', multiple: true },
    part: { type: 'string', multiple: true },
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    out: { type: 'string' },
    json: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    task: { type: 'string' },
  },
});
const list = (given: readonly string[] | undefined) => given?.flatMap((text) => text.split(','));
const say = (text: string) => process.stderr.write(text);

function modelNamed(id: string): BenchmarkModel {
  const found = MODELS.find((model) => model.id === id);
  if (!found) {
    throw new Error(`expected a model among ${MODELS.map((model) => model.id).join(', ')}, got ${id}`);
  }
  return found;
}

async function child(task: Task): Promise<void> {
  await selectBackend({ prefer: task.backend });
  const model = modelNamed(task.model);
  if (task.kind === 'profile') {
    printResult(formatProfiles(profileSides(model, task.batch, Number(options.rounds ?? 5))));
  } else if (task.kind === 'time') {
    printResult(await measureStepTimes(model, task.batch, task.effort as Effort));
  } else {
    printResult(measurePeakMemory(model, task.batch, task.side as SideName));
  }
}

function run<Result>(task: Task): Outcome<Result> {
  const rounds = options.rounds === undefined ? [] : ['--rounds', options.rounds];
  return runTask(fileURLToPath(import.meta.url), ['--task', JSON.stringify(task), ...rounds]);
}

function timeRow(model: BenchmarkModel, backend: string, batch: number, effort: Effort): TimeRow {
  say(`${model.label}, ${backend}, batch ${batch}: `);
  const outcome = run<StepTimes>({ kind: 'time', model: model.id, backend, batch, effort });
  if ('error' in outcome) {
    say(`${outcome.error}\n`);
    process.exitCode = 1;
    const { error } = outcome;
    const none = { plain: null, private: null, clipOnly: null, parameters: 0, rounds: 0, tensorsLeaked: 0 };
    return {
      model: model.id,
      backend,
      batch,
      ...none,
      errors: { plain: error, private: error, clipOnly: error },
    };
  }
  const times = outcome.result;
  const figures = SIDE_NAMES.map((side) => {
    const [own, plain] = [times[side], times.plain];
    const ratio =
      side === 'plain' || !own || !plain ? '' : ` (× ${(own.minimum / plain.minimum).toFixed(2)})`;
    return `${side} ${own ? `${own.minimum.toFixed(1)} ms` : times.errors[side]}${ratio}`;
  });
  const leaked = times.tensorsLeaked === 0 ? '' : `, ${times.tensorsLeaked} TENSORS LEAKED`;
  say(`${figures.join(', ')}, ${times.rounds} rounds${leaked}\n`);
  return { model: model.id, backend, batch, ...times };
}

function memoryRow(model: BenchmarkModel, backend: string, processes: number): MemoryRow | undefined {
  say(`${model.label}, ${backend}, peak memory: `);
  const batch = HEADLINE_BATCH;
  const peakOf = (side: SideName): number | null => {
    const peaks: number[] = [];
    for (let i = 0; i < processes; i++) {
      const outcome = run<number>({ kind: 'memory', model: model.id, backend, batch, side });
      if ('error' in outcome) {
        say(`${side}: ${outcome.error} `);
        return null;
      }
      peaks.push(outcome.result);
    }
    return median(peaks);
  };
  const [plain, own] = [peakOf('plain'), peakOf('private')];
  if (own === null) {
    say('\n');
    process.exitCode = 1;
    return undefined;
  }
  say(`plain ${plain?.toFixed(0) ?? '–'} MiB, private ${own.toFixed(0)} MiB\n`);
  return { model: model.id, backend, batch, processes, plain, private: own };
}

async function machine(backends: readonly string[]): Promise<StepMachine> {
  const versions: string[] = [];
  for (const prefer of backends) {
    const { name, version } = await selectBackend({ prefer });
    versions.push(`${name} ${version}`);
  }
  return {
    ...thisMachine(),
    tfjs: `tfjs-core ${tf.version_core}; ${versions.join('; ')}`,
  };
}

async function main(): Promise<void> {
  // It would overrule the backends that are measured.
  delete process.env.TFJS_PRIVACY_BACKEND;
  const { quick } = options;
  const available = await availableBackends();
  const backends = list(options.backend) ?? available;
  for (const backend of backends) {
    if (!available.includes(backend))
      throw new Error(`expected a backend among ${available.join(', ')}, got ${backend}`);
  }
  const models = list(options.model)?.map(modelNamed) ?? MODELS;
  const batches = list(options.batch)?.map(Number);
  const parts = (list(options.part) ?? (quick ? ['time', 'memory'] : PARTS)) as readonly Part[];
  const rounds = options.rounds === undefined ? undefined : Number(options.rounds);
  const effort: Effort = {
    seconds: Number(options.seconds ?? (quick ? 2 : 10)),
    minimumRounds: rounds ?? 3,
    maximumRounds: rounds ?? 150,
  };

  if (options.profile) {
    for (const model of models) {
      for (const backend of list(options.backend) ?? available.slice(0, 1)) {
        for (const batch of batches ?? [HEADLINE_BATCH]) {
          process.stdout.write(`\n== ${model.label}, ${backend}, batch ${batch}\n`);
          const outcome = run<string>({ kind: 'profile', model: model.id, backend, batch });
          process.stdout.write('result' in outcome ? outcome.result : `${outcome.error}\n`);
        }
      }
    }
    return;
  }

  const times: TimeRow[] = [];
  const memory: MemoryRow[] = [];
  const peers: PeerRow[] = [];
  for (const model of models) {
    for (const backend of backends) {
      // The cpu backend is for small problems: a convolution takes it 20 s.
      if (backend === 'cpu' && model.id !== 'mlp' && options.backend === undefined) continue;
      const usual = [HEADLINE_BATCH, ...(quick || backend !== 'tensorflow' ? [] : model.otherBatches)];
      if (parts.includes('time')) {
        for (const batch of batches ?? usual) {
          times.push(timeRow(model, backend, batch, effort));
        }
      }
      if (
        parts.includes('memory') &&
        backend === 'tensorflow' &&
        (batches?.includes(HEADLINE_BATCH) ?? true)
      ) {
        const row = memoryRow(model, backend, quick ? 1 : 3);
        if (row) memory.push(row);
      }
    }
    if (parts.includes('peers')) {
      // Theirs are slow enough for half the time to tell.
      const half = { ...effort, seconds: effort.seconds / 2 };
      for (const batch of batches ?? [HEADLINE_BATCH]) peers.push(...measurePeers(model, batch, half, say));
    }
  }

  const fresh: StepFigures = { schema: STEP_SCHEMA, machine: await machine(available), times, memory, peers };
  const folder = options.out ?? (quick ? undefined : fileURLToPath(new URL('.', import.meta.url)));
  const figures = folder === undefined ? fresh : mergeFigures(readSection(folder, 'step'), fresh);
  const markdown = renderStepFigures(figures);
  if (folder !== undefined) writeSection(folder, 'step', figures, markdown);
  process.stdout.write(options.json ? `${JSON.stringify(figures)}\n` : markdown);
}

if (options.task === undefined) await main();
else await child(JSON.parse(options.task) as Task);

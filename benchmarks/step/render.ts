import type { MemoryRow, PeerRow, StepFigures, TimeRow } from './figures.js';
import { MODELS } from './models.js';
import type { Milliseconds } from './step-times.js';
import {
  MEMORY_TARGET,
  type ModelId,
  NATIVE_TARGETS,
  peersToBeat,
  WASM_CONVOLUTION_TARGET,
  WASM_TARGET,
} from './targets.js';

const HEADLINE_BATCH = 256;
const NONE = '–';

const BACKENDS: readonly (readonly [string, string])[] = [
  ['tensorflow', 'tfjs-node (native)'],
  ['wasm', 'WebAssembly'],
  ['cpu', 'cpu (plain JavaScript)'],
];

type Ratio = readonly [ofMinima: number, ofMedians: number];

const labelOf = (model: ModelId) => MODELS.find(({ id }) => id === model)?.label ?? model;
const number = (value: number) =>
  value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
const ms = (figure: Milliseconds | null) =>
  figure === null ? 'cannot train' : `${number(figure.minimum)} / ${number(figure.median)}`;

function quotient(a: Milliseconds | null, b: Milliseconds | null): Ratio | undefined {
  return a && b ? [a.minimum / b.minimum, a.median / b.median] : undefined;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** A ratio, with its target and whether it holds for minima and medians alike. */
function held(ratio: Ratio | undefined, target?: number): string {
  if (ratio === undefined) return NONE;
  const figures = ratio.map((value) => value.toFixed(2)).join(' / ');
  if (target === undefined) return figures;
  const holds = ratio.map((value) => Number(value.toFixed(2)) <= target);
  const verdict = holds.every(Boolean)
    ? 'met'
    : holds.some(Boolean)
      ? `${holds[0] ? 'minimum' : 'median'} met`
      : 'missed';
  return `${figures} (≤ ${target.toFixed(2)}: ${verdict})`;
}

function sorted<Row extends { readonly model: ModelId; readonly batch: number }>(
  rows: readonly Row[],
): Row[] {
  const place = ({ model }: Row) => MODELS.findIndex(({ id }) => id === model);
  const batchPlace = ({ batch }: Row) => (batch === HEADLINE_BATCH ? 0 : batch);
  return rows.toSorted((a, b) => batchPlace(a) - batchPlace(b) || place(a) - place(b));
}

function timesTable(rows: readonly TimeRow[], backend: string): string {
  const body = sorted(rows).map((row) => {
    const headline = row.batch === HEADLINE_BATCH;
    const targets =
      headline && backend === 'tensorflow'
        ? NATIVE_TARGETS[row.model]
        : headline && backend === 'wasm'
          ? { clipOnly: WASM_TARGET, private: WASM_TARGET }
          : undefined;
    return [
      labelOf(row.model),
      String(row.batch),
      ms(row.plain),
      ms(row.clipOnly),
      ms(row.private),
      held(quotient(row.clipOnly, row.plain), targets?.clipOnly),
      held(quotient(row.private, row.plain), targets?.private),
      row.plain && row.private ? (row.private.cpu / row.plain.cpu).toFixed(2) : NONE,
      String(row.rounds) + (row.tensorsLeaked === 0 ? '' : ` (${row.tensorsLeaked} tensors leaked)`),
    ];
  });
  const head = [
    'model',
    'batch',
    'plain ms',
    'clipping ms',
    'private ms',
    'clipping / plain',
    'private / plain',
    'processor time',
    'rounds',
  ];
  return table(head, body);
}

function convolutionsOnWasm(times: readonly TimeRow[]): string | undefined {
  const rows = MODELS.filter(({ convolutional }) => convolutional).flatMap(({ id, label }) => {
    const find = (backend: string) =>
      times.find((row) => row.model === id && row.backend === backend && row.batch === HEADLINE_BATCH);
    const [native, wasm] = [find('tensorflow'), find('wasm')];
    if (!native || !wasm) return [];
    const ratio = quotient(wasm.private, native.private);
    return [[label, ms(wasm.private), ms(native.private), held(ratio, WASM_CONVOLUTION_TARGET)]];
  });
  if (rows.length === 0) return undefined;
  return table(['model', 'private ms, wasm', 'private ms, tfjs-node', 'wasm / tfjs-node'], rows);
}

function memoryTable(rows: readonly MemoryRow[]): string {
  const body = sorted(rows).map(({ model, plain, private: own, processes }) => {
    const ratio = plain === null ? undefined : (own / plain).toFixed(2);
    const verdict = `(≤ ${MEMORY_TARGET}: ${Number(ratio) <= MEMORY_TARGET ? 'met' : 'missed'})`;
    const cells = [
      plain?.toFixed(0) ?? NONE,
      own.toFixed(0),
      ratio === undefined ? NONE : `${ratio} ${verdict}`,
    ];
    return [labelOf(model), ...cells, String(processes)];
  });
  return table(['model', 'plain MiB', 'private MiB', 'private / plain', 'processes'], body);
}

function peersTable(rows: readonly PeerRow[], times: readonly TimeRow[]): string {
  const body = sorted(rows).map((row) => {
    const own = times.find(
      ({ model, batch, backend }) => model === row.model && batch === row.batch && backend === 'tensorflow',
    );
    const faster = quotient(row.private, own?.private ?? null);
    const target = row.batch === HEADLINE_BATCH && peersToBeat(row.model).includes(row.peer);
    const verdict =
      !target || !faster ? '' : faster.every((value) => value > 1) ? ' (> 1: met)' : ' (> 1: missed)';
    return [
      labelOf(row.model),
      String(row.batch),
      row.detail ? `${row.peer}, ${row.detail}` : row.peer,
      row.parameters.toLocaleString('en'),
      row.plain ? ms(row.plain) : NONE,
      row.private ? ms(row.private) : (row.error ?? NONE),
      held(quotient(row.private, row.plain)),
      own ? ms(own.private) : NONE,
      faster ? `${faster.map(number).join(' / ')}${verdict}` : NONE,
      String(row.rounds),
    ];
  });
  const head = [
    'model',
    'batch',
    'peer',
    'parameters',
    'its plain ms',
    'its private ms',
    'its private / plain',
  ];
  return table([...head, 'our private ms', 'its ms / ours', 'rounds'], body);
}

/** The section of RESULTS.md. */
export function renderStepFigures(figures: StepFigures): string {
  const { machine, times, memory, peers } = figures;
  const parts = [
    '## A private step against a plain one',
    `\`npm run bench:step\` wrote this on a machine with ${machine.cores} cores and ${machine.memoryGiB} GiB of memory ` +
      `(${machine.system}), Node ${machine.node}, ${machine.tfjs}. Method: the head of step.ts. Both sides apply SGD; ` +
      'the private side clips every example and draws fresh secure noise for every parameter; "clipping" is the same ' +
      'without noise. Each cell is minimum / median over the rounds, each ratio that of minima / of medians; targets ' +
      'stand beside the ratios that have one; "met" wants both. "processor time" is private / plain over all threads, ' +
      'medians.',
  ];
  for (const [backend, title] of BACKENDS) {
    const rows = times.filter((row) => row.backend === backend);
    if (rows.length === 0) continue;
    parts.push(`### ${title}`, timesTable(rows, backend));
    const reasons = new Set(rows.flatMap(({ errors }) => Object.values(errors)));
    if (reasons.size > 0) parts.push(`"cannot train": ${[...reasons].join('; ')}`);
    const convolutions = backend === 'wasm' ? convolutionsOnWasm(times) : undefined;
    if (convolutions) parts.push(convolutions);
  }
  if (memory.length > 0) {
    parts.push(
      '### Peak memory above the bare backend',
      `tfjs-node, batch ${HEADLINE_BATCH}, MiB of resident memory; medians over fresh processes; the first step, in ` +
        'which the engine checks itself, included.',
      memoryTable(memory),
    );
  }
  if (peers.length > 0) {
    const versions = [...new Set(peers.map(({ version }) => version))].filter(Boolean).join('; ');
    parts.push(
      '### Other engines, same machine, same run',
      `${versions}. After compilation and warm-up, ${peers[0]?.threads} threads; ours on tfjs-node. PyTorch's recurrent ` +
        'layers have a second bias vector, and its GRU resets after the product; the other models are the same to the ' +
        'parameter.',
      peersTable(peers, times),
    );
  }
  return `${parts.join('\n\n')}\n`;
}

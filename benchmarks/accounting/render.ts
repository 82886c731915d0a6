import type { AccountingFigures, AccountingPeerRow, QuestionRow, Timing } from './figures.js';
import {
  BUNDLE_BYTES,
  FLATNESS,
  HARD_INPUT_MIB,
  HARD_INPUT_SECONDS,
  QUESTIONS,
  type QuestionTarget,
  REFERENCE_PEER,
  STEP_COUNTS,
} from './targets.js';

const NONE = '–';

const number = (value: number) =>
  value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
const ms = (timing: Timing | null | undefined, error?: string) =>
  timing ? `${number(timing.minimum)} / ${number(timing.median)}` : (error ?? NONE);
const verdict = (holds: boolean) => (holds ? 'met' : 'missed');

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** Both the minimum and the median must be within the bar. */
function within({ minimum, median }: Timing, limit: number): string {
  return `≤ ${limit}: ${verdict(minimum <= limit && median <= limit)}`;
}

function answerText(answer: QuestionRow['answer']): string {
  const parts = Object.entries(answer).map(([name, value]) => `${name} ${Number(value.toPrecision(7))}`);
  return parts.length === 0 ? NONE : parts.join(', ');
}

function questionCells(target: QuestionTarget, row: QuestionRow, reference: Timing | null): string[] {
  const { timing, answer } = row;
  const bars: string[] = [];
  if (timing && target.milliseconds !== undefined) bars.push(within(timing, target.milliseconds));
  if (target.width !== undefined && answer.upper !== undefined && answer.lower !== undefined) {
    const width = answer.upper - answer.lower;
    bars.push(`width ${width.toExponential(1)} ≤ ${target.width}: ${verdict(width <= target.width)}`);
  }
  let faster = NONE;
  if (timing && reference) {
    const ratios = [reference.minimum / timing.minimum, reference.median / timing.median] as const;
    faster = ratios.map(number).join(' / ');
    if (target.timesFaster !== undefined) {
      const least = target.timesFaster;
      faster += ` (≥ ${least}: ${verdict(ratios.every((ratio) => ratio >= least))})`;
    }
  }
  const rounds = timing ? String(timing.rounds) : NONE;
  return [target.label, ms(timing, row.error), bars.join('; ') || NONE, faster, answerText(answer), rounds];
}

function peerCells(row: AccountingPeerRow, own: Timing | null | undefined): string[] {
  const label = QUESTIONS.find(({ id }) => id === row.question)?.label ?? row.question;
  const ratio =
    row.timing && own
      ? `${number(row.timing.minimum / own.minimum)} / ${number(row.timing.median / own.median)}`
      : NONE;
  return [
    row.peer,
    label,
    ms(row.timing, row.error),
    ratio,
    row.answer === null ? NONE : String(Number(row.answer.toPrecision(7))),
    row.timing ? String(row.timing.rounds) : NONE,
  ];
}

function flatness(rows: readonly QuestionRow[]): string | undefined {
  const minima = STEP_COUNTS.map(
    (steps) => rows.find(({ question }) => question === `pld-steps-${steps}`)?.timing?.minimum,
  ).filter((value) => value !== undefined);
  if (minima.length < STEP_COUNTS.length) return undefined;
  const ratio = Math.max(...minima) / Math.min(...minima);
  return (
    `From 10³ to 10⁷ steps the slowest PLD ε takes ${ratio.toFixed(1)} times the fastest ` +
    `("flat" is ≤ ${FLATNESS}: ${verdict(ratio <= FLATNESS)}).`
  );
}

/** The section of RESULTS.md. */
export function renderAccountingFigures(figures: AccountingFigures): string {
  const { machine, questions, peers, hardInputs, bundle } = figures;
  const timingOf = (peer: string, question: string) =>
    peers.find((row) => row.peer === peer && row.question === question)?.timing ?? null;
  const ownOf = (id: string) => questions.find(({ question }) => question === id);
  const rows = QUESTIONS.flatMap((target) => {
    const row = ownOf(target.id);
    return row ? [questionCells(target, row, timingOf(REFERENCE_PEER, target.id))] : [];
  });
  const parts = [
    '## Accounting',
    `\`npm run bench:accounting\` wrote this on a machine with ${machine.cores} cores and ${machine.memoryGiB} GiB of ` +
      `memory (${machine.system}), Node ${machine.node}. Method: the head of accounting.ts. Each cell is minimum / median ` +
      'over the rounds, in milliseconds, each ratio that of minima / of medians; "met" wants both. In every round the ' +
      'question is a new one, so that no cache answers it.',
    table(['question', 'ms', 'bar', 'times faster than dp_accounting', 'answer', 'rounds'], rows),
  ];
  const flat = flatness(questions);
  if (flat !== undefined) parts.push(flat);
  if (hardInputs !== undefined) {
    const { inputs, slowestMilliseconds, slowest, peakMiB, failures } = hardInputs;
    const holds =
      slowestMilliseconds <= 1000 * HARD_INPUT_SECONDS && peakMiB <= HARD_INPUT_MIB && failures.length === 0;
    parts.push(
      `Any valid input: of ${inputs} (q 1e-8 … 1, σ 0.3 … 1000, 1 … 10⁶ steps, δ 1e-3 … 1e-15, all relations; the tightest ` +
        `ε of all accountants) the slowest took ${number(slowestMilliseconds)} ms (${slowest}), the process peaked at ` +
        `${peakMiB.toFixed(0)} MiB, and ${failures.length === 0 ? 'all' : 'not all'} were bounded ` +
        `(≤ ${HARD_INPUT_SECONDS} s and ${HARD_INPUT_MIB} MB: ${verdict(holds)}).`,
      ...failures.slice(0, 5).map((text) => `Not bounded: ${text}`),
    );
  }
  if (bundle !== undefined) {
    parts.push(
      `The whole package, bundled for a browser: ${(bundle.minifiedBytes / 1000).toFixed(1)} kB minified, ` +
        `${(bundle.gzippedBytes / 1000).toFixed(1)} kB gzipped (≤ ${BUNDLE_BYTES / 1000} kB: ` +
        `${verdict(bundle.gzippedBytes <= BUNDLE_BYTES)}).`,
    );
  }
  if (peers.length > 0) {
    const versions = [...new Set(peers.map(({ version }) => version))].filter(Boolean).join('; ');
    parts.push(
      '### Other accountants, same machine, same run',
      `${versions}. opacus is its PRV accountant, prv_accountant the library of that name: both choose their grid for an ` +
        'error of 0.01 in ε. dp_accounting composes the single steps on a grid ten times coarser than ours.',
      table(
        ['peer', 'question', 'its ms', 'its ms / ours', 'its answer', 'rounds'],
        peers.map((row) => peerCells(row, ownOf(row.question)?.timing)),
      ),
    );
  }
  return `${parts.join('\n\n')}\n`;
}

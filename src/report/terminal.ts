import Table from 'cli-table3';
import { type AttackResult, type AuditResult, parseAuditResult } from '../audit/index.js';
import { parseReport, type Report, type ReportInput, type ReportRun } from './document.js';
import { dateText, decimal, duration, percent, percentInterval, RANGE, rate } from './format.js';
import { PRIVATE_LABEL } from './html-figure.js';
import { boundText, ceilingSentence, verdictText } from './sentences.js';

export interface TerminalOptions {
  /** Default: standard output is a terminal, `NO_COLOR` is not set and `TERM` is not "dumb". */
  readonly color?: boolean;
  /** Width in characters. Default: the terminal's, or 100. Wider tables become lists. */
  readonly columns?: number;
}

type Paint = (style: 'bold' | 'dim' | 'green' | 'red' | 'yellow', text: string) => string;

const CODES = { bold: [1, 22], dim: [2, 22], green: [32, 39], red: [31, 39], yellow: [33, 39] } as const;
const SIGNS = {
  consistent: ['✓', 'green'],
  violated: ['✗', 'red'],
  inconclusive: ['?', 'yellow'],
  'no claim': ['–', 'dim'],
} as const;

/**
 * The report as text: one table of the runs, one of the attacks, the verdicts and what the guarantees mean.
 * Ends with a line break. Writes nothing by itself.
 *
 * @throws DpError `DP_CORRUPT` when the document does not fit the schema.
 *
 * @example
 * process.stdout.write(renderTerminal(report));
 */
export function renderTerminal(input: ReportInput, options: TerminalOptions = {}): string {
  const report = withoutControls(parseReport(input));
  const layout = layoutOf(options);
  const { paint, columns } = layout;
  const audits = report.audits.map(({ run, result }) => ({
    name: report.runs.find(({ id }) => id === run)!.name,
    result,
  }));
  const blocks = [
    `${paint('bold', report.title)}\n${paint('dim', headline(report))}`,
    table(['Model', 'Guarantee', 'Accuracy', 'Time'], report.runs.map(runRow), layout),
    ...attackBlocks(audits, layout),
    ...meanings(report).map((sentence) => wrap(sentence, columns)),
  ];
  return plain(`${blocks.join('\n\n')}\n`);
}

/**
 * One audit as text: a table of the attacks and the verdict. Ends with a line break.
 *
 * @throws DpError `DP_CORRUPT` when `audit` does not fit its schema.
 *
 * @example
 * process.stdout.write(renderAuditTerminal(audit));
 */
export function renderAuditTerminal(audit: AuditResult, options: TerminalOptions = {}): string {
  const result = withoutControls(parseAuditResult(audit));
  return plain(`${attackBlocks([{ name: result.subject, result }], layoutOf(options)).join('\n\n')}\n`);
}

interface Layout {
  readonly columns: number;
  readonly paint: Paint;
}

function layoutOf({ color, columns }: TerminalOptions): Layout {
  return { columns: columns ?? terminalColumns(), paint: painter(color ?? terminalColor()) };
}

function headline({ created, dataset, backend }: Report): string {
  return `${dateText(created)} · ${dataset.name} · ${backend.name}`;
}

function runRow(run: ReportRun): string[] {
  const { accuracy, privacy } = run;
  const guarantee = privacy === 'not private' ? 'not private' : boundText(run);
  const relation = privacy === 'not private' ? '' : `\n${privacy.relation}`;
  const measured = accuracy === undefined ? '–' : `${percent(accuracy.value)}\n${accuracy.on}`;
  const label = accuracy?.visibility === 'private value' ? `${measured}\n${PRIVATE_LABEL}` : measured;
  return [
    run.name,
    `${guarantee}${relation}`,
    label,
    run.seconds === undefined ? '–' : duration(run.seconds),
  ];
}

interface NamedAudit {
  readonly name: string;
  readonly result: AuditResult;
}

function attackBlocks(named: readonly NamedAudit[], layout: Layout): string[] {
  const [first] = named;
  if (first === undefined) return [];
  const { paint, columns } = layout;
  const targets = [
    ...new Set(
      named.flatMap(({ result }) => result.attacks.flatMap((attack) => attack.points.map(targetOf))),
    ),
  ].sort((a, b) => a - b);
  const rows = named.flatMap(({ name, result }) =>
    result.attacks.map((attack) => [
      `${attack.score} on ${attack.on}\n${name}`,
      `${decimal(attack.auc.exact.value)}\n${aucLimits(attack)}`,
      ...targets.map((target) => rateCell(attack, target)),
    ]),
  );
  const verdicts = named.map(({ name, result }) => {
    const { kind, label, sentence } = verdictText(result);
    const [sign, style] = SIGNS[kind];
    return `${paint(style, `${sign} ${name}: ${label}.`)}\n${wrap(sentence, columns - 2, '  ')}`;
  });
  const level = percent(first.result.confidence, 'nearest', 0);
  return [
    `${paint('bold', 'Attacks')} ${paint('dim', `(${PRIVATE_LABEL})`)}\n` +
      wrap(
        `Training examples found (TPR), exact ${level} interval, and the false accusations (FPR) measured with it.`,
        columns,
      ),
    table(['Attack', 'AUC', ...targets.map((target) => `TPR at ${rate(target)} FPR`)], rows, layout),
    verdicts.join('\n'),
  ];
}

function targetOf({ targetFpr }: AttackResult['points'][number]): number {
  return targetFpr;
}

function aucLimits({ auc: { exact } }: AttackResult): string {
  return `${decimal(exact.lower, 'down')}${RANGE}${decimal(exact.upper, 'up')}`;
}

function rateCell({ points }: AttackResult, target: number): string {
  const point = points.find(({ targetFpr }) => targetFpr === target);
  if (point === undefined) return '–';
  if (!point.resolvable) return 'too few';
  return `${percent(point.tpr.value)}\n${percentInterval(point.tpr)}\nat ${percent(point.realisedFpr.value)} FPR`;
}

function meanings(report: Report): string[] {
  const sentences = report.runs
    .filter((run) => run.privacy !== 'not private')
    .map((run) => `${boundText(run)}: ${ceilingSentence(run, 0.01)}`);
  return [...new Set(sentences)];
}

/** A table, or, where it is wider than the terminal, a list of "column: value". */
function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  { columns, paint }: Layout,
): string {
  const drawn = new Table({
    head: head.map((text) => paint('bold', plain(text))),
    style: { head: [], border: [], compact: false },
  });
  for (const row of rows) drawn.push(row.map(plain));
  const text = drawn.toString();
  if (visibleWidth(text) <= columns) return text;
  return rows
    .map(([first, ...cells]) =>
      [
        paint('bold', first!.replaceAll('\n', ', ')),
        ...cells.map((cell, i) => wrap(`${head[i + 1]}: ${cell.replaceAll('\n', ', ')}`, columns - 2, '  ')),
      ].join('\n'),
    )
    .join('\n');
}

function wrap(text: string, width: number, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const unbroken of text.split(' ')) {
    const word = plain(unbroken);
    if (line !== '' && line.length + 1 + word.length > Math.max(20, width)) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line].map((one) => indent + one).join('\n');
}

/** The document without control characters, so that no text in it can steer the terminal. */
function withoutControls<T>(json: T): T {
  const text = JSON.stringify(json, (_, value: unknown) =>
    typeof value === 'string' ? value.replaceAll(/\p{Cc}/gu, ' ') : value,
  );
  return JSON.parse(text) as T;
}

/** Without the typography that terminals count as wide or draw as boxes. */
function plain(text: string): string {
  return text.replaceAll('\u00a0', ' ').replaceAll('\u2060', '');
}

function visibleWidth(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences of `painter`
  const lines = text.replaceAll(/\u001b\[\d+m/g, '').split('\n');
  return Math.max(...lines.map((line) => line.length));
}

function painter(color: boolean): Paint {
  return (style, text) => (color ? `\u001b[${CODES[style][0]}m${text}\u001b[${CODES[style][1]}m` : text);
}

function terminalColor(): boolean {
  if (typeof process === 'undefined') return false;
  const { NO_COLOR, TERM } = process.env;
  return process.stdout?.isTTY === true && (NO_COLOR ?? '') === '' && TERM !== 'dumb';
}

function terminalColumns(): number {
  return (typeof process === 'undefined' ? undefined : process.stdout?.columns) ?? 100;
}

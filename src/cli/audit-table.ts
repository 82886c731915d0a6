import type { AttackResult, AuditResult } from '../audit/index.js';
import { decimal, integer, percent, percentInterval, rate } from '../report/format.js';
import { attackTitle, verdictText } from '../report/sentences.js';
import { epsilonText } from './answer.js';
import type { RunClaim } from './run-claim.js';
import { columns, facts, painter, type Terminal, textWidth, wrap } from './terminal.js';

/** What the audited run was, for people. */
export interface AuditedRun {
  readonly path: string;
  readonly steps: number;
  readonly checkpointStep: number;
  readonly claim: RunClaim;
}

const COLORS = {
  consistent: 'green',
  violated: 'red',
  inconclusive: 'yellow',
  'no claim': 'yellow',
} as const;

/** Prints an audit for people: the verdict and its reason first, then the figures of each attack. */
export function printAudit(result: AuditResult, run: AuditedRun, terminal: Terminal): void {
  const paint = painter(terminal);
  const width = textWidth(terminal.stdout);
  const { kind, label, sentence } = verdictText(result);
  const { members, nonMembers, memberCanaries, nonMemberCanaries } = result.sample;
  const { bound } = run.claim;
  const canaries =
    memberCanaries + nonMemberCanaries === 0
      ? ''
      : ` (canaries: ${integer(memberCanaries)} and ${integer(nonMemberCanaries)})`;
  const sections = [
    paint(paint(label, 'bold'), COLORS[kind]),
    wrap(sentence, width),
    facts(
      [
        [
          'run',
          `${run.path}: ${integer(run.steps)} steps on record, model of step ${integer(run.checkpointStep)}`,
        ],
        ['claim', `${epsilonText(bound)}, ${bound.relation}, by ${bound.accountant}`],
        ['audited', `${integer(members)} members, ${integer(nonMembers)} non-members${canaries}`],
        ['confidence', `${percent(result.confidence, 'nearest', 0)} for each interval`],
      ],
      width,
    ),
    ...result.attacks.map((attack) => `${paint(attackTitle(attack), 'bold')}\n${attackRows(attack)}`),
    ...result.notes.map((note) => wrap(`Note: ${note}`, width)),
    wrap(
      'Private values: these figures were computed from the training data without noise. Keep them as you keep the data.',
      width,
    ),
  ];
  terminal.stdout.write(`${plain(sections.join('\n\n'))}\n`);
}

/** Unbreakable spaces and joiners are for pages: in a terminal they would defeat a search for `1 %`, and columns. */
function plain(text: string): string {
  return text.replace(/[\u00a0\u202f]/g, ' ').replaceAll('\u2060', '');
}

function attackRows({ auc, points }: AttackResult): string {
  const { value, lower, upper } = auc.exact;
  const limits = `${decimal(lower, 'down', 3)}–${decimal(upper, 'up', 3)}`;
  const rows = [
    ['measure', 'value', 'interval', 'realised FPR'],
    ['AUC', decimal(value, 'nearest', 3), limits, ''],
    ...points.map((point) =>
      point.resolvable
        ? [
            `TPR at ${rate(point.targetFpr)} FPR`,
            percent(point.tpr.value),
            percentInterval(point.tpr),
            `${percent(point.realisedFpr.value)} (${percentInterval(point.realisedFpr)})`,
          ]
        : [`TPR at ${rate(point.targetFpr)} FPR`, '–', 'too few non-members', ''],
    ),
  ];
  return columns(rows.map((row) => row.map(plain)));
}

import type { AttackResult } from '../audit/index.js';
import { tprCeiling } from '../audit/index.js';
import { finiteGuarantee, type Report, type ReportAudit, type ReportRun } from './document.js';
import type { Figure } from './figure.js';
import {
  ceilingPercent,
  decimal,
  epsilonText,
  integer,
  percent,
  percentInterval,
  RANGE,
  rate,
} from './format.js';
import { privateBadge, renderFigure, renderTable } from './html-figure.js';
import { verdictBadge } from './html-overview.js';
import { html, type Markup } from './markup.js';
import { attackTitle, boundText, verdictText } from './sentences.js';

/** What was attacked, what was found and what it proves; undefined when nothing was audited. */
export function auditSection(
  report: Report,
  figures: { readonly roc: readonly Figure[]; readonly histograms: readonly Figure[] },
): Markup | undefined {
  if (report.audits.length === 0) return undefined;
  const [main, ...others] = figures.roc;
  return html`<section id="audit" aria-labelledby="h-audit">
<div class="section-head"><h2 id="h-audit">Attacks on the models</h2>
<p class="quiet">A membership-inference attack guesses, from a model’s answers, which examples it was trained on.</p>
<p>${privateBadge()}</p></div>
${verdicts(report)}
${main === undefined ? undefined : renderFigure(main)}
${others.length > 0 ? html`<div class="grid">${others.map(renderFigure)}</div>` : undefined}
<div class="panel">${ratesTable(report)}</div>
<div class="panel">${evidenceTable(report)}</div>
${figures.histograms.length > 0 ? html`<div class="grid">${figures.histograms.map(renderFigure)}</div>` : undefined}
</section>`;
}

function runOf(report: Report, { run }: ReportAudit): ReportRun {
  return report.runs.find(({ id }) => id === run)!;
}

function verdicts(report: Report): Markup {
  return html`<div class="panel">${renderTable({
    caption: 'Verdict on each claim. “Consistent” is never a proof: a stronger attack may exist.',
    columns: ['Model', 'Claim', 'Verdict', 'Reason'],
    words: [1, 2, 3],
    stack: true,
    rows: report.audits.map((audit) => {
      const run = runOf(report, audit);
      const verdict = verdictText(audit.result);
      return [run.name, boundText(run), verdictBadge(verdict), verdict.sentence];
    }),
  })}</div>`;
}

interface AuditedAttack {
  readonly run: ReportRun;
  readonly attack: AttackResult;
}

/** Every attack on every model, the same attack on different models next to each other. */
function byAttack(report: Report): AuditedAttack[] {
  const entries = report.audits.flatMap((audit) =>
    audit.result.attacks.map((attack) => ({ run: runOf(report, audit), attack })),
  );
  const titles = [...new Set(entries.map(({ attack }) => attackTitle(attack)))];
  return titles.flatMap((title) => entries.filter(({ attack }) => attackTitle(attack) === title));
}

function ratesTable(report: Report): Markup {
  const entries = byAttack(report);
  const targets = [
    ...new Set(entries.flatMap(({ attack }) => attack.points.map(({ targetFpr }) => targetFpr))),
  ];
  targets.sort((a, b) => a - b);
  const level = percent(report.audits[0]!.result.confidence, 'nearest', 0);
  return renderTable({
    caption:
      'True positives: the share of training examples found. Each threshold was set on one half of the examples for ' +
      'the rate of false positives in the head of the column, and measured on the other half; the rate that came ' +
      `out is given below. In brackets: exact ${level} intervals (Clopper–Pearson).`,
    columns: ['Attack and model', ...targets.map((target) => `Found at ${rate(target)} false positives`)],
    stack: true,
    rows: entries.map(({ run, attack }) => [
      headOf({ run, attack }),
      ...targets.map((target) =>
        rateCell(
          run,
          attack.points.find(({ targetFpr }) => targetFpr === target),
        ),
      ),
    ]),
  });
}

function rateCell(run: ReportRun, point: AttackResult['points'][number] | undefined): Markup {
  if (point === undefined) return html`–`;
  if (!point.resolvable) return html`<span title="${point.reason}">too few examples</span>`;
  const claim = finiteGuarantee(run);
  return html`<div><b>${percent(point.tpr.value)}</b> <span class="quiet">(${percentInterval(point.tpr)})</span>
<div class="under">measured at ${percent(point.realisedFpr.value)} (${percentInterval(point.realisedFpr)})</div>${
    claim === undefined
      ? undefined
      : html`<div class="under">ceiling there ${ceilingPercent(tprCeiling(claim, point.realisedFpr.value))}</div>`
  }</div>`;
}

function headOf({ run, attack }: AuditedAttack): Markup {
  return html`${attackTitle(attack)}<div class="under">${run.name}</div>`;
}

function evidenceTable(report: Report): Markup {
  const [first] = report.audits;
  const level = percent(first?.result.confidence ?? 0.95, 'nearest', 0);
  return renderTable({
    caption:
      'AUC: 0.5 is guessing, 1 is perfect; the exact interval is valid for any sample size, the asymptotic one ' +
      `(DeLong) for large samples. ε: what one attack proves, at ${level} confidence for all attacks on a model ` +
      'together (Bonferroni), and what a flawless attack on as many examples would have proved.',
    columns: [
      'Attack and model',
      'In / out',
      'AUC',
      'Exact interval',
      'Asymptotic interval',
      'Proves',
      'Could have proved',
    ],
    stack: true,
    rows: byAttack(report).map(({ run, attack }) => [
      headOf({ run, attack }),
      `${integer(attack.members)}\u00a0/\u00a0${integer(attack.nonMembers)}`,
      decimal(attack.auc.exact.value, 'nearest', 3),
      interval(attack.auc.exact),
      attack.auc.asymptotic === null ? 'none' : interval(attack.auc.asymptotic),
      ...provenEpsilon(attack),
    ]),
  });
}

/** The exact bound of an attack, and the one that its sample could have given. */
function provenEpsilon({ oneRun, points }: AttackResult): [string, string] {
  const exact = [...(oneRun === null ? [] : [oneRun]), ...points.filter((point) => point.resolvable)].filter(
    ({ epsilonLowerBound }) => epsilonLowerBound.guarantee === 'exact',
  );
  if (exact.length === 0) return ['–', '–'];
  const most = (values: number[]) => `ε\u00a0≥\u00a0${epsilonText(Math.max(...values), 'down')}`;
  return [
    most(exact.map(({ epsilonLowerBound }) => epsilonLowerBound.value)),
    most(exact.map(({ certifiableEpsilon }) => certifiableEpsilon)),
  ];
}

function interval({ lower, upper }: { readonly lower: number; readonly upper: number }): string {
  return `${decimal(lower, 'down', 3)}${RANGE}${decimal(upper, 'up', 3)}`;
}

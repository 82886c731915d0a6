import { type AuditResult, tprCeiling } from '../audit/index.js';
import { finiteGuarantee, type Guarantee, type Report, type ReportRun } from './document.js';
import {
  ceilingPercent,
  decimal,
  deltaText,
  duration,
  epsilonText,
  integer,
  percent,
  RANGE,
  rate,
} from './format.js';
import { privateBadge, renderTable, swatchOf } from './html-figure.js';
import { html, type Markup } from './markup.js';
import {
  attackSentence,
  attackTitle,
  aucCeilingText,
  beatsGuessing,
  boundText,
  ceilingSentence,
  relationText,
  type VerdictText,
  verdictText,
} from './sentences.js';
import { type SeriesStyle, seriesStyles } from './series-style.js';

const RATES = [0.001, 0.01, 0.1];

/** One card a run, by group: what it promises, how good it is, what the attack found. */
export function overview(report: Report): Markup {
  const styles = seriesStyles(report.runs);
  const groups = [...new Set(report.runs.map(({ group }) => group ?? ''))];
  return html`<section id="overview" aria-labelledby="h-overview">
<div class="section-head"><h2 id="h-overview">At a glance</h2></div>
${groups.map(
  (group) => html`${group === '' ? undefined : html`<h3 class="group">${group}</h3>`}
<div class="cards">${report.runs.filter((run) => (run.group ?? '') === group).map((run) => card(report, run, styles.get(run.id)!))}</div>`,
)}
</section>`;
}

/** What each finite (ε, δ) means for any attack, as a sentence and a table; undefined when no run has one. */
export function meaning(report: Report): Markup | undefined {
  const claims = new Map<string, { claim: Guarantee & { readonly epsilon: number }; runs: ReportRun[] }>();
  for (const run of report.runs) {
    const claim = finiteGuarantee(run);
    if (claim === undefined) continue;
    const key = [claim.epsilon, claim.delta, claim.relation, claim.statement].join();
    const same = claims.get(key);
    if (same === undefined) claims.set(key, { claim, runs: [run] });
    else same.runs.push(run);
  }
  if (claims.size === 0) return undefined;
  return html`<section id="meaning" aria-labelledby="h-meaning">
<div class="section-head"><h2 id="h-meaning">What the guarantee means</h2>
<p class="quiet">A guarantee holds against every attack, known or not yet invented, whatever else the attacker knows.</p></div>
<div class="panel">${claimPanel([...claims.values()])}</div>
<p class="small quiet">The true-positive rate is the chance that the attack accuses an example that was used, the
false-positive rate that it accuses one that was not. Both are averages over the randomness of training.</p>
</section>`;
}

interface SharedClaim {
  readonly claim: Guarantee & { readonly epsilon: number };
  readonly runs: readonly ReportRun[];
}

function claimPanel(claims: readonly SharedClaim[]): Markup {
  const several = claims.length > 1;
  const names = ({ runs }: SharedClaim) => runs.map(({ name }) => name).join(' · ');
  return html`${claims.map(
    (shared) => html`<h3>${names(shared)}</h3>
<p class="promise${several ? ' smaller' : ''}">${ceilingSentence(shared.runs[0]!, 0.01)}</p>`,
  )}
${renderTable({
  caption: 'The most that any attack can find, rounded up',
  columns: ['At a false-positive rate of', ...RATES.map(rate), 'AUC'],
  rows: [
    ...claims.map((shared) => [
      several ? names(shared) : 'Any attack finds at most',
      ...RATES.map((fpr) => ceilingPercent(tprCeiling(shared.claim, fpr))),
      aucCeilingText(shared.runs[0]!),
    ]),
    ['Guessing finds', ...RATES.map(rate), '0.50'],
  ],
})}
${claims.map(
  ({ claim, runs }) =>
    html`<p class="small quiet"><b>${boundText(runs[0]!)}</b> compares ${relationText(
      claim.relation,
    )}. ${claim.statement}</p>${
      claim.warning === undefined
        ? undefined
        : html`<p class="small"><strong>Warning.</strong> ${claim.warning}</p>`
    }`,
)}`;
}

function card(report: Report, run: ReportRun, style: SeriesStyle): Markup {
  const claim = finiteGuarantee(run);
  const audits = report.audits.filter((audit) => audit.run === run.id);
  return html`<article class="card edge-${style.name}" aria-labelledby="run-${run.id}">
<header><h3 id="run-${run.id}">${swatchOf(style)}${run.name}</h3>${protection(run)}</header>
<dl class="figures">
<div><dt>Guarantee</dt><dd><div class="big">${guaranteeNumber(run)}</div><div class="under">${
    claim === undefined
      ? 'nothing bounds what can be learnt about one example'
      : `at δ = ${deltaText(claim.delta)}, ${claim.relation}`
  }</div></dd></div>
${
  run.accuracy === undefined
    ? undefined
    : html`<div><dt>Accuracy</dt><dd><div class="big">${percent(run.accuracy.value)}</div><div class="under">${
        run.accuracy.on
      }, ${integer(run.accuracy.examples)} examples</div>${
        run.accuracy.visibility === 'private value' ? privateBadge() : undefined
      }</dd></div>`
}
</dl>
${audits.map(({ result }) => attackBox(result))}
${howTrained(run)}
</article>`;
}

function howTrained({ seconds, steps }: ReportRun): ReturnType<typeof html> | undefined {
  const parts = [
    ...(seconds === undefined ? [] : [`Trained in ${duration(seconds)}`]),
    ...(steps === undefined ? [] : [`${integer(steps)} steps`]),
  ];
  return parts.length === 0 ? undefined : html`<p class="foot">${parts.join(', ')}.</p>`;
}

function guaranteeNumber(run: ReportRun): string {
  const claim = finiteGuarantee(run);
  if (claim !== undefined) return `ε ≤ ${epsilonText(claim.epsilon)}`;
  return run.privacy === 'not private' ? 'none' : 'ε = ∞';
}

function protection(run: ReportRun): Markup {
  if (!run.private)
    return html`<span class="badge plain"><span aria-hidden="true">○</span>Not private</span>`;
  if (finiteGuarantee(run) === undefined) {
    return html`<span class="badge bad"><span aria-hidden="true">✕</span>No guarantee</span>`;
  }
  return html`<span class="badge good"><span aria-hidden="true">✓</span>Differentially private</span>`;
}

function attackBox(result: AuditResult): Markup {
  const [attack] = result.attacks;
  if (attack === undefined) return html``;
  const beaten = beatsGuessing(attack)
    ? html`<span class="badge bad"><span aria-hidden="true">✕</span>Attack beats guessing</span>`
    : html`<span class="badge plain"><span aria-hidden="true">–</span>Not shown to beat guessing</span>`;
  const { value, lower, upper } = attack.auc.exact;
  return html`<div class="attack">
<div class="badges">${verdictBadge(verdictText(result))}${beaten}${privateBadge()}</div>
<p><b>${attackTitle(attack)}.</b> ${attackSentence(attack)} AUC ${decimal(value)} (${decimal(lower, 'down')}${RANGE}${decimal(upper, 'up')}).</p>
</div>`;
}

/** The verdict as a sign and words. */
export function verdictBadge({ kind, label }: VerdictText): Markup {
  const { tone, sign } = {
    consistent: { tone: 'good', sign: '✓' },
    violated: { tone: 'bad', sign: '✕' },
    inconclusive: { tone: 'unsure', sign: '?' },
    'no claim': { tone: 'plain', sign: '–' },
  }[kind];
  return html`<span class="badge ${tone}"><span aria-hidden="true">${sign}</span>${label}</span>`;
}

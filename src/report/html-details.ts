import type { Report, ReportRun } from './document.js';
import type { Figure } from './figure.js';
import { decimal, duration, integer, percent } from './format.js';
import { renderFigure, renderTable } from './html-figure.js';
import { html, type Markup } from './markup.js';
import { boundText, STANDING_LIMITS } from './sentences.js';

/** Curves, the comparison and how every model was trained. */
export function trainingSection(
  report: Report,
  { curves, comparison }: { readonly curves: readonly Figure[]; readonly comparison: Figure | undefined },
): Markup {
  return html`<section id="training" aria-labelledby="h-training">
<div class="section-head"><h2 id="h-training">Training</h2><p class="quiet">${report.dataset.description}</p></div>
${comparison === undefined ? undefined : renderFigure(comparison)}
${curves.length > 0 ? html`<div class="grid">${curves.map(renderFigure)}</div>` : undefined}
<div class="panel after">${runsTable(report.runs)}</div>
</section>`;
}

/** What is not protected, and what the run's owner adds. */
export function limitsSection(report: Report): Markup {
  return html`<section id="limits" aria-labelledby="h-limits">
<div class="section-head"><h2 id="h-limits">What is not protected</h2></div>
<ul class="limits">${[...report.notes, ...STANDING_LIMITS].map((limit) => html`<li>${limit}</li>`)}</ul>
</section>`;
}

const ASSIGNED = {
  all: 'by fair coins',
  canaries: 'canaries by fair coins, others by a random split',
  none: 'by a random split',
} as const;

/** Who attacked how, under which assumptions, with which software. */
export function methodSection(report: Report): Markup {
  const { backend, versions, dataset } = report;
  const audits = report.audits.map(({ result }) => result);
  const facts: [string, string][] = [
    ['Data', dataset.name],
    ...optional('Training examples', dataset.trainExamples, integer),
    ...optional('Test examples', dataset.testExamples, integer),
    ['Backend', [backend.name, backend.version].filter((part) => part !== undefined).join(' ')],
    ...optional('Threads', backend.threads, integer),
    ...Object.entries(versions),
    ...[...new Set(audits.map(({ coins }) => coins))].map((coins): [string, string] => [
      'Membership',
      ASSIGNED[coins],
    ]),
  ];
  const assumptions = [...new Set(audits.flatMap((audit) => audit.assumptions))];
  const notes = [...new Set(audits.flatMap((audit) => audit.notes))];
  const [first] = audits;
  return html`<section id="method" aria-labelledby="h-method">
<div class="section-head"><h2 id="h-method">How it was measured</h2></div>
<div class="panel"><dl class="facts">${facts.map(
    ([term, value]) => html`<div><dt>${term}</dt><dd>${value}</dd></div>`,
  )}</dl>
${backend.reason === undefined ? undefined : html`<p class="small quiet under">${backend.reason}</p>`}</div>
${
  first === undefined
    ? undefined
    : html`<div class="panel"><h3>The attacker</h3><p>${first.attacker}</p>
<h3>What the statements marked exact rest on</h3>
<ul>${assumptions.map((text) => html`<li>${text}</li>`)}</ul>
${notes.length > 0 ? html`<h3>Notes of the audit</h3><ul>${notes.map((text) => html`<li>${text}</li>`)}</ul>` : undefined}
<p class="small quiet">Halves drawn with seed “${first.seed}”. ${audits.map(
        (audit) =>
          `${audit.subject}: ${integer(audit.multiplicity.thresholds)} thresholds and ` +
          `${integer(audit.multiplicity.attacks)} attacks share an error of ` +
          `${percent(1 - audit.confidence, 'nearest', 0)}. `,
      )}</p></div>`
}
</section>`;
}

function runsTable(runs: readonly ReportRun[]): Markup {
  const columns: [string, (run: ReportRun) => string | undefined][] = [
    ['Guarantee', (run) => (run.privacy === 'not private' ? 'none' : boundText(run))],
    ['Accuracy', ({ accuracy }) => accuracy && percent(accuracy.value, 'nearest', 2)],
    ['Noise multiplier', ({ noiseMultiplier: sigma }) => sigma?.toPrecision(4)],
    ['Clipping norm', ({ l2NormClip: clip }) => (clip === undefined ? undefined : decimal(clip))],
    ['Clipping', ({ clipping }) => clipping],
    ['Schedules', ({ schedules }) => schedules],
    ['Expected batch', ({ expectedBatchSize: size }) => (size === undefined ? undefined : integer(size))],
    ['Sampler', ({ sampler }) => sampler],
    ['Optimizer', ({ optimizer }) => optimizer],
    ['Epochs', ({ epochs }) => (epochs === undefined ? undefined : String(epochs))],
    ['Steps', ({ steps }) => (steps === undefined ? undefined : integer(steps))],
    ['Examples', ({ datasetSize }) => (datasetSize === undefined ? undefined : integer(datasetSize))],
    ['Parameters', ({ parameters }) => (parameters === undefined ? undefined : integer(parameters))],
    ['Time', ({ seconds }) => (seconds === undefined ? undefined : duration(seconds))],
  ];
  const used = columns.filter(([, read]) => runs.some((run) => read(run) !== undefined));
  return renderTable({
    caption: 'Every run of this report and its settings',
    columns: ['Setting', ...runs.map(({ name }) => name)],
    rows: used.map(([label, read]) => [label, ...runs.map((run) => read(run) ?? '–')]),
  });
}

function optional<T>(term: string, value: T | undefined, format: (value: T) => string): [string, string][] {
  return value === undefined ? [] : [[term, format(value)]];
}

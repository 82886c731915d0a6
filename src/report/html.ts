import type { AuditGroup, ScoreName } from '../audit/index.js';
import { parseReport, type Report, type ReportInput } from './document.js';
import type { Figure } from './figure.js';
import { dateText } from './format.js';
import { auditSection } from './html-audit.js';
import { limitsSection, methodSection, trainingSection } from './html-details.js';
import { meaning, overview } from './html-overview.js';
import { STYLE } from './html-style.js';
import { html, type Markup, trusted } from './markup.js';
import { loadPlotter, type Plotter } from './plot.js';
import { comparisonFigure } from './plot-comparison.js';
import { curveFigure } from './plot-curves.js';
import { histogramFigure } from './plot-histogram.js';
import { rocFigure } from './plot-roc.js';
import { type SeriesStyle, seriesStyles } from './series-style.js';

/**
 * The report as one HTML page that needs neither network nor script: its Content-Security-Policy allows
 * nothing but the page's own style sheet. The document itself travels inside, as JSON in
 * `<script type="application/json" id="report-data">`, which no browser runs.
 *
 * Every text of the document is escaped. The page shows the audits' private values, labelled as such.
 *
 * @throws DpError `DP_CORRUPT` when the document does not fit the schema.
 *
 * @example
 * await writeFile('report.html', await renderHtml(report));
 */
export async function renderHtml(input: ReportInput): Promise<string> {
  const report = parseReport(input);
  const figures = await drawFigures(report);
  const sections = [
    overview(report),
    meaning(report),
    auditSection(report, figures),
    trainingSection(report, figures),
    limitsSection(report),
    methodSection(report),
  ];
  const styleHash = await sha256Base64(STYLE);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${trusted(styleHash)}'; base-uri 'none'; form-action 'none'">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="tfjs-privacy ${report.versions['tfjs-privacy'] ?? ''}">
<title>${report.title}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<div class="wrap">
${pageHeader(report)}
${contents(sections)}
<main id="main">${sections}</main>
<footer>
<p>Written by tfjs-privacy. ε values are upper bounds and are printed rounded up; what an audit proves is a lower
bound and is printed rounded down. The numbers behind this page are inside it, as JSON (element <code>report-data</code>).</p>
</footer>
</div>
<script type="application/json" id="report-data">${trusted(embeddedJson(report))}</script>
</body>
</html>
`;
  return page.text;
}

/** The document as JSON text that can't end the element it stands in. */
function embeddedJson(report: Report): string {
  return JSON.stringify(report)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}

function pageHeader(report: Report): Markup {
  const { backend, dataset } = report;
  return html`<header class="top">
<p class="kicker">Privacy report</p>
<h1>${report.title}</h1>
${report.summary === undefined ? undefined : html`<p class="lead">${report.summary}</p>`}
<ul class="meta">
<li><b>${dateText(report.created)}</b></li>
<li>Data <b>${dataset.name}</b></li>
<li>Computed on <b>${backend.name}</b></li>
</ul>
</header>`;
}

const SECTION_NAMES: Readonly<Record<string, string>> = {
  overview: 'At a glance',
  meaning: 'What the guarantee means',
  audit: 'Attacks',
  training: 'Training',
  limits: 'Not protected',
  method: 'Method',
};

function contents(sections: readonly (Markup | undefined)[]): Markup {
  const ids = sections.flatMap((section) => /<section id="([a-z]+)"/.exec(section?.text ?? '')?.[1] ?? []);
  return html`<nav class="toc" aria-label="Contents"><ol>${ids.map(
    (id) => html`<li><a href="#${id}">${SECTION_NAMES[id] ?? id}</a></li>`,
  )}</ol></nav>`;
}

async function drawFigures(report: Report) {
  const plotter = await loadPlotter();
  const styles = seriesStyles(report.runs);
  const metrics = (['accuracy', 'epsilon', 'loss'] as const).filter((metric) =>
    report.curves.some((curve) => curve.metric === metric && curve.points.length > 0),
  );
  return {
    roc: rocFigures(plotter, report, styles),
    histograms: histogramFigures(plotter, report, styles),
    curves: metrics.flatMap((metric, i) => {
      // Two in a row; the last one of an odd number has the row to itself.
      const size = i === metrics.length - 1 && i % 2 === 0 ? 'full' : 'half';
      return curveFigure(plotter, report, { metric, styles, size }) ?? [];
    }),
    comparison: comparisonFigure(plotter, report, styles),
  };
}

/** One figure for each attack, with every model that it was run on. */
function rocFigures(plotter: Plotter, report: Report, styles: ReadonlyMap<string, SeriesStyle>): Figure[] {
  const kinds = new Map<string, { score: ScoreName; on: AuditGroup }>();
  for (const { result } of report.audits) {
    for (const { score, on } of result.attacks) kinds.set(`${score}-${on}`, { score, on });
  }
  // The first has a row to itself, then two in a row; so has the last, where it would be alone in half a row.
  const alone = (i: number) => i === 0 || (i === kinds.size - 1 && i % 2 === 1);
  return [...kinds].map(([key, { score, on }], i) =>
    rocFigure(plotter, {
      id: `roc-${key}`,
      size: alone(i) ? 'full' : 'half',
      series: report.audits.flatMap((audit) => {
        const attack = audit.result.attacks.find(
          (candidate) => candidate.score === score && candidate.on === on,
        );
        if (attack === undefined) return [];
        return [
          { run: report.runs.find(({ id }) => id === audit.run)!, style: styles.get(audit.run)!, attack },
        ];
      }),
    }),
  );
}

/** One figure for each model and group of examples; those of one group share their axis. */
function histogramFigures(
  plotter: Plotter,
  report: Report,
  styles: ReadonlyMap<string, SeriesStyle>,
): Figure[] {
  const groups = [...new Set(report.audits.flatMap(({ result }) => result.histograms.map(({ on }) => on)))];
  return groups.flatMap((on) => {
    const found = report.audits.flatMap(({ run, result }) =>
      result.histograms.filter((histogram) => histogram.on === on).map((histogram) => ({ run, histogram })),
    );
    const edges = found.flatMap(({ histogram }) => histogram.edges);
    const domain = [Math.min(...edges), Math.max(...edges)] as const;
    return found.map(({ run, histogram }, i) =>
      histogramFigure(plotter, {
        id: `scores-${on}-${i}`,
        run: report.runs.find(({ id }) => id === run)!,
        style: styles.get(run)!,
        histogram,
        domain,
      }),
    );
  });
}

async function sha256Base64(text: string): Promise<string> {
  const digest = await globalThis.crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}

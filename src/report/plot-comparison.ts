import { clopperPearson } from '../audit/index.js';
import { epsilonOf, type Report, type ReportRun } from './document.js';
import { type Figure, twoSizes } from './figure.js';
import { epsilonText, integer, percent, percentInterval } from './format.js';
import type { FigureSize, Plotter } from './plot.js';
import { boundText } from './sentences.js';
import type { SeriesStyle } from './series-style.js';

interface Entry {
  readonly run: ReportRun;
  readonly epsilon: number;
  readonly value: number;
  readonly lower: number;
  readonly upper: number;
  readonly position: number;
  readonly style: SeriesStyle;
}

/**
 * Accuracy against ε for the runs of `report.comparison`, with exact 95 % intervals of each accuracy over its
 * test set; undefined unless two of them have an accuracy. ε on a logarithmic axis, ∞ (not private) at the end.
 */
export function comparisonFigure(
  plotter: Plotter,
  report: Report,
  styles: ReadonlyMap<string, SeriesStyle>,
): Figure | undefined {
  const { comparison } = report;
  if (comparison === undefined) return undefined;
  const entries = comparison.runs.flatMap((id) => entryOf(report, id, styles));
  if (entries.length < 2) return undefined;
  entries.sort((a, b) => a.position - b.position);
  return {
    id: 'accuracy-against-epsilon',
    title: 'Accuracy against ε',
    description: `${entries
      .map(({ run, value }) => `${run.name} (${boundText(run)}): ${percent(value)}`)
      .join('; ')}.`,
    caption: comparison.caption,
    private: entries.some(({ run }) => run.accuracy?.visibility === 'private value'),
    legend: [],
    table: {
      columns: ['Model', 'Guarantee', 'Accuracy', '95 % interval', 'Test examples'],
      rows: entries.map(({ run, value, lower, upper }) => [
        run.name,
        run.privacy === 'not private' ? 'none' : boundText(run),
        percent(value, 'nearest', 2),
        percentInterval({ lower, upper }, 2),
        integer(run.accuracy!.examples),
      ]),
    },
    svg: twoSizes('full', (size) => drawComparison(plotter, entries, size)),
  };
}

function entryOf(report: Report, id: string, styles: ReadonlyMap<string, SeriesStyle>): Entry[] {
  const run = report.runs.find((candidate) => candidate.id === id);
  if (run?.accuracy === undefined) return [];
  const epsilon = epsilonOf(run.privacy);
  const { value, examples } = run.accuracy;
  const { lower, upper } = clopperPearson({
    successes: Math.round(value * examples),
    trials: examples,
    confidence: 0.95,
  });
  const finite = report.runs.map(({ privacy }) => epsilonOf(privacy)).filter(Number.isFinite);
  // ∞ stands a factor of three beyond the largest finite ε, under its own tick. Positions are logarithms on a
  // linear scale: a logarithmic scale drops the labels of ticks that it thinks too close.
  const position = Math.log10(
    Number.isFinite(epsilon) ? Math.max(epsilon, 1e-3) : 3 * Math.max(...finite, 1),
  );
  return [{ run, epsilon, value, lower, upper, position, style: styles.get(id)! }];
}

function drawComparison({ Plot, draw }: Plotter, entries: readonly Entry[], size: FigureSize): string {
  const positions = [...new Set(entries.map(({ position }) => position))];
  const label = (position: number) =>
    epsilonText(entries.find((entry) => entry.position === position)?.epsilon ?? position);
  return draw(size, {
    height: size === 'narrow' ? 300 : 430,
    marginTop: 40,
    marginRight: 40,
    x: { domain: [positions[0]! - 0.18, positions[positions.length - 1]! + 0.18] },
    y: {
      domain: [
        Math.min(...entries.map(({ lower }) => lower)),
        Math.max(...entries.map(({ upper }) => upper)),
      ],
      nice: true,
    },
    marks: [
      Plot.gridY({ ticks: 5, stroke: 'var(--hairline)', strokeOpacity: 1 }),
      Plot.axisX({
        ticks: positions,
        tickFormat: label,
        label: 'ε, logarithmic (∞: not private) →',
        labelArrow: 'none',
        fontSize: 13,
        tickSize: 6,
      }),
      Plot.axisY({
        ticks: 5,
        tickFormat: (value: number) => percent(value, 'nearest', 1),
        label: '↑ Test accuracy',
        labelArrow: 'none',
        fontSize: 13,
        tickSize: 0,
      }),
      Plot.line(
        entries.filter(({ epsilon }) => Number.isFinite(epsilon)),
        { x: 'position', y: 'value', stroke: 'var(--muted)', strokeWidth: 1.5 },
      ),
      Plot.link(entries, {
        x: 'position',
        y1: 'lower',
        y2: 'upper',
        stroke: (d: Entry) => d.style.color,
        strokeWidth: 2,
      }),
      ...entries.map((entry) =>
        Plot.dot([entry], {
          x: 'position',
          y: 'value',
          symbol: entry.style.symbol,
          r: 6,
          fill: entry.style.symbol === 'times' ? 'none' : 'var(--card)',
          stroke: entry.style.color,
          strokeWidth: 2.5,
        }),
      ),
      Plot.text(entries, {
        x: 'position',
        y: 'upper',
        text: ({ value }: Entry) => percent(value),
        dy: -12,
        fontSize: 13,
        fontWeight: 600,
        stroke: 'var(--card)',
        strokeWidth: 4,
        fill: 'currentColor',
      }),
    ],
  });
}

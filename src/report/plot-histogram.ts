import type { ScoreHistogram } from '../audit/index.js';
import type { ReportRun } from './document.js';
import { type Figure, twoSizes } from './figure.js';
import { decimal, integer, percent } from './format.js';
import type { FigureSize, Plotter } from './plot.js';
import type { SeriesStyle } from './series-style.js';

/** One model's scores, and the range that all drawings of the same examples share. */
export interface HistogramInput {
  readonly id: string;
  readonly run: ReportRun;
  readonly style: SeriesStyle;
  readonly histogram: ScoreHistogram;
  readonly domain: readonly [number, number];
}

interface Bin {
  readonly low: number;
  readonly high: number;
  readonly members: number;
  readonly nonMembers: number;
}

/** How confident a model is in the labels of training examples and of others: what every attack feeds on. */
export function histogramFigure(plotter: Plotter, input: HistogramInput): Figure {
  const { id, run, histogram } = input;
  const whom = histogram.on === 'canaries' ? 'canaries' : 'examples';
  const shares = bins(histogram);
  const coarse = merge(histogram, 8);
  return {
    id,
    title: `${run.name}: scores of ${whom}`,
    description:
      `Two histograms of logit-scaled confidence: ${integer(sum(histogram.members))} ${whom} that were in the ` +
      `training data and ${integer(sum(histogram.nonMembers))} that were not. They overlap by ` +
      `${percent(overlap(shares))}.`,
    caption: `In (filled) and out of the training data (line). The two shapes overlap by ${percent(overlap(shares))}.`,
    private: true,
    legend: [
      { label: `${capital(whom)} in the training data`, style: 'members' },
      { label: `${capital(whom)} left out`, style: 'non-members' },
    ],
    table: {
      columns: ['Logit-scaled confidence', 'In the training data', 'Left out'],
      rows: coarse.map(({ low, high, members, nonMembers }) => [
        `${decimal(low, 'nearest', 1)} to ${decimal(high, 'nearest', 1)}`,
        integer(members),
        integer(nonMembers),
      ]),
    },
    svg: twoSizes('half', (size) => drawHistogram(plotter, input, shares, size)),
  };
}

function drawHistogram(
  { Plot, draw }: Plotter,
  { style, domain }: HistogramInput,
  shares: readonly Bin[],
  size: FigureSize,
): string {
  const outline = shares.flatMap(({ low, high, nonMembers }) => [
    [low, nonMembers],
    [high, nonMembers],
  ]);
  return draw(size, {
    height: size === 'narrow' ? 220 : 260,
    x: { domain: [...domain] },
    y: { zero: true, nice: true },
    marks: [
      Plot.gridY({ ticks: 4, stroke: 'var(--hairline)', strokeOpacity: 1 }),
      Plot.axisX({
        ticks: 6,
        label: 'Logit-scaled confidence in the label →',
        labelArrow: 'none',
        fontSize: 13,
        tickSize: 0,
      }),
      Plot.axisY({
        ticks: 4,
        label: '↑ Share of examples',
        labelArrow: 'none',
        fontSize: 13,
        tickSize: 0,
        tickFormat: (value: number) => percent(value, 'nearest', 0),
      }),
      Plot.rectY(shares, {
        x1: 'low',
        x2: 'high',
        y: 'members',
        fill: style.color,
        fillOpacity: 0.38,
        inset: 0,
      }),
      Plot.line(outline, { stroke: 'currentColor', strokeWidth: 1.75, strokeLinejoin: 'miter' }),
      Plot.ruleY([0], { stroke: 'currentColor' }),
    ],
  });
}

function bins({ edges, members, nonMembers }: ScoreHistogram): Bin[] {
  const inside = Math.max(1, sum(members));
  const outside = Math.max(1, sum(nonMembers));
  return members.map((count, i) => ({
    low: edges[i]!,
    high: edges[i + 1]!,
    members: count / inside,
    nonMembers: (nonMembers[i] ?? 0) / outside,
  }));
}

function merge({ edges, members, nonMembers }: ScoreHistogram, groups: number): Bin[] {
  const width = Math.ceil(members.length / groups);
  const merged: Bin[] = [];
  for (let start = 0; start < members.length; start += width) {
    const end = Math.min(members.length, start + width);
    merged.push({
      low: edges[start]!,
      high: edges[end]!,
      members: sum(members.slice(start, end)),
      nonMembers: sum(nonMembers.slice(start, end)),
    });
  }
  return merged;
}

function overlap(shares: readonly Bin[]): number {
  return shares.reduce((total, { members, nonMembers }) => total + Math.min(members, nonMembers), 0);
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

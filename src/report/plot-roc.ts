import type { AttackResult } from '../audit/index.js';
import { tprCeiling } from '../audit/index.js';
import { finiteGuarantee, type ReportRun } from './document.js';
import { type Figure, twoSizes } from './figure.js';
import { ceilingPercent, percent, rate } from './format.js';
import { FIGURE_WIDTH, type FigureSize, type Plotter } from './plot.js';
import { attackTitle, boundText } from './sentences.js';
import type { SeriesStyle } from './series-style.js';

/** The same attack on one model. */
export interface RocSeries {
  readonly run: ReportRun;
  readonly style: SeriesStyle;
  readonly attack: AttackResult;
}

type Point = readonly [fpr: number, tpr: number];

const TABLE_RATES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];

/**
 * One attack on every audited model: the empirical ROC on log-log axes, where low false-positive rates are
 * visible, with the ceiling that each finite claim puts over every attack, and the line of pure guessing.
 * Marked points are the thresholds that were fixed beforehand, with their Clopper–Pearson intervals.
 */
export function rocFigure(
  plotter: Plotter,
  {
    id,
    series,
    size,
  }: { readonly id: string; readonly series: readonly RocSeries[]; readonly size: 'full' | 'half' },
): Figure {
  const first = series[0]!.attack;
  const nonMembers = Math.max(...series.map(({ attack }) => attack.nonMembers));
  const least = Math.min(1e-2, 10 ** -Math.ceil(Math.log10(nonMembers) - 1e-9));
  const claims = series.filter(({ run }) => finiteGuarantee(run) !== undefined);
  const title = attackTitle(first);
  return {
    id,
    title,
    description:
      `Receiver operating characteristic on logarithmic axes for ${series.map(({ run }) => run.name).join(', ')}. ` +
      series.map(({ run, attack }) => `${run.name}: ${rateList(attack)}`).join('; ') +
      `. The ceiling of the claim and the line of pure guessing are drawn for comparison.`,
    caption:
      size === 'half'
        ? 'Another attack, drawn in the same way.'
        : 'How many training examples an attacker finds (up) for how many false accusations (right), both on ' +
          'logarithmic axes. The closer to the dotted line, the less the attack knows. Marks: thresholds fixed ' +
          'beforehand, with their intervals.' +
          (claims.length > 0
            ? ' The shaded region is what the guarantee rules out for every attack, on average over trainings.'
            : ''),
    private: true,
    legend: [
      ...series.map(({ run, style }) => ({ label: run.name, style })),
      ...claims.map(({ run, style }) => ({
        label: `Ceiling of ${boundText(run)}`,
        style: { ceiling: style.color },
      })),
      { label: 'Guessing', style: 'chance' as const },
    ],
    table: rocTable(series, least),
    svg: twoSizes(size, (actual) => drawRoc(plotter, series, least, actual)),
  };
}

/** [TPR at the largest accused set with FPR ≤ `fpr`]: no interpolation. */
function tprAt({ roc }: AttackResult, fpr: number): number {
  let best = 0;
  for (const [i, falsePositives] of roc.falsePositives.entries()) {
    if (falsePositives <= fpr * roc.nonMembers + 1e-9) best = roc.truePositives[i]!;
  }
  return best / roc.members;
}

function rateList(attack: AttackResult): string {
  const rates = TABLE_RATES.filter((fpr) => [0.001, 0.01, 0.1].includes(fpr) && fpr * attack.nonMembers >= 1);
  return rates
    .map((fpr) => `${percent(tprAt(attack, fpr))} found at ${rate(fpr)} false accusations`)
    .join(', ');
}

function rocTable(series: readonly RocSeries[], least: number): Figure['table'] {
  const claims = series.flatMap(({ run }) => {
    const claim = finiteGuarantee(run);
    return claim === undefined ? [] : [{ run, claim }];
  });
  return {
    cells: 'true-positive rates',
    columns: [
      'False-positive rate',
      ...series.map(({ run }) => run.name),
      ...claims.map(({ run }) => (claims.length === 1 ? 'Ceiling' : `Ceiling, ${run.name}`)),
    ],
    rows: TABLE_RATES.filter((fpr) => fpr >= least).map((fpr) => [
      rate(fpr),
      ...series.map(({ attack }) =>
        fpr * attack.nonMembers < 1 ? 'not resolvable' : percent(tprAt(attack, fpr)),
      ),
      ...claims.map(({ claim }) => ceilingPercent(tprCeiling(claim, fpr))),
    ]),
  };
}

function drawRoc(
  { Plot, draw }: Plotter,
  series: readonly RocSeries[],
  least: number,
  size: FigureSize,
): string {
  const decades: number[] = [];
  for (let tick = 1; tick >= least * 0.99; tick /= 10) decades.unshift(tick);
  const inside = (value: number) => Math.max(least, value);
  const ceilings = series.flatMap(({ run, style }) => {
    const claim = finiteGuarantee(run);
    if (claim === undefined) return [];
    const points = logSpaced(least, 1, 120).map((fpr): Point => [fpr, inside(tprCeiling(claim, fpr))]);
    return [{ points, style, label: boundText(run) }];
  });
  const axis = { domain: [least, 1], type: 'log' as const };
  const ticks = { ticks: decades, tickFormat: (value: number) => rate(value) };
  return draw(size, {
    height: size === 'full' ? 560 : size === 'half' ? 410 : 340,
    marginTop: 34,
    marginLeft: 62,
    x: axis,
    y: axis,
    marks: [
      Plot.gridX({ ticks: decades, stroke: 'var(--hairline)', strokeOpacity: 1 }),
      Plot.gridY({ ticks: decades, stroke: 'var(--hairline)', strokeOpacity: 1 }),
      Plot.axisX({ ...ticks, label: 'False-positive rate →', labelArrow: 'none', fontSize: 13, tickSize: 0 }),
      Plot.axisY({ ...ticks, label: '↑ True-positive rate', labelArrow: 'none', fontSize: 13, tickSize: 0 }),
      ...ceilings.flatMap(({ points, style }) => [
        Plot.areaY(points, { x: '0', y1: '1', y2: 1, fill: style.color, fillOpacity: 0.1 }),
        Plot.line(points, { stroke: style.color, strokeWidth: 1.5, strokeDasharray: '6 4' }),
      ]),
      Plot.line(
        [
          [least, least],
          [1, 1],
        ],
        { stroke: 'var(--muted)', strokeWidth: 1.5, strokeDasharray: '1.5 4', strokeLinecap: 'round' },
      ),
      ...series.map(({ attack, style }) =>
        Plot.line(staircase(attack, least), {
          stroke: style.color,
          strokeWidth: 2.25,
          strokeLinejoin: 'round',
        }),
      ),
      ...series.flatMap(({ attack, style }) => operatingPoints(Plot, attack, style, inside)),
      ...ceilings.flatMap(({ points, label }) => ceilingLabel(Plot, points, label, size)),
    ],
  });
}

/** Words inside the shaded region, where they fit: left of the ceiling at their own height. */
function ceilingLabel(Plot: Plotter['Plot'], points: readonly Point[], label: string, size: FigureSize) {
  const text = `Ruled out by ${label}`;
  const least = points[0]![0];
  const share = (text.length * 7.4 + 24) / (FIGURE_WIDTH[size] - 80);
  const beyond = least ** (1 - share);
  const height = (points.find(([fpr]) => fpr >= beyond)?.[1] ?? 1) * 1.12;
  if (size !== 'full' || height > 0.75) return [];
  return [
    Plot.text([[least, height]], {
      text: () => text,
      textAnchor: 'start',
      dx: 12,
      fontSize: 13,
      fontWeight: 600,
      fill: 'currentColor',
      stroke: 'var(--card)',
      strokeWidth: 4,
    }),
  ];
}

function operatingPoints(
  Plot: Plotter['Plot'],
  attack: AttackResult,
  style: SeriesStyle,
  inside: (value: number) => number,
) {
  const points = attack.points.flatMap((point) =>
    point.resolvable
      ? [
          {
            x: inside(point.realisedFpr.value),
            y: inside(point.tpr.value),
            fpr: point.realisedFpr,
            tpr: point.tpr,
          },
        ]
      : [],
  );
  return [
    Plot.link(points, {
      x: 'x',
      y1: ({ tpr }: (typeof points)[number]) => inside(tpr.lower),
      y2: ({ tpr }: (typeof points)[number]) => inside(tpr.upper),
      stroke: style.color,
      strokeWidth: 1.5,
    }),
    Plot.link(points, {
      y: 'y',
      x1: ({ fpr }: (typeof points)[number]) => inside(fpr.lower),
      x2: ({ fpr }: (typeof points)[number]) => inside(fpr.upper),
      stroke: style.color,
      strokeWidth: 1.5,
    }),
    Plot.dot(points, {
      x: 'x',
      y: 'y',
      symbol: style.symbol,
      r: 5.5,
      fill: style.symbol === 'times' ? 'none' : 'var(--card)',
      stroke: style.color,
      strokeWidth: 2.25,
    }),
  ];
}

/** The ROC inside the axes, without corners that no pixel could show. */
function staircase({ roc }: AttackResult, least: number): Point[] {
  const points: Point[] = [];
  let last: Point = [0, 0];
  for (const [i, falsePositives] of roc.falsePositives.entries()) {
    // Rates of 0 lie outside the axes: the curve enters at its last point there.
    if (roc.falsePositives[i + 1] === 0 || roc.truePositives[i + 1] === 0) continue;
    const point: Point = [
      Math.max(least, falsePositives / roc.nonMembers),
      Math.max(least, roc.truePositives[i]! / roc.members),
    ];
    const step = Math.max(Math.log10(point[0] / last[0]), Math.log10(point[1] / last[1]));
    if (points.length === 0 || step > 0.004 || i === roc.falsePositives.length - 1) {
      points.push(point);
      last = point;
    }
  }
  return points;
}

function logSpaced(low: number, high: number, count: number): number[] {
  const ratio = Math.log(high / low) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? high : low * Math.exp(i * ratio)));
}

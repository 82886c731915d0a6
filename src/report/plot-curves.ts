import type { Report, ReportCurve } from './document.js';
import { type Figure, twoSizes } from './figure.js';
import { decimal, epsilonText, percent } from './format.js';
import type { FigureSize, Plotter } from './plot.js';
import type { SeriesStyle } from './series-style.js';

interface CurveKind {
  readonly title: string;
  readonly axis: string;
  readonly caption: string;
  readonly format: (value: number) => string;
}

const KINDS: Readonly<Record<ReportCurve['metric'], CurveKind>> = {
  accuracy: {
    title: 'Accuracy by epoch',
    axis: '↑ Accuracy',
    caption: 'What each model gets right after each pass over its data.',
    format: (value) => percent(value),
  },
  epsilon: {
    title: 'ε by epoch',
    axis: '↑ ε spent',
    caption: 'The guarantee so far: it weakens with every pass. A smaller ε protects more.',
    format: (value) => epsilonText(value),
  },
  loss: {
    title: 'Loss by epoch',
    axis: '↑ Loss',
    caption: 'The quantity that training lowers.',
    format: (value) => decimal(value, 'nearest', 3),
  },
};

/** Which curves to draw, and how wide. */
export interface CurveRequest {
  readonly metric: ReportCurve['metric'];
  readonly styles: ReadonlyMap<string, SeriesStyle>;
  readonly size: 'full' | 'half';
}

/** All curves of one metric in one drawing, or undefined where there is none with a point. */
export function curveFigure(
  plotter: Plotter,
  report: Report,
  { metric, styles, size }: CurveRequest,
): Figure | undefined {
  const curves = report.curves.filter((curve) => curve.metric === metric && curve.points.length > 0);
  if (curves.length === 0) return undefined;
  const kind = KINDS[metric];
  const label = ({ run, on, visibility }: ReportCurve) => {
    const name = report.runs.find(({ id }) => id === run)?.name ?? run;
    const measured = on === undefined ? name : `${name}, ${on}`;
    return visibility === 'public' ? measured : `${measured} (private value)`;
  };
  const epochs = [...new Set(curves.flatMap(({ points }) => points.map(([epoch]) => epoch)))].sort(
    (a, b) => a - b,
  );
  return {
    id: `curve-${metric}`,
    title: kind.title,
    description:
      `Line chart over ${epochs.length} epochs. ` +
      curves
        .map(
          (curve) =>
            `${label(curve)}: from ${kind.format(curve.points[0]![1])} to ${kind.format(last(curve)[1])}`,
        )
        .join('; ') +
      '.',
    caption: kind.caption,
    private: curves.some(({ visibility }) => visibility === 'private value'),
    legend: curves.map((curve) => ({ label: label(curve), style: styles.get(curve.run)! })),
    table: {
      columns: ['Epoch', ...curves.map(label)],
      rows: epochs.map((epoch) => [
        String(epoch),
        ...curves.map(({ points }) => {
          const point = points.find(([x]) => x === epoch);
          return point === undefined ? '–' : kind.format(point[1]);
        }),
      ]),
    },
    svg: twoSizes(size, (actual) => drawCurves(plotter, curves, kind, styles, actual)),
  };
}

function drawCurves(
  { Plot, draw }: Plotter,
  curves: readonly ReportCurve[],
  kind: CurveKind,
  styles: ReadonlyMap<string, SeriesStyle>,
  size: FigureSize,
): string {
  const values = curves.flatMap(({ points }) => points.map(([, value]) => value));
  const zero = curves[0]!.metric === 'epsilon';
  const percentages = curves[0]!.metric === 'accuracy';
  const epochs = curves.flatMap(({ points }) => points.map(([epoch]) => epoch));
  const most = Math.max(...epochs);
  const step = Math.max(1, Math.ceil(most / (size === 'narrow' ? 5 : 10)));
  const ticks = Array.from({ length: Math.floor(most / step) + 1 }, (_, i) => i * step).filter(
    (tick) => tick >= Math.min(...epochs),
  );
  return draw(size, {
    height: size === 'narrow' ? 260 : 320,
    x: { domain: [Math.min(...epochs), Math.max(most, Math.min(...epochs) + 1)] },
    y: { domain: [zero ? 0 : Math.min(...values), Math.max(...values)], nice: true, zero },
    marks: [
      Plot.gridY({ ticks: 5, stroke: 'var(--hairline)', strokeOpacity: 1 }),
      Plot.axisX({ ticks, tickFormat: 'd', label: 'Epoch →', labelArrow: 'none', fontSize: 13, tickSize: 0 }),
      Plot.axisY({
        ticks: 5,
        label: kind.axis,
        labelArrow: 'none',
        fontSize: 13,
        tickSize: 0,
        ...(percentages ? { tickFormat: (value: number) => percent(value, 'nearest', 0) } : {}),
      }),
      ...curves.flatMap((curve) => {
        const style = styles.get(curve.run)!;
        return [
          Plot.line(curve.points, { stroke: style.color, strokeWidth: 2.25, strokeDasharray: style.dash }),
          Plot.dot([last(curve)], {
            symbol: style.symbol,
            r: 5,
            fill: style.symbol === 'times' ? 'none' : 'var(--card)',
            stroke: style.color,
            strokeWidth: 2.25,
          }),
        ];
      }),
    ],
  });
}

function last({ points }: ReportCurve): readonly [number, number] {
  return points[points.length - 1]!;
}

import { html, trusted } from './markup.js';
import { cssVariables, DARK, LIGHT } from './palette.js';
import { type Panel, type PanelAxis, type PanelMark, ticksOf } from './panel.js';
import { loadPlotter, type Plotter } from './plot.js';

/** Several plots in one drawing that stands by itself. */
export interface SvgFigure {
  readonly title: string;
  /** What the title is true of and who says so, in a line of its own. */
  readonly subtitle?: string;
  readonly description: string;
  readonly panels: readonly Panel[];
}

const WIDTH = 720;
const PANEL_HEIGHT = 300;
const TITLE_HEIGHT = 46;
const SUBTITLE_HEIGHT = 22;
const LEGEND_LINE = 20;

/** Colour and line pattern of the n-th curve: told apart without colour too. */
const STYLES = [
  ['var(--dp-1)', 'none'],
  ['var(--dp-2)', '7 3'],
  ['var(--open-1)', '2 3'],
  ['var(--dp-3)', '9 3 2 3'],
  ['var(--dp-4)', '5 2'],
  ['var(--open-2)', '12 4'],
] as const;

/**
 * A figure as one SVG file: panels one under the other, title and description inside for those who don't see it, its
 * numbers in the description, light and dark by preference, no script, no network, system fonts.
 *
 * @example
 * writeFileSync('budget.svg', await svgFigure({ title: 'ε of a run', description: '…', panels }));
 */
export async function svgFigure({ title, subtitle, description, panels }: SvgFigure): Promise<string> {
  const plotter = await loadPlotter();
  let top = TITLE_HEIGHT + (subtitle === undefined ? 0 : SUBTITLE_HEIGHT);
  const drawn = panels.map((panel) => {
    const entries = legendEntries(panel);
    const y = top;
    top += PANEL_HEIGHT + 44 + entries.length * LEGEND_LINE;
    const plot = drawPanel(plotter, panel).replace(
      /^<svg/,
      `<svg x="24" y="${y + 26}" width="${WIDTH - 48}" height="${PANEL_HEIGHT}"`,
    );
    return html`<g role="group" aria-label="${panel.title}">
<text class="head" x="24" y="${y + 14}">${panel.title}</text>
${trusted(plot)}
${entries.map(
  ({ label, sign }, i) =>
    html`<g transform="translate(80 ${y + 26 + PANEL_HEIGHT + 12 + i * LEGEND_LINE})">${sign}<text class="key" x="44" y="4">${label}</text></g>`,
)}
</g>
`;
  });
  const text = [description, ...panels.map((panel) => panel.description)].join(' ');
  return html`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}" role="img" aria-labelledby="title description" fill="currentColor">
<title id="title">${title}</title>
<desc id="description">${text}</desc>
<style>${trusted(STYLE)}</style>
<rect class="page" width="100%" height="100%"/>
<text class="title" x="24" y="30">${title}</text>
${subtitle === undefined ? '' : html`<text class="key" x="24" y="52">${subtitle}</text>`}
${drawn}</svg>
`.toString();
}

const STYLE = `
svg{color-scheme:light dark;${cssVariables(LIGHT)}color:var(--ink);font:13px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
@media (prefers-color-scheme:dark){svg{${cssVariables(DARK)}}}
.page{fill:var(--card)}.title{font-size:17px;font-weight:600}.head{font-size:14px;font-weight:600}.key{font-size:13px}
.plot text,.plot tspan{white-space:pre}
`;

function legendEntries({ series, marks }: Panel) {
  const curves = series.filter(({ kind }) => kind === 'curve');
  const line = (color: string, dash: string) =>
    html`<line x1="0" x2="34" stroke="${color}" stroke-width="2.25" stroke-dasharray="${dash}"/>`;
  return [
    ...curves.map(({ label }, i) => ({ label, sign: line(...styleOf(i)) })),
    ...series
      .filter(({ kind }) => kind === 'guide')
      .map(({ label }) => ({ label, sign: line('var(--muted)', '1.5 4') })),
    ...markLabels(marks).map((label) => ({
      label,
      sign: html`<circle cx="17" r="4.5" fill="var(--card)" stroke="var(--ink)" stroke-width="2"/>`,
    })),
  ];
}

/** Points that say on the plot itself which is which share a line. */
function markLabels(marks: readonly PanelMark[]): readonly string[] {
  const tagged = marks.filter(({ tag }) => tag !== undefined);
  const others = marks.filter(({ tag }) => tag === undefined);
  return [
    ...(tagged.length === 0 ? [] : [tagged.map(({ label }) => label).join(' · ')]),
    ...others.map(({ label }) => label),
  ];
}

function styleOf(index: number): readonly [string, string] {
  return STYLES[index % STYLES.length]!;
}

function drawPanel({ Plot, draw }: Plotter, { x, y, series, marks }: Panel): string {
  const ticksX = ticksOf(x, 8);
  const ticksY = ticksOf(y, 6);
  const scale = ({ domain, scale: type }: PanelAxis) => ({ domain: [...domain], type, clamp: false });
  const inside = ({ domain }: PanelAxis, value: number) =>
    value >= domain[0] - 1e-9 * Math.abs(domain[0]) && value <= domain[1] * (1 + 1e-9);
  const visible = (points: readonly (readonly [number, number])[]) =>
    points.filter(([a, b]) => inside(x, a) && inside(y, b)).map(([a, b]) => [a, b] as [number, number]);
  let curve = 0;
  return draw('full', {
    width: WIDTH - 48,
    height: PANEL_HEIGHT,
    marginLeft: 66,
    marginRight: 44,
    x: scale(x),
    y: scale(y),
    marks: [
      Plot.gridX({ ticks: ticksX, stroke: 'var(--hairline)', strokeOpacity: 1 }),
      Plot.gridY({ ticks: ticksY, stroke: 'var(--hairline)', strokeOpacity: 1 }),
      Plot.axisX({
        ticks: ticksX,
        tickFormat: x.format,
        label: `${x.label} →`,
        labelArrow: 'none',
        fontSize: 13,
        tickSize: 0,
      }),
      Plot.axisY({
        ticks: ticksY,
        tickFormat: y.format,
        label: `↑ ${y.label}`,
        labelArrow: 'none',
        fontSize: 13,
        tickSize: 0,
      }),
      ...series.map(({ kind, points }) => {
        if (kind === 'guide') {
          return Plot.line(visible(points), {
            stroke: 'var(--muted)',
            strokeWidth: 1.5,
            strokeDasharray: '1.5 4',
          });
        }
        const [stroke, strokeDasharray] = styleOf(curve++);
        return Plot.line(visible(points), { stroke, strokeWidth: 2.25, strokeDasharray });
      }),
      Plot.dot(visible(marks.map(({ at }) => at)), {
        r: 5,
        fill: 'var(--card)',
        stroke: 'var(--ink)',
        strokeWidth: 2,
      }),
      // Left of the point and above it: curves of this kind rise to the right, above their guide.
      Plot.text(
        marks.filter(({ at: [a, b], tag }) => tag !== undefined && inside(x, a) && inside(y, b)),
        {
          x: ({ at }: PanelMark) => at[0],
          y: ({ at }: PanelMark) => at[1],
          text: ({ tag }: PanelMark) => tag,
          textAnchor: 'end',
          dx: -8,
          dy: -10,
          fontSize: 13,
          fill: 'var(--ink)',
          stroke: 'var(--card)',
          strokeWidth: 4,
        },
      ),
    ],
  });
}

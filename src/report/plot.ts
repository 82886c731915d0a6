import type * as PlotModule from '@observablehq/plot';

/** Where a figure is shown: across the page, in half of it, or on a telephone. */
export type FigureSize = 'full' | 'half' | 'narrow';

/** Width in pixels of each size; text stays legible because each size is drawn for itself. */
export const FIGURE_WIDTH: Readonly<Record<FigureSize, number>> = { full: 1010, half: 500, narrow: 325 };

/** Draws figures as SVG text, without a browser. */
export interface Plotter {
  readonly Plot: typeof PlotModule;
  /** Draws one plot of the size's width: axes and text in the page's colours, the axis text at 13 pixels. */
  draw(size: FigureSize, options: PlotModule.PlotOptions): string;
}

let plotter: Promise<Plotter> | undefined;

/**
 * Loads `@observablehq/plot` and `linkedom`, once, when the first figure is drawn: a third of a second that
 * a terminal report never spends.
 *
 * @example
 * const { Plot, draw } = await loadPlotter();
 * const svg = draw('half', { marks: [Plot.line([[0, 0], [1, 1]])] });
 */
export function loadPlotter(): Promise<Plotter> {
  plotter ??= load();
  return plotter;
}

async function load(): Promise<Plotter> {
  const [Plot, { parseHTML }] = await Promise.all([import('@observablehq/plot'), import('linkedom')]);
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  return {
    Plot,
    draw(size, options) {
      const figure = Plot.plot({
        document: document as unknown as Document,
        width: FIGURE_WIDTH[size],
        marginLeft: 56,
        marginRight: 18,
        marginTop: 30,
        marginBottom: 44,
        ...options,
      });
      return tidy(figure.outerHTML);
    },
  };
}

/**
 * The SVG without its own style sheet and style attributes (the page's Content-Security-Policy allows one sheet,
 * which repeats what they did), without the fixed size, hidden from readers: the figure around it speaks.
 */
function tidy(svg: string): string {
  return svg
    .replaceAll(/<style>[\s\S]*?<\/style>/g, '')
    .replaceAll(/ style="[^"]*"/g, '')
    .replace(/^<svg([^>]*)>/, (_, attributes: string) => {
      const kept = attributes.replaceAll(/ (?:class|height|width|font-size|font-family|fill)="[^"]*"/g, '');
      return `<svg${kept} fill="currentColor" class="plot" focusable="false">`;
    })
    .replaceAll(/ aria-label="[^"]*"/g, '')
    .replaceAll(/="[^"]*"/g, (value) => value.replaceAll(/(\.\d\d)\d+/g, '$1'));
}
